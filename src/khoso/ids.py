"""Random identifiers for many rows at once."""

import os
from uuid import UUID


def draw_ids(count: int) -> list[UUID]:
    """So many random UUIDs (version 4: RFC 9562, 5.4).

    Of one reading of the system's randomness: each gives up the interpreter's lock and has to wait for it again.
    """
    drawn = os.urandom(16 * count)
    return [UUID(bytes=drawn[start : start + 16], version=4) for start in range(0, len(drawn), 16)]
