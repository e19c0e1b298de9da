"""The publisher: follows the record, and signs a list anew when it changed or is about to be too old.

One list is one transaction under the publishers' lock, so any process may take over from any other after each. A list
is made from the last one published and what changed since, and replaces it only if every check of `checking` holds:
whatever is refused, the last good list stands.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import structlog

from khoso import db
from khoso.alarms import Alarms
from khoso.bounds import Bounds
from khoso.db import Connection, Pool
from khoso.errors import KeyStoreError
from khoso.formats import status_token, type_list
from khoso.formats.documents import NotBelieved, seal
from khoso.formats.lists import Lists
from khoso.formats.malformed import Malformed
from khoso.formats.status_list import compress
from khoso.formats.status_token import StatusToken, unseal_status
from khoso.formats.type_list import TypeList, unseal_types
from khoso.publishing import store
from khoso.publishing.checking import Draft, check_comparison, check_standing
from khoso.publishing.model import (
    LIFETIME,
    TTL,
    CityView,
    Refused,
    Signer,
    Standing,
    StatusPublication,
    TypePublication,
)
from khoso.publishing.watch import name_list

ROUND_SECONDS = 5.0
"""Between two rounds: a withdrawal is published at most this and the time of a round after its commit."""

RENEWED_AFTER = TTL - timedelta(minutes=1)

LEVEL = 6
"""Of zlib: a full list takes 2 ms and 2.3 KB, at the highest level 24 ms (an almost empty one 102) and 1.9 KB."""

_PUBLISHING = Bounds(duty="publish")

_REFUSED = "not published"

log = structlog.get_logger(__name__)

Step = Callable[[Connection], Awaitable[bool]]


@dataclass(slots=True)
class Report:
    """What a round did."""

    published: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """The reason by what was not published."""


class Publisher:
    """Publishes for one city."""

    def __init__(
        self,
        pool: Pool,
        city: Callable[[], CityView],
        signer: Callable[[], Signer],
        *,
        origin: str,
        now: Callable[[], datetime],
        refused: Callable[[str], None],
        held: Lists,
    ) -> None:
        """`signer` raises KeyStoreError where there is no key. `refused` hears the reason of every refusal.

        `held` is what this process has seen published, also in another database: nothing older is published.
        """
        self._pool = pool
        self._city = city
        self._signer = signer
        self._origin = origin
        self._now = now
        self._held = held
        self._alarms = Alarms(now, refused)
        self._types_version = -1
        self._compared = -1

    async def publish(self) -> Report:
        """One round: what changed, what is about to be too old, and one list compared with its whole record.

        Raises Unavailable.
        """
        report = Report()
        async with db.transaction(self._pool, _PUBLISHING) as conn:
            standings = await store.list_standings(conn)
        if self._city().version != self._types_version:
            await self._try(report, "types", self._publish_types)
        for standing in filter(self._is_due, standings):
            await self._try(report, name_list(standing.list_id), self._publishing(standing.list_id))
        await self._compare_next([one.list_id for one in standings if one.issued_at is not None], report)
        return report

    def _is_due(self, standing: Standing) -> bool:
        if standing.issued_at is None or standing.version != standing.published_version:
            return True
        return self._now() - standing.issued_at >= RENEWED_AFTER

    async def _try(self, report: Report, subject: str, step: Step) -> None:
        """Do it if it is this process's turn; where it is refused, everything stays as it was."""
        try:
            async with db.transaction(self._pool, _PUBLISHING) as conn:
                done = await store.take_turn(conn) and await step(conn)
        except Refused as refused:
            report.refused[subject] = refused.reason
            self._alarms.raise_alarm(_REFUSED, subject, refused.reason)
        else:
            self._alarms.settle(_REFUSED, subject)
            if done:
                report.published.append(subject)

    def _publishing(self, list_id: int) -> Step:
        return lambda conn: self._publish_list(conn, list_id)

    async def _publish_list(self, conn: Connection, list_id: int) -> bool:
        standing = await store.get_standing(conn, list_id)  # behind the lock: another may just have published it
        if not self._is_due(standing):
            return False
        held = self._held.status_tokens.get(list_id)
        check_standing(standing, 0 if held is None else held.version)
        assert standing.version is not None
        assert standing.recorded is not None
        token = await self._find_published(conn, list_id)
        draft = await self._draft(conn, standing, token)
        unchanged = token is not None and token.version == standing.version
        compressed = token.compressed if token is not None and unchanged else compress(draft.statuses, LEVEL)
        publication = self._sign(list_id, standing.version, standing.recorded, compressed)
        await _replace(conn, await store.replace_status(conn, publication))
        return True

    async def publish_anew(self, conn: Connection, list_id: int) -> None:
        """Publish a list as the record alone has it, in the caller's transaction, behind the publishers' lock.

        Raises Refused as a round does.
        """
        standing = await store.get_standing(conn, list_id)
        check_standing(standing, 0)
        assert standing.version is not None
        assert standing.recorded is not None
        draft = await self._draft(conn, standing, None)
        publication = self._sign(list_id, standing.version, standing.recorded, compress(draft.statuses, LEVEL))
        await _replace(conn, await store.replace_status(conn, publication))

    async def _draft(self, conn: Connection, standing: Standing, token: StatusToken | None) -> Draft:
        """The list as it is recorded now, every change checked."""
        assert standing.version is not None
        draft = Draft()
        if token is not None:
            draft = Draft(token.statuses, token.version, standing.published_recorded or 0)
        async for changes in store.list_changes(conn, standing.list_id, draft.version, standing.version):
            asked = draft.becoming_valid(changes)
            draft.apply(changes, await store.list_newest_acts(conn, asked) if asked else {})
        draft.finish(standing)
        return draft

    async def _find_published(self, conn: Connection, list_id: int) -> StatusToken | None:
        """What was last published of a list; None if that was nothing, or nothing that a verifier would believe.

        Raises Refused for a list of another origin: this process is not of the city that published it.
        """
        publication = await store.find_status(conn, list_id)
        if publication is None:
            return None
        try:
            token = unseal_status(publication.cwt, self._city().trust.publishers, self._origin)
        except (Malformed, NotBelieved) as fault:
            _refuse_another_origin(fault)
            log.error("published list not believed; made anew from the record", list_id=list_id, reason=fault.reason)
            return None
        if (token.list_id, token.version) != (list_id, publication.version):
            raise Refused("publication_changed")
        return token

    def _sign(self, list_id: int, version: int, recorded: int, compressed: bytes) -> StatusPublication:
        issued_at, expires_at, signer = self._begin()
        token = StatusToken(
            self._origin,
            list_id,
            version,
            int(issued_at.timestamp()),
            int(expires_at.timestamp()),
            int(TTL.total_seconds()),
            compressed,
        )
        cwt = seal(status_token.PROFILE, signer.kid, status_token.encode(token), signer.sign)
        jwt = status_token.to_jwt(token, signer.kid, signer.sign)
        return StatusPublication(list_id, version, recorded, issued_at, expires_at, cwt, jwt)

    def _begin(self) -> tuple[datetime, datetime, Signer]:
        """From when until when something signed now is good, and who signs it. Raises Refused if nobody may."""
        issued_at = datetime.fromtimestamp(int(self._now().timestamp()), UTC)
        try:
            signer = self._signer()
        except KeyStoreError:
            raise Refused("no_publisher_key") from None
        publisher = self._city().trust.publishers.get(signer.kid)
        if publisher is None or not publisher.may_sign_at(int(issued_at.timestamp())):
            raise Refused("publisher_not_trusted")
        return issued_at, issued_at + LIFETIME, signer

    async def _publish_types(self, conn: Connection) -> bool:
        city = self._city()
        if city.version < self._held.types_version:
            raise Refused("rolled_back")
        definitions = tuple(msgspec.json.encode(city.types[key]) for key in sorted(city.types))
        published = await store.find_types(conn)
        changed = published is None or self._find_definitions(published) != definitions
        if changed:
            issued_at, _, signer = self._begin()
            listed = TypeList(self._origin, city.version, int(issued_at.timestamp()), definitions)
            cwt = seal(type_list.PROFILE, signer.kid, type_list.encode(listed), signer.sign)
            await _replace(conn, await store.replace_types(conn, TypePublication(city.version, issued_at, cwt)))
        self._types_version = city.version
        return changed

    def _find_definitions(self, published: TypePublication) -> tuple[bytes, ...] | None:
        """What was last published; None if no verifier would believe it. Raises Refused for another origin's."""
        try:
            return unseal_types(published.cwt, self._city().trust.publishers, self._origin).definitions
        except (Malformed, NotBelieved) as fault:
            _refuse_another_origin(fault)
            return None

    async def _compare_next(self, list_ids: Sequence[int], report: Report) -> None:
        """Compare one published list with its whole record: what was changed without a version shows only so."""
        if list_ids:
            later = [list_id for list_id in list_ids if list_id > self._compared]
            self._compared = min(later or list_ids)
            await self._try(report, f"record of {name_list(self._compared)}", self._compare)

    async def _compare(self, conn: Connection) -> bool:
        token = await self._find_published(conn, self._compared)
        standing = await store.get_standing(conn, self._compared)
        if token is not None:
            statuses = token.statuses
            comparison = await store.compare(conn, token.list_id, token.version, bytes(statuses.data))
            check_comparison(comparison, statuses, standing.published_recorded or 0)
        return False


def _refuse_another_origin(fault: Malformed | NotBelieved) -> None:
    if fault.reason == "origin":
        raise Refused("origin")


async def _replace(conn: Connection, replaced: bool) -> None:
    """Tell of what was published. Raises Refused where something newer stood."""
    if not replaced:
        raise Refused("rolled_back")
    await store.announce(conn)
