"""What a web worker serves of the published lists: from memory, also while the database is away.

It is a verifier among others: every document goes through `formats.lists.Lists` under the pinned roots before it is
served. What somebody else has signed, or what is older than what is held, is refused with an alarm, and the last good
document stands.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import NamedTuple

from khoso import db
from khoso.alarms import Alarms
from khoso.bounds import Bounds
from khoso.db import Pool
from khoso.errors import NotFound, Unavailable
from khoso.formats import bundle, status_token, trust_list, type_list
from khoso.formats.bundle import Bundle
from khoso.formats.documents import NotBelieved, PublicKeys
from khoso.formats.lists import Lists
from khoso.formats.malformed import Malformed
from khoso.publishing import store
from khoso.publishing.bundle_file import BundleFile
from khoso.publishing.model import OVERDUE, CityView, StatusHead, TypeHead
from khoso.publishing.watch import RecordWatch, name_list

MAX_AGE = 30
"""Seconds for which a cache may answer with a list: together with the publisher's rounds less than a minute."""

KEPT_SECONDS = 2.0
"""Between two looks whether the bundle on disk is the newest."""

_REFUSED = "published list refused"
_UNKEPT = "bundle not kept on disk"
_OVERDUE = "published lists overdue"
_ALL = "status lists"
_TYPES = "types"


class Document(NamedTuple):
    """Something to serve."""

    body: bytes
    media_type: str
    fresh_until: int | None = None
    """When a newer one should be asked for; seconds since 1970 UTC."""


class _StatusDocuments(NamedTuple):
    cwt: Document
    jwt: Document | None
    """A bundle has none: JSON is for others than its readers."""


class _LookedAt(NamedTuple):
    """What was last looked at: refused, it is looked at again only under another trust list."""

    head: StatusHead | TypeHead
    trust_version: int


