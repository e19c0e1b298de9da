"""The status of every credential in this process's memory: two bits each, and how fresh they are.

Verification looks here first, so it goes on when the database is away, from the last moment it was heard of.
"""

from collections.abc import Callable
from datetime import datetime

from khoso import db
from khoso.db import Pool
from khoso.formats.claims import StatusRef
from khoso.formats.status_list import Status, StatusList
from khoso.formats.verdict import StatusAnswer
from khoso.verification import store


class StatusSnapshot:
    """A `StatusSource` that follows the database."""

    def __init__(self, pool: Pool, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._now = now
        self._lists: dict[int, StatusList] = {}
        self._versions: dict[int, int] = {}
        self.as_of = 0
        """When everything here was known to be right; seconds since 1970 UTC."""

    def find_status(self, ref: StatusRef) -> StatusAnswer | None:
        """The status at a list and index, as of the last refresh; None if there is no such list or index."""
        statuses = self._lists.get(ref.list_id)
        if statuses is None or ref.status_index >= len(statuses):
            return None
        return StatusAnswer(statuses[ref.status_index], self.as_of)

    async def refresh(self) -> None:
        """Take over what changed since the last time. Raises Unavailable if the database is away."""
        asked_at = int(self._now().timestamp())
        async with db.connection(self._pool) as conn:
            for listed in await store.list_versions(conn):
                if self._versions.get(listed.list_id) != listed.version:
                    self._apply(listed, await store.list_changes(conn, listed.list_id, self._version(listed.list_id)))
        self.as_of = asked_at

    def _version(self, list_id: int) -> int:
        return self._versions.get(list_id, -1)

    def _apply(self, listed: store.ListVersion, changes: list[store.StatusChange]) -> None:
        statuses = self._lists.setdefault(listed.list_id, StatusList())
        for change in changes:
            statuses[change.status_index] = Status(change.status)
        versions = [change.list_version for change in changes]
        self._versions[listed.list_id] = max([listed.version, *versions])
