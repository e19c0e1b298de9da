"""The catalogue: what every worker decides by, and the few acts that change it.

Where the root's private key is at hand, as in a demonstration, every change also signs the trust list that follows from
it. Where it is not, a change of agencies, rights or keys waits for the ceremony (`ceremony.py`) before it is believed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from khoso import db
from khoso.auditing import store as auditing
from khoso.caller import Caller, purview_of
from khoso.catalogue import definitions, inspecting_store, sizing, snapshots, store, trust_store, trusting
from khoso.catalogue.ceremony import refuse_circles
from khoso.catalogue.hierarchy import Hierarchy
from khoso.catalogue.model import Agency, Believed, CatalogueSnapshot, Right, Seed, SigningKey, Successor
from khoso.catalogue.sizing import CodeSize
from khoso.catalogue.trusting import Root
from khoso.db import Connection, Pool
from khoso.errors import InputProblem, InvalidInput, Unavailable
from khoso.formats import cose
from khoso.formats.documents import PublicKeys
from khoso.formats.result_type import ResultType
from khoso.formats.trust import KeyState, Trust
from khoso.formats.trust_list import public_der, read_public_key
from khoso.formats.verdict import TypeCatalogue
from khoso.inputs import check_text
from khoso.text import Words
from khoso.times import VIETNAM

BELIEVED_FOR = timedelta(hours=24)
"""How long a worker that is cut off from the database still trusts the keys it knows. Longer would stretch the time in
which a compromised key is believed; shorter would stop inspections during an outage of a night."""

KEY_OVERLAP = timedelta(minutes=10)
"""How long what a retired key signs is still good: workers learn of the new key one after the other."""

LIST_LIFETIME = timedelta(days=90)
"""How long a trust list holds that a root at hand signs."""

RENEWED_BEFORE = timedelta(days=30)
"""How long before its end such a list is signed anew."""

_NOTHING = Seed(agencies=[], successors=[], rights=[], types=[])
_NEVER_LOADED = -1


class Catalogue:
    """Agencies, result types, rights and keys, as of the last `refresh`.

    `snapshot` is replaced, never changed: whoever took it goes on with one consistent catalogue. Before the first
    refresh it is empty and its trust has expired, so a verifier answers "cannot tell". Every act here is one
    transaction, raises the catalogue's version, and is seen by this worker when it returns and by the others at their
    next refresh.
    """

    snapshot: CatalogueSnapshot

    def __init__(
        self,
        pool: Pool,
        *,
        origin: str,
        roots: PublicKeys,
        root: Root | None,
        now: Callable[[], datetime],
        believed_for: timedelta = BELIEVED_FOR,
    ) -> None:
        """`roots` are those whose trust lists are believed; `root` is the private one, where it is at hand."""
        self._pool = pool
        self._origin = origin
        self._roots = roots
        self._root = root
        self._now = now
        self._believed_for = believed_for
        self._refreshing = asyncio.Lock()
        self._hierarchy = Hierarchy((), (), date.min)
        self._hierarchy_of = _NEVER_LOADED
        self.snapshot = snapshots.build(
            _NEVER_LOADED, datetime.fromtimestamp(0, UTC), timedelta(0), _NOTHING, [], trusting.NOTHING
        )

    def start_from(self, believed: Believed, types: TypeCatalogue) -> None:
        """Go by published lists until the first refresh: the database is away, and this process has just begun."""
        self.snapshot = snapshots.from_lists(_NEVER_LOADED, believed, types)

    @property
    def recorded(self) -> CatalogueSnapshot:
        """The snapshot, for what published lists do not tell. Raises Unavailable before the first refresh."""
        if self.snapshot.version == _NEVER_LOADED:
            raise Unavailable("the catalogue has not been read from the database yet")
        return self.snapshot

    @property
    def hierarchy(self) -> Hierarchy:
        """The administration as it stands today. Raises Unavailable before the first refresh."""
        snapshot, today = self.recorded, self._now().astimezone(VIETNAM).date()
        if self._hierarchy.day != today or self._hierarchy_of != snapshot.version:
            self._hierarchy = Hierarchy(snapshot.agencies.values(), snapshot.successions, today)
            self._hierarchy_of = snapshot.version
        return self._hierarchy

    def name_agency(self, agency_code: str) -> Words:
        """What an agency is called, ended or not; its code where nobody knows it."""
        found = self.recorded.agencies.get(agency_code)
        return Words(agency_code, agency_code) if found is None else Words(found.name_vi, found.name_en)

    def name_type(self, type_code: str) -> Words:
        """What a result type is called today; its code where nobody knows it."""
        found = self.recorded.latest.get(type_code)
        return Words(type_code, type_code) if found is None else Words(found.name_vi, found.name_en)

    def fields_shown_to(self, caller: Caller, type_code: str) -> frozenset[str]:
        """The fields of the record of a type that the caller is shown as an inspector, beyond what the code holds."""
        by_authority, inspector = self.recorded.inspector_fields.get(type_code, {}), caller.agency_code
        if not by_authority or inspector is None:
            return frozenset()
        if not purview_of(caller, self.hierarchy, "inspect").has(inspector, type_code):
            return frozenset()
        shown = (names for root, names in by_authority.items() if inspector in self.hierarchy.below(root))
        return frozenset().union(*shown)

    async def refresh(self) -> None:
        """Load the catalogue if a newer one was committed. Raises Unavailable; the snapshot then stays as it was."""
        seen_at = self._now()
        async with (
            self._refreshing,  # of two at once, the one that had read less could end last
            db.snapshot(self._pool) as conn,
        ):
            version = await store.get_version(conn)
            if version == self.snapshot.version:
                self.snapshot = snapshots.renew(self.snapshot, seen_at, self._believed_for)
            else:
                content, keys = await trusting.read_content(conn), await store.list_keys(conn)
                fields = await inspecting_store.list_inspector_fields(conn)
                believed = await trusting.believe(conn, self._roots, self._origin, self.snapshot.believed)
                self.snapshot = snapshots.build(version, seen_at, self._believed_for, content, keys, believed, fields)

    async def publish_type(self, definition: ResultType, actor: str, decision_number: str | None = None) -> None:
        """Publish the next version of a result type; the version that is published already changes nothing.

        It may protect less than the one before only by a decision, whose number goes into the audit. Raises
        InvalidInput with every fault of the definition.
        """
        said = f"{definition.code} v{definition.version}"
        if decision_number is not None:
            check_text("decision_number", decision_number)
            said = f"{said} {decision_number}"
        async with self.changing(actor, "publish_type", said) as conn:
            await self._publish(conn, [definition], may_weaken=decision_number is not None)

    async def upsert_agencies(self, agencies: Sequence[Agency], successors: Sequence[Successor], actor: str) -> None:
        """Write agencies and who follows them. Raises InvalidInput for codes that name nobody, and for a circle."""
        async with self.changing(actor, "upsert_agencies", " ".join(agency.agency_code for agency in agencies)) as conn:
            await _write_agencies(conn, agencies, successors)

    async def grant(self, rights: Sequence[Right], actor: str) -> None:
        """Write issuing rights; one is withdrawn by its `valid_until`. Raises InvalidInput for unknown codes."""
        async with self.changing(actor, "grant", " ".join(sorted({right.type_code for right in rights}))) as conn:
            await _write_rights(conn, rights)

    async def register_keys(self, keys: Sequence[SigningKey], actor: str) -> None:
        """Write public keys. A new active key retires the one its agency signed with until now.

        So does a pre-active one with another that was waiting: an agency has one key to sign with, and one to follow.
        A key's state only moves on: pre-active, active, retired. Raises InvalidInput for a step back, a key that is
        not P-256 or not its kid's, another agency's kid, an unknown agency, and a compromised key.
        """
        for key in keys:
            _check_key(key)
        async with self.changing(actor, "register_keys", " ".join(key.kid.hex() for key in keys)) as conn:
            for state in (KeyState.PRE_ACTIVE, KeyState.ACTIVE):
                new = [key for key in keys if key.state is state]
                agencies, kids = [key.agency_code for key in new], [key.kid for key in new]
                await store.retire_keys(conn, state, agencies, kids, self._now() + KEY_OVERLAP)
            refused = {key.kid for key in keys} - await store.upsert_keys(conn, keys)
            if refused:
                raise InvalidInput(
                    *(
                        InputProblem(kid.hex(), "key_state", "trạng thái khoá không thể lùi lại | cannot go back")
                        for kid in sorted(refused)
                    )
                )

    async def register_publisher(self, public_key: ec.EllipticCurvePublicKey, actor: str) -> None:
        """Have the trust list name a key that signs what verifiers download; one that is registered changes nothing."""
        kid = cose.key_id(public_key)
        async with self.changing(actor, "register_publisher", kid.hex()) as conn:
            await trust_store.insert_publisher(conn, kid, public_der(public_key), self._now())

    async def load(self, content: Seed, actor: str) -> None:
        """Bring in a whole catalogue at once; loading the same again changes nothing."""
        subject = f"{len(content.agencies)} agencies, {len(content.types)} types, {len(content.rights)} rights"
        async with self.changing(actor, "load_catalogue", subject) as conn:
            await self._publish(conn, content.types)
            await _write_agencies(conn, content.agencies, content.successors)
            await _write_rights(conn, content.rights)

    async def renew_trust(self) -> None:
        """Where the root is at hand, sign the trust list anew if it ends soon, or if there is none to believe here."""
        if self._root is not None and self._ends_soon(self.snapshot.believed.trust):
            async with self.changing("khoso", "renew_trust", f"after version {self.snapshot.believed.trust.version}"):
                pass

    @asynccontextmanager
    async def changing(self, actor: str, act: str, subject: str) -> AsyncIterator[Connection]:
        """A transaction that changes the catalogue; one at a time, by the lock on its version.

        Where the root is at hand, the trust list that follows from the change is signed in it.
        """
        async with db.transaction(self._pool) as conn:
            await store.raise_version(conn)
            yield conn
            if self._root is not None:
                await self._sign_wanted(conn, self._root)
            await auditing.append(conn, [auditing.Entry(actor, act, subject)], self._now())
        await self.refresh()  # failing here leaves the change committed: the next refresh brings it

    def measure(self, definition: ResultType, values: Mapping[str, Any]) -> CodeSize:
        """How large a code of this type gets, from the longest code of an agency. Raises as `sizing.measure`."""
        definitions.check_form(definition)
        issuer = max(self.recorded.agencies, key=len, default="")
        return sizing.measure(definition, values, issuer, self._origin)

    async def _sign_wanted(self, conn: Connection, root: Root) -> None:
        """Sign the list that the rows ask for, unless it is the one that is believed and that will hold for long."""
        wanted = await trusting.read_wanted(conn, development=True)
        standing = (await trusting.believe(conn, self._roots, self._origin, self.snapshot.believed)).trust
        if self._ends_soon(standing) or not trusting.say_the_same(wanted, standing):
            now = self._now()
            await trusting.sign(conn, root, self._origin, wanted, now, now + LIST_LIFETIME)

    def _ends_soon(self, trust: Trust) -> bool:
        return (self._now() + RENEWED_BEFORE).timestamp() >= trust.expires_at

    async def _publish(self, conn: Connection, types: Sequence[ResultType], *, may_weaken: bool = False) -> None:
        published = await store.list_types(conn)
        for definition in types:
            if definition not in published:
                earlier = [known for known in published if known.code == definition.code]
                definitions.check(definition, earlier, may_weaken=may_weaken)
                await store.insert_type(conn, definition, self._now())
                published.append(definition)


def _check_key(key: SigningKey) -> None:
    """What is registered is loaded by every worker, so it must be loadable."""
    try:
        kid = cose.key_id(read_public_key(key.public_key))
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidInput(
            InputProblem("public_key", "public_key", "nhập khoá P-256 dạng DER | give a P-256 key as DER")
        ) from None
    if kid != key.kid:
        raise InvalidInput(
            InputProblem("kid", "kid", f"mã khoá đúng là {kid.hex()} | the kid of this key is {kid.hex()}")
        )
    if key.state is KeyState.COMPROMISED or key.compromised_at is not None:
        raise InvalidInput(
            InputProblem(
                "state",
                "compromised",
                "chạy `khoso keys compromise` để giữ lại giấy thật"
                " | run `khoso keys compromise`: it saves honest papers",
            )
        )


async def _write_agencies(conn: Connection, agencies: Sequence[Agency], successors: Sequence[Successor]) -> None:
    await store.upsert_agencies(conn, agencies)
    await store.insert_successors(conn, successors)
    refuse_circles(trusting.group_successors(await store.list_successors(conn)))


async def _write_rights(conn: Connection, rights: Sequence[Right]) -> None:
    published = {definition.code for definition in await store.list_types(conn)}
    unknown = sorted({right.type_code for right in rights} - published)
    if unknown:
        raise InvalidInput(
            *(
                InputProblem(
                    "type_code", "unknown_type", f"loại kết quả {code} chưa được công bố | {code} is not published"
                )
                for code in unknown
            )
        )
    await store.upsert_rights(conn, rights)
