"""What the demonstration reads that no room would tell it."""

from uuid import UUID

import msgspec

from khoso import db
from khoso.bounds import Bounds
from khoso.db import Pool
from khoso.errors import NotFound

_DEMO = Bounds(duty="demo")


async def first_list_seed(pool: Pool) -> bytes:
    """The seed of the first status list, to forge a plausible index."""
    async with db.transaction(pool, _DEMO) as conn:
        seed: bytes = await conn.fetchval("SELECT seed FROM status_list ORDER BY list_id LIMIT 1")
    return seed


async def is_recorded(pool: Pool, result_code: str) -> bool:
    """Whether this database knows the result."""
    async with db.transaction(pool, _DEMO) as conn:
        found: bool = await conn.fetchval("SELECT EXISTS (SELECT FROM result_code WHERE result_code = $1)", result_code)
    return found


class Place(msgspec.Struct, frozen=True):
    """Whose a result is, and who issued it."""

    vault_id: UUID
    agency_code: str


async def get_place(pool: Pool, result_code: str) -> Place:
    """Where a recorded result lies. Raises NotFound."""
    async with db.transaction(pool, _DEMO) as conn:
        place = await db.fetch_one(
            conn, Place, "SELECT vault_id, agency_code FROM result_code WHERE result_code = $1", result_code
        )
    if place is None:
        raise NotFound(result_code)
    return place
