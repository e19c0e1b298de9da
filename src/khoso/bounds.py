"""What a transaction may touch of citizens' and agencies' data. PostgreSQL holds it to that (docs/database.md)."""

from collections.abc import Iterable
from typing import Literal, get_args
from uuid import UUID

import msgspec

Duty = Literal[
    "identify",
    "assign",
    "issue",
    "approve",
    "order",
    "verify",
    "lookup",
    "deliver",
    "follow",
    "publish",
    "custody",
    "due",
    "import",
    "forget",
    "recover",
    "audit",
    "demo",
]
"""What the system itself has to do, beyond one vault or some agencies; each touches only what it needs."""

DUTIES: frozenset[str] = frozenset(get_args(Duty))


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """A vault, agencies, a duty, or several of these; what is left out is not touched."""

    vault_id: UUID | None = None
    """The vault whose holder asks."""
    agencies: tuple[str, ...] = ()
    """The agencies for which somebody acts."""
    duty: Duty | None = None


def of_agencies(agencies: Iterable[str], duty: Duty | None = None) -> Bounds:
    """What is of these agencies."""
    return Bounds(agencies=tuple(sorted(agencies)), duty=duty)


NOTHING = Bounds()
"""Of citizens' and agencies' data no row at all. What everybody may see is there all the same."""
