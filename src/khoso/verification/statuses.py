"""What this process remembers of every credential: its status, a fingerprint of its content, and how fresh both are.

Verification looks here first, so a good paper costs no query, and it goes on when the database is away, from the last
moment it was heard of. Two bits for each credential in this process's memory, eight bytes in files that it shares.
"""

import asyncio
import struct
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import chain
from pathlib import Path

import structlog

from khoso import db
from khoso.bounds import Bounds
from khoso.db import Connection, Pool
from khoso.formats.claims import StatusRef
from khoso.formats.status_list import SIZE, Status, StatusList
from khoso.formats.verdict import StatusAnswer, StatusSource
from khoso.verification import store
from khoso.verification.fingerprints import WIDTH, Fingerprints, open_left

_EVERY_INDEX = struct.pack(f">{SIZE}i", *range(SIZE))

log = structlog.get_logger(__name__)


class StatusSnapshot:
    """A `StatusSource` that follows the database."""

    def __init__(
        self,
        pool: Pool,
        now: Callable[[], datetime],
        directory: Path,
        newer: Callable[[int], StatusSource | None] = lambda _: None,
    ) -> None:
        """Fingerprints are kept in files below `directory`, which is there.

        `newer` gives the published lists, where the record of a status list is behind them.
        """
        self._newer = newer
        self._pool = pool
        self._now = now
        self._directory = directory
        self._lists: dict[int, StatusList] = {}
        self._fingerprints: dict[int, Fingerprints] = {}
        self._known: dict[int, store.ListVersion] = {}
        self._unwritten: dict[int, None] = {}
        """Lists whose fingerprints the disk refused, in the order in which they are tried again."""
        self._published: StatusSource | None = None
        self._left: defaultdict[int, list[Fingerprints]] = defaultdict(list)
        self._refreshing = asyncio.Lock()
        self.as_of = 0
        """When everything here was known to be right; seconds since 1970 UTC."""

    def find_status(self, ref: StatusRef) -> StatusAnswer | None:
        """The status at a list and index, as of the last refresh; None if there is no such list or index."""
        published = self._find_published(ref)
        if published is not None:
            return published.find_status(ref)
        statuses = self._lists.get(ref.list_id)
        if statuses is None or ref.status_index >= len(statuses):
            return None
        return StatusAnswer(statuses[ref.status_index], self.as_of)

    def is_recorded(self, ref: StatusRef, signed_hash: bytes) -> bool:
        """Whether a paper with exactly this content is remembered at this index.

        What stands there counts only together with a status: after a backup was restored, the file may still hold what
        was recorded in the time that is lost, and those indexes read "not issued" until they are handed out again.
        """
        fingerprints = self._fingerprints.get(ref.list_id)
        return fingerprints is not None and fingerprints.holds(ref.status_index, signed_hash)

    def remember(self, ref: StatusRef, signed_hash: bytes) -> None:
        """Repair what is remembered of an index of which the record has just told."""
        self._write(ref.list_id, [(ref.status_index, signed_hash)])

    def start_from(self, published: StatusSource, as_of: int) -> None:
        """Answer by published lists until the first refresh: the database is away, and this process has just begun.

        Of contents it knows what the processes before it have left on disk.
        """
        self._published, self.as_of = published, as_of
        for list_id, fingerprints in open_left(self._directory):
            self._left[list_id].append(fingerprints)

    @property
    def by_published_lists(self) -> bool:
        """Whether nothing was heard of the record yet, so that no content can be compared with what is remembered."""
        return self._published is not None

    def goes_by_published_list(self, ref: StatusRef) -> bool:
        """Whether the published list answers for this index: nothing was heard of the record, or it is older."""
        return self._find_published(ref) is not None

    def contradicts(self, ref: StatusRef, signed_hash: bytes) -> bool:
        """Whether what was left on disk is another content at this index, and nowhere this one."""
        left = self._left.get(ref.list_id, ())
        known = any(one.holds(ref.status_index, signed_hash) for one in left)
        return not known and any(one.holds_other(ref.status_index, signed_hash) for one in left)

    def _find_published(self, ref: StatusRef) -> StatusSource | None:
        return self._published or self._newer(ref.list_id)

    async def refresh(self) -> None:
        """Take over what changed since the last time. Raises Unavailable if the database is away."""
        # One at a time: two that overlap could write back, over a newer status, the older one they had read.
        async with self._refreshing, db.transaction(self._pool, Bounds(duty="follow")) as conn:
            asked_at = int(self._now().timestamp())
            lists = await store.list_versions(conn)
            for list_id in self._known.keys() - {listed.list_id for listed in lists}:
                self._forget(list_id, None)
            retried = next(iter(self._unwritten), None)
            for listed in lists:
                await self._take_over(conn, listed, anew=listed.list_id == retried)
            self.as_of, self._published = asked_at, None
            self._drop_left()

    def close(self) -> None:
        """Let go of the files."""
        for list_id in list(self._fingerprints):
            self._drop_fingerprints(list_id)
        self._drop_left()

    async def _take_over(self, conn: Connection, listed: store.ListVersion, *, anew: bool) -> None:
        known = self._known.get(listed.list_id)
        if known is not None and (known.life != listed.life or known.version > listed.version):
            self._forget(listed.list_id, listed)
            known = None
        if known is None or anew:
            self._load(listed, await store.get_whole_list(conn, listed.list_id))
        elif known.version < listed.version:
            self._apply(listed, await store.list_changes(conn, listed.list_id, known.version))

    def _forget(self, list_id: int, found: store.ListVersion | None) -> None:
        """A list that went back is another list: a backup was restored, or this is another database."""
        known = self._known.pop(list_id)
        log.error(
            "status list went back; forgotten and loaded anew",
            list_id=list_id,
            remembered_version=known.version,
            found_version=None if found is None else found.version,
        )
        del self._lists[list_id]
        self._unwritten.pop(list_id, None)
        self._drop_fingerprints(list_id)

    def _load(self, listed: store.ListVersion, whole: store.WholeList) -> None:
        fingerprints, statuses = _by_index(whole)
        try:
            file = self._fingerprints[listed.list_id] = Fingerprints(self._directory, listed.list_id, listed.life)
            file.replace(fingerprints)
            self._unwritten.pop(listed.list_id, None)
        except OSError as error:
            self._refused(listed.list_id, error)
        self._lists[listed.list_id] = StatusList(_pack(statuses))
        self._known[listed.list_id] = listed

    def _apply(self, listed: store.ListVersion, changes: list[store.StatusChange]) -> None:
        # Fingerprints first: an index must not read "valid" while another content stands there.
        self._write(listed.list_id, ((change.status_index, change.signed_hash) for change in changes))
        statuses = self._lists[listed.list_id]
        newest = listed.version
        for index, status, _, version in changes:
            statuses[index] = status
            newest = max(newest, version)
        self._known[listed.list_id] = store.ListVersion(listed.list_id, newest, listed.life)

    def _write(self, list_id: int, contents: Iterable[tuple[int, bytes]]) -> None:
        fingerprints = self._fingerprints.get(list_id)
        if fingerprints is None:
            return
        try:
            for index, signed_hash in contents:
                fingerprints.write(index, signed_hash)
        except OSError as error:
            self._refused(list_id, error)

    def _refused(self, list_id: int, error: OSError) -> None:
        """Nothing is remembered of a list that could not be written whole: its scans ask the record meanwhile."""
        if list_id not in self._unwritten:
            log.error("fingerprints not written", list_id=list_id, error=error.strerror)
        self._unwritten.pop(list_id, None)
        self._unwritten[list_id] = None
        self._drop_fingerprints(list_id)

    def _drop_fingerprints(self, list_id: int) -> None:
        fingerprints = self._fingerprints.pop(list_id, None)
        if fingerprints is not None:
            fingerprints.close()

    def _drop_left(self) -> None:
        for one in chain.from_iterable(self._left.values()):
            one.close()
        self._left.clear()


def _by_index(whole: store.WholeList) -> tuple[bytes, bytes]:
    """Fingerprints, zeros where there is none, and statuses, INVALID where there is none, a byte for each index."""
    statuses = whole.statuses[1::2]
    if whole.status_indexes == _EVERY_INDEX:  # most lists are full: nothing has to be moved
        return whole.fingerprints, statuses
    indexes = struct.unpack(f">{len(statuses)}i", whole.status_indexes)
    image, wide = array("Q", bytes(SIZE * WIDTH)), bytearray([Status.INVALID]) * SIZE
    for index, fingerprint, status in zip(indexes, array("Q", whole.fingerprints), statuses, strict=True):
        image[index], wide[index] = fingerprint, status
    return image.tobytes(), bytes(wide)


def _pack(wide: bytes) -> bytes:
    """Two bits for each index (formats/status_list.py) from a byte for each."""
    # Four bytes become one, as numbers of 2^15 bytes each: a loop would take as long as everything else.
    columns = (int.from_bytes(wide[place::4]) << 2 * place for place in range(4))
    return sum(columns).to_bytes(SIZE // 4)
