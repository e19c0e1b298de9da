"""One golden vector before it is written down."""

import zlib
from typing import Any, NamedTuple

from golden import city
from golden.city import NOW


class Fault(NamedTuple):
    """A code, what is wrong with it, and the verdict it must get."""

    name: str
    description: str
    code: str
    outcome: str
    step: int
    reason: str
    now: int = NOW
    as_of: int = NOW - 30
    """When the status lists were known to be right."""
    expires_at: int | None = None
    """When the publisher of the status lists no longer stands by them."""
    trust: dict[str, Any] = {}  # noqa: RUF012  (never written to)
    """What is different in the trust list."""


# Token Status List, draft 20, appendix C.2: 2^20 values of two bits, all 0 but for eleven; number 1993 is 2.
DRAFT_LST = (
    "eNrt2zENACEQAEEuoaBABP5VIO01fCjIHTMStt9ovGVIAAAAAABAbiEBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEB5WwIAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAID0ugQAAAAAAAAA"
    "AAAAAAAAQG12SgAAAAAAAAAAAAAAAAAAAAAAAAAAAOCSIQEAAAAAAAAAAAAAAAAAAAAAAAD8ExIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAwJEuAQAAAAAAAAAAAAAAAAAAAAAAAMB9SwIAAAAAAAAAAAAAAAAAAACoYUoAAAAAAAAAAAAAAEBqH81gAQw"
)


def to_json(fault: Fault) -> dict[str, Any]:
    """The vector, as every verifier reads it."""
    # Level 0 leaves nothing to the taste of a compressor: the same bytes from every implementation.
    lst = city.b64(zlib.compress(bytes(city.status_list().data), level=0))
    lists = {
        city.LIST: lst,
        city.OTHER_LIST: city.b64(zlib.compress(b"\x55" * 16, level=0)),
        city.DRAFT_LIST: DRAFT_LST,
    }
    times = {"as_of": fault.as_of} | ({} if fault.expires_at is None else {"expires_at": fault.expires_at})
    return {
        "description": fault.description,
        "code": fault.code,
        "origin": city.ORIGIN,
        "now": fault.now,
        "freshness": {"green": 60, "amber": 86_400},
        "expect": {"outcome": fault.outcome, "step": fault.step, "reason": fault.reason},
        "trust": city.TRUST | fault.trust,
        "statuses": {str(number): {"bits": 2, "lst": each} | times for number, each in lists.items()},
        "types": [city.TRUCK_PERMIT],
    }
