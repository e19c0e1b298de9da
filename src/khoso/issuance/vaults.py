"""The vault of somebody who comes himself, before or after anything was issued to him."""

from datetime import datetime
from uuid import UUID, uuid4

from khoso import db
from khoso.db import Pool
from khoso.issuance import store
from khoso.issuance.preparing import person_key
from khoso.issuance.service import issuing


async def open_vault(pool: Pool, personal_id: str, pepper: bytes, now: datetime) -> UUID:
    """The vault of a person, made if there was none. Raises InvalidInput for what is no personal id."""
    key = person_key(personal_id, pepper)
    async with db.transaction(pool, issuing([])) as conn:
        vaults = await store.ensure_vaults(conn, [store.HolderVault(key, uuid4())], now)
    return vaults[key]
