"""Quotas of systems: so many requests in an hour, counted in the database, over all workers.

A worker takes a few requests at a time and gives them out from memory, so that a request costs no write of its own.
What is given out is never more than the quota; what a worker that ends had left is lost for the hour.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from khoso import db
from khoso.db import Pool
from khoso.errors import QuotaUsedUp, Unavailable
from khoso.identity import client_store as store

_SHARES = 200
"""A worker takes one of so many parts of the quota at a time."""


class _Taken(msgspec.Struct):
    """What a worker may still give out in an hour."""

    hour: datetime
    left: int


class Quotas:
    """The quotas of all clients, as one process spends them."""

    def __init__(self, pool: Pool, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._now = now
        self._taken: dict[str, _Taken] = {}

    async def take(self, client_id: str) -> None:
        """Count a request of that client. Raises QuotaUsedUp."""
        now = self._now()
        hour = now.replace(minute=0, second=0, microsecond=0)
        taken = self._taken.get(client_id)
        if taken is None or taken.hour != hour:
            taken = self._taken[client_id] = _Taken(hour, 0)
        if taken.left == 0:
            more = await self._take_more(client_id, hour, now)
            taken.left += more  # not in one statement: others have changed it meanwhile
        taken.left -= 1

    async def _take_more(self, client_id: str, hour: datetime, now: datetime) -> int:
        try:
            async with db.connection(self._pool) as conn:
                more = await store.take_requests(conn, client_id, hour, _SHARES)
        except Unavailable:
            return 1  # the database is away: what needs it fails anyway, and checking papers must go on
        if more == 0:
            raise QuotaUsedUp(int((hour + timedelta(hours=1) - now).total_seconds()) + 1)
        return more
