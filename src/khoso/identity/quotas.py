"""Quotas of systems: so many requests in an hour, counted in the database, over all workers.

A worker takes a few requests at a time and gives them out from memory, so that a request costs no write of its own.
What is given out is never more than the quota; what a worker that ends had left is lost for the hour.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from khoso import db
from khoso.bounds import Bounds
from khoso.db import Pool
from khoso.errors import NotAuthenticated, QuotaUsedUp, Unavailable
from khoso.identity import client_store as store
from khoso.times import hour_of

_SHARES = 200
"""A worker takes one of so many parts of the quota at a time."""
_PAUSE = timedelta(seconds=5)
"""How long a refusal is remembered before the database is asked whether the quota was raised."""


class _Taken:
    """What a worker may still give out in an hour, or when it is worth asking again."""

    def __init__(self, hour: datetime) -> None:
        self.hour = hour
        self.left = 0
        self.known = True
        """Whether there is such a client."""
        self.ask_again_at = hour
        self.asking = asyncio.Lock()


class Quotas:
    """The quotas of all clients, as one process spends them."""

    def __init__(self, pool: Pool, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._now = now
        self._taken: dict[str, _Taken] = {}

    async def take(self, client_id: str) -> None:
        """Count a request of that client. Raises QuotaUsedUp, or NotAuthenticated where there is no such client."""
        now = self._now()
        hour = hour_of(now)
        taken = self._taken.get(client_id)
        if taken is None or taken.hour != hour:
            taken = self._taken[client_id] = _Taken(hour)
        if taken.left == 0:
            async with taken.asking:  # one at a time: a crowd of them would hold all connections
                if taken.left == 0:
                    await self._take_more(client_id, taken, now)
        taken.left -= 1

    async def _take_more(self, client_id: str, taken: _Taken, now: datetime) -> None:
        if now >= taken.ask_again_at:
            try:
                async with db.transaction(self._pool, Bounds(duty="identify")) as conn:
                    share = await store.take_requests(conn, client_id, taken.hour, _SHARES)
            except Unavailable:
                share = 1  # the database is away: what needs it fails anyway, and checking papers must go on
            taken.known, taken.left = share is not None, share or 0
        if taken.left == 0:
            taken.ask_again_at = max(taken.ask_again_at, now + _PAUSE)
            if not taken.known:
                raise NotAuthenticated("no such client, or not any more")
            raise QuotaUsedUp(int((taken.hour + timedelta(hours=1) - now).total_seconds()) + 1)
