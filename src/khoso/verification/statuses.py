"""What this process remembers of every credential: its status, a fingerprint of its content, and how fresh both are.

Verification looks here first, so a good paper costs no query, and it goes on when the database is away, from the last
moment it was heard of. Two bits and eight bytes for each credential: 1.1 MB a list.
"""

import asyncio
from array import array
from collections.abc import Callable
from datetime import datetime

from khoso import db
from khoso.db import Pool
from khoso.formats.claims import StatusRef
from khoso.formats.status_list import StatusList
from khoso.formats.verdict import StatusAnswer, StatusSource
from khoso.verification import store


class StatusSnapshot:
    """A `StatusSource` that follows the database."""

    def __init__(self, pool: Pool, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._now = now
        self._lists: dict[int, StatusList] = {}
        self._fingerprints: dict[int, array[int]] = {}
        self._versions: dict[int, int] = {}
        self._published: StatusSource | None = None
        self._refreshing = asyncio.Lock()
        self.as_of = 0
        """When everything here was known to be right; seconds since 1970 UTC."""

    def find_status(self, ref: StatusRef) -> StatusAnswer | None:
        """The status at a list and index, as of the last refresh; None if there is no such list or index."""
        if self._published is not None:
            return self._published.find_status(ref)
        statuses = self._lists.get(ref.list_id)
        if statuses is None or ref.status_index >= len(statuses):
            return None
        return StatusAnswer(statuses[ref.status_index], self.as_of)

    def is_recorded(self, ref: StatusRef, signed_hash: bytes) -> bool:
        """Whether a paper with exactly this content is remembered at this index.

        64 bits of the hash are compared: whoever has an agency's key would need 2^64 trials to put other content on an
        index that is in use.
        """
        fingerprints = self._fingerprints.get(ref.list_id)
        return fingerprints is not None and fingerprints[ref.status_index] == _fingerprint(signed_hash)

    def start_from(self, published: StatusSource, as_of: int) -> None:
        """Answer by published lists until the first refresh: the database is away, and this process has just begun."""
        self._published, self.as_of = published, as_of

    @property
    def by_published_lists(self) -> bool:
        """Whether nothing was heard of the record yet, so that no content can be compared with what is remembered."""
        return self._published is not None

    async def refresh(self) -> None:
        """Take over what changed since the last time. Raises Unavailable if the database is away."""
        # One at a time: two that overlap could write back, over a newer status, the older one they had read.
        async with self._refreshing, db.connection(self._pool) as conn:
            asked_at = int(self._now().timestamp())
            for listed in await store.list_versions(conn):
                known = self._versions.get(listed.list_id, -1)
                if known != listed.version:
                    self._apply(listed, await store.list_changes(conn, listed.list_id, known))
            self.as_of, self._published = asked_at, None

    def _apply(self, listed: store.ListVersion, changes: list[store.StatusChange]) -> None:
        statuses = self._lists.setdefault(listed.list_id, StatusList())
        fingerprints = self._fingerprints.setdefault(listed.list_id, array("Q", bytes(8 * len(statuses))))
        newest = listed.version
        for index, status, signed_hash, version in changes:
            statuses[index] = status
            fingerprints[index] = _fingerprint(signed_hash)
            newest = max(newest, version)
        self._versions[listed.list_id] = newest


def _fingerprint(signed_hash: bytes) -> int:
    return int.from_bytes(signed_hash[:8])
