"""Whether the record is as new as what was published. After a backup was restored it may not be.

Then nothing may be issued on it: indexes that are on somebody's paper already would be handed out again, and what was
withdrawn would be good again. `khoso status recover` brings the record beyond what was published.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from khoso.alarms import Alarms
from khoso.db import Connection
from khoso.errors import InputProblem, RecordBehind, Unavailable
from khoso.formats.lists import Lists
from khoso.publishing import store
from khoso.publishing.model import Gap, RecordHeads

_BEHIND = "record behind what was published: issuing is shut"
_RECOVER = (
    "người vận hành hệ thống chạy `khoso status recover`"
    " | whoever runs this system runs `khoso status recover` (docs/operations.md)"
)


class RecordWatch:
    """Compares the record with the published lists that this process holds."""

    def __init__(self, lists: Lists, now: Callable[[], datetime]) -> None:
        self._lists = lists
        self._now = now
        self._alarms = Alarms(now, lambda _: None)
        self._looked = False
        self.papers_since: int | None = None
        """When this process first saw that papers were issued, in seconds since 1970 UTC."""
        self.gaps: Mapping[str, Gap] = {}
        """What was found behind, by its subject."""

    async def look(self, conn: Connection) -> None:
        """Find out anew. Whatever is held must have been read before."""
        heads = await store.get_record_heads(conn)
        if heads.statuses and self.papers_since is None:
            self.papers_since = int(self._now().timestamp())
        gaps = {gap.subject: gap for gap in find_gaps(heads, self._lists)}
        for subject in self.gaps.keys() - gaps.keys():
            self._alarms.settle(_BEHIND, subject)
        for subject in gaps:
            self._alarms.raise_alarm(_BEHIND, subject, "rolled_back")
        self.gaps, self._looked = gaps, True

    def require(self, found: Mapping[int, int] | None = None) -> None:
        """Raise RecordBehind if the record is behind, or if one of the status lists is, as found at that version.

        Raises Unavailable before the record was looked at.
        """
        if not self._looked:
            raise Unavailable("the record has not been compared with the published lists yet")
        gaps = [*self.gaps.values(), *_find_list_gaps(found or {}, self._lists)]
        if gaps:
            raise RecordBehind(*(InputProblem(gap.subject, "behind", _RECOVER) for gap in gaps))

    def find_newer(self, list_id: int) -> Lists | None:
        """The published lists, if the record of this status list is behind them: who verifies goes by them."""
        return self._lists if name_list(list_id) in self.gaps else None


def find_gaps(record: RecordHeads, lists: Lists) -> Iterator[Gap]:
    """Everything of which something newer is held than is recorded."""
    if record.trust < lists.trust.version:
        yield Gap("trust list", record.trust, lists.trust.version)
    if record.types < lists.types_version:
        yield Gap("type list", record.types, lists.types_version)
    absent = dict.fromkeys(lists.status_tokens.keys() - record.statuses.keys())
    yield from _find_list_gaps(absent | record.statuses, lists)


def _find_list_gaps(record: Mapping[int, int | None], lists: Lists) -> Iterator[Gap]:
    for list_id, version in sorted(record.items()):
        held = lists.status_tokens.get(list_id)
        if held is not None and (version is None or version < held.version):
            yield Gap(name_list(list_id), version, held.version)


def name_list(list_id: int) -> str:
    """A status list as reports and alarms call it."""
    return f"status list {list_id}"