class PublishedLists:
    """The published lists of one city in one process."""

    def __init__(
        self,
        pool: Pool,
        city: Callable[[], CityView],
        roots: PublicKeys,
        *,
        origin: str,
        now: Callable[[], datetime],
        refused: Callable[[str], None],
    ) -> None:
        """`refused` hears the reason of every refusal."""
        self._pool = pool
        self._city = city
        self._origin = origin
        self._now = now
        self._alarms = Alarms(now, refused)
        self._overdue = Alarms(now, lambda _: None)
        self._offered_trust: tuple[bytes, frozenset[bytes]] = (b"", frozenset())
        self._trust = b""
        self._types = b""
        self._statuses: dict[int, _StatusDocuments] = {}
        self.honest_sets: Mapping[bytes, bytes] = {}
        """Those that the trust list names, by the SHA-256 of their bytes, as far as they are at hand."""
        self._looked_at: dict[str, _LookedAt] = {}
        self._bundle: Document | None = None
        self._roots = roots
        self.lists = Lists(origin, roots)
        self.watch = RecordWatch(self.lists, now)
        self.opened = False
        """Whether this process has believed a bundle on disk."""

    # ------------------------------------------------------------ taking over

    def open_bundle(self, file: BundleFile) -> None:
        """Serve what is in the bundle on disk, and nothing older from now on.

        Raises Unavailable if there is none, or, with an alarm, if it is not to be believed; nothing is served then.
        """
        data = _read(file)
        try:
            Lists(self._origin, self._roots).take(bundle.decode(data))
        except (Malformed, NotBelieved) as fault:
            self._alarms.raise_alarm(_REFUSED, "bundle on disk", fault.reason)
            raise Unavailable(f"the bundle {file.path} is not to be believed: {fault.reason}") from None
        opened = bundle.decode(data)
        self._take_trust(opened.trust, opened.honest_sets)
        self._take_types(opened.types)
        for signed in opened.statuses:
            self._take_status(signed, None)
        self.opened = True

    async def keep_in(self, file: BundleFile) -> None:
        """Keep the bundle on disk as it is served, until cancelled."""
        kept: Document | None = None
        while True:
            with suppress(Unavailable):  # nothing is published yet
                newest = self.get_bundle()
                if newest is not kept and await self._try_to_keep(file, newest):
                    kept = newest
            await asyncio.sleep(KEPT_SECONDS)

    async def _try_to_keep(self, file: BundleFile, newest: Document) -> bool:
        try:
            await asyncio.to_thread(file.write, newest.body)
        except OSError as error:
            self._alarms.raise_alarm(_UNKEPT, str(file.path), error.strerror or type(error).__name__)
            return False
        self._alarms.settle(_UNKEPT, str(file.path))
        return True

    async def refresh(self) -> None:
        """Take over what was published since the last time. Raises Unavailable; everything then stays as it was."""
        self._follow_trust()
        async with db.transaction(self._pool, Bounds(duty="follow")) as conn:
            types = await store.find_types_head(conn)
            if types is not None and self._is_new(_TYPES, types):
                published = await store.get_types(conn)
                self._try(_TYPES, partial(self._take_types, published.cwt))
                self._mark(_TYPES, types)
            for head in await store.list_heads(conn):
                if self._is_new(name := name_list(head.list_id), head):
                    new = await store.get_status(conn, head.list_id)
                    self._try(name, partial(self._take_status, new.cwt, new.jwt))
                    self._mark(name, head)
            await self.watch.look(conn)

    def _follow_trust(self) -> None:
        city = self._city()
        offered = (city.signed_trust, frozenset(city.honest_sets))
        if city.signed_trust and offered != self._offered_trust:
            self._offered_trust = offered
            self._try("trust list", partial(self._take_trust, city.signed_trust, list(city.honest_sets.values())))

    def _is_new(self, name: str, head: StatusHead | TypeHead) -> bool:
        return self._looked_at.get(name) != _LookedAt(head, self.lists.trust.version)

    def _mark(self, name: str, head: StatusHead | TypeHead) -> None:
        self._looked_at[name] = _LookedAt(head, self.lists.trust.version)

    def _try(self, subject: str, take: Callable[[], object]) -> None:
        try:
            take()
        except (Malformed, NotBelieved) as fault:
            self._alarms.raise_alarm(_REFUSED, subject, fault.reason)
        else:
            self._alarms.settle(_REFUSED, subject)

    def _take_trust(self, signed: bytes, honest_sets: Sequence[bytes]) -> None:
        self.lists.take_trust(signed)
        for data in honest_sets:
            self.lists.take_honest_set(data)
        named = {key.honest_digest for key in self.lists.trust.keys.values()}
        by_digest = {sha256(data).digest(): data for data in honest_sets}
        self._trust, self._bundle = signed, None
        self.honest_sets = {digest: data for digest, data in by_digest.items() if digest in named}

    def _take_types(self, signed: bytes) -> None:
        self.lists.take_types(signed)
        self._types, self._bundle = signed, None

    def _take_status(self, signed: bytes, jwt: str | None) -> None:
        token = self.lists.take_status(signed)
        fresh_until = token.issued_at + token.ttl
        self._statuses[token.list_id] = _StatusDocuments(
            Document(signed, status_token.PROFILE.media_type, fresh_until),
            None if jwt is None else Document(jwt.encode(), status_token.JWT_MEDIA_TYPE, fresh_until),
        )
        self._bundle = None

    # ------------------------------------------------------------ serving

    def get_trust(self) -> Document:
        """The trust list. Raises Unavailable before there is one."""
        return Document(_there(self._trust), trust_list.PROFILE.media_type)

    def get_types(self) -> Document:
        """The type list. Raises Unavailable before there is one."""
        return Document(_there(self._types), type_list.PROFILE.media_type)

    def list_addresses(self) -> list[str]:
        """Where the status lists are served, by number."""
        return [status_token.address(self._origin, list_id) for list_id in sorted(self._statuses)]

    def get_status(self, list_id: int, *, as_jwt: bool) -> Document:
        """A status list. Raises NotFound, and Unavailable for a JWT of a list that is known from a bundle only."""
        documents = self._statuses.get(list_id)
        if documents is None:
            raise NotFound(f"status list {list_id}")
        if not as_jwt:
            return documents.cwt
        if documents.jwt is None:
            raise Unavailable("the database is away, and the bundle on disk has no JWT")
        return documents.jwt

    def get_honest_set(self, digest: bytes) -> Document:
        """The honest set with that SHA-256. Raises NotFound."""
        content = self.honest_sets.get(digest)
        if content is None:
            raise NotFound(f"honest set {digest.hex()}")
        return Document(content, "application/cbor")

    def get_bundle(self) -> Document:
        """Everything in one. Raises Unavailable before there is a trust list and a type list."""
        if self._bundle is None:
            self._bundle = self._make_bundle()
        return self._bundle

    def max_age(self, document: Document) -> int:
        """The seconds for which a cache may answer with it."""
        if document.fresh_until is None:
            return MAX_AGE
        return max(0, min(MAX_AGE, document.fresh_until - int(self._now().timestamp())))

    def _make_bundle(self) -> Document:
        content = Bundle(
            _there(self._trust),
            _there(self._types),
            tuple(self._statuses[list_id].cwt.body for list_id in sorted(self._statuses)),
            tuple(self.honest_sets[digest] for digest in sorted(self.honest_sets)),
        )
        ends = [documents.cwt.fresh_until for documents in self._statuses.values() if documents.cwt.fresh_until]
        return Document(bundle.encode(content), bundle.MEDIA_TYPE, min(ends, default=None))

    # ------------------------------------------------------------ watching

    @property
    def as_of(self) -> int | None:
        """When the oldest published status list was signed, in seconds since 1970 UTC; None without any."""
        return min((token.issued_at for token in self.lists.status_tokens.values()), default=None)

    def tell_age(self) -> float:
        """The age of the oldest published status list in seconds; raises an alarm if it is overdue.

        Where none was published though there are papers: the time since they were first seen.
        """
        since = self.as_of
        if since is None:
            since = self.watch.papers_since
        if since is None:
            return 0.0
        age = self._now().timestamp() - since
        if age > OVERDUE.total_seconds():
            self._overdue.raise_alarm(_OVERDUE, _ALL, "too_old")
        else:
            self._overdue.settle(_OVERDUE, _ALL)
        return age


def _there(signed: bytes) -> bytes:
    if not signed:
        raise Unavailable("nothing of this is published yet: is `khoso worker` running, and a trust list signed?")
    return signed


def _read(file: BundleFile) -> bytes:
    try:
        data = file.read()
    except OSError as error:
        raise Unavailable(f"the published lists in {file.path} cannot be read: {error.strerror}") from None
    if data is None:
        raise Unavailable(f"there are no published lists in {file.path} to verify by meanwhile")
    return data
