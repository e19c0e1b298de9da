"""Giving roles and ending them. Every change is one transaction, with its audit row."""

from collections.abc import Callable
from datetime import datetime

from khoso.authority import store
from khoso.caller import Grant
from khoso.db import Connection, Pool


class Authority:
    """Everything that is done with roles and assignments."""

    def __init__(self, pool: Pool, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._now = now

    async def grants_of(self, conn: Connection, subject: str) -> list[Grant]:
        """What a subject may do at this moment, in the caller's transaction; nothing for one that nobody knows."""
        return await store.list_grants(conn, subject, self._now())
