"""The acts of those who keep the city's keys: new keys, stolen keys, and the trust list that says so.

Where the root is at hand they are believed at once. Where it is not, a new key waits for the ceremony, and its agency
goes on signing with the one before; a stolen key stops at once, whoever has the root.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec

from khoso import db
from khoso.bounds import Bounds
from khoso.catalogue import ceremony, drafts, store, trust_store, trusting
from khoso.catalogue.ceremony import Change
from khoso.catalogue.drafts import Draft
from khoso.catalogue.model import SigningKey
from khoso.catalogue.recovering import bring_back, make_row
from khoso.catalogue.service import KEY_OVERLAP, Catalogue
from khoso.catalogue.trust_store import HonestPapers
from khoso.db import Connection, Pool
from khoso.errors import InputProblem, InvalidInput, NotFound, Unavailable
from khoso.formats import cose, honest_set
from khoso.formats.documents import NotBelieved, PublicKeys
from khoso.formats.malformed import Malformed
from khoso.formats.result_type import ResultType
from khoso.formats.trust import KeyState, Trust
from khoso.formats.trust_list import public_der, unseal_trust

PATIENCE = timedelta(seconds=60)
"""How long the honest set waits for transactions that were open when the key was stopped; issuing takes far less."""

_LOOK_SECONDS = 0.05


class Custody:
    """Keys and trust lists of one city."""

    def __init__(
        self,
        catalogue: Catalogue,
        pool: Pool,
        *,
        origin: str,
        roots: PublicKeys,
        root_at_hand: bool,
        now: Callable[[], datetime],
    ) -> None:
        self._catalogue = catalogue
        self._pool = pool
        self._origin = origin
        self._roots = roots
        self._root_at_hand = root_at_hand
        self._now = now

    async def add_key(self, agency_code: str, public_key: ec.EllipticCurvePublicKey, actor: str) -> SigningKey:
        """A new key for an agency, which signs with it as soon as it is believed; the last one retires then.

        Raises InvalidInput for an unknown agency.
        """
        key = SigningKey(
            kid=cose.key_id(public_key),
            agency_code=agency_code,
            public_key=public_der(public_key),
            state=KeyState.ACTIVE if self._root_at_hand else KeyState.PRE_ACTIVE,
            valid_from=self._now(),
        )
        await self._catalogue.register_keys([key], actor)
        return key

    async def list_keys(self) -> list[SigningKey]:
        """All keys of agencies, as the rows have them."""
        async with db.transaction(self._pool) as conn:
            return await store.list_keys(conn)

    async def stop_key(self, kid: bytes, since: datetime, actor: str) -> SigningKey:
        """Let nothing be recorded any more that a stolen key signs; answers the key as it was before.

        Holds for every worker from the commit on. Verifiers see no difference until `save_honest_papers`: before it
        they could not tell honest papers from the thief's. Raises NotFound.
        """
        async with self._catalogue.changing(actor, "stop_key", kid.hex()) as conn:
            found = next((key for key in await store.list_keys(conn) if key.kid == kid), None)
            if found is None:
                raise NotFound(kid.hex())
            await trust_store.compromise_key(conn, kid, since)
            return found

    async def save_honest_papers(self, kid: bytes, actor: str) -> HonestPapers:
        """Make the set of the papers recorded for a stopped key, and name it in the trust list.

        Whoever was issuing with the key when it was stopped is waited for. Raises Unavailable if a transaction stays
        open for longer than `PATIENCE`; the same call takes it up again.
        """
        await self._await_open_transactions()
        papers = await self._collect(kid)
        async with self._catalogue.changing(actor, "save_honest_papers", f"{kid.hex()} {papers.papers}") as conn:
            await trust_store.insert_honest_set(conn, papers)
        return papers

    async def find_publishers(self) -> set[bytes]:
        """The kids of the publisher keys that are registered and not stolen."""
        async with db.transaction(self._pool) as conn:
            return {one.kid for one in await trust_store.list_publishers(conn) if one.compromised_at is None}

    async def follow_publisher(self, kid: bytes, actor: str) -> None:
        """The publisher keys other than this one retire."""
        async with self._catalogue.changing(actor, "follow_publisher", kid.hex()) as conn:
            await trust_store.end_publishers(conn, kid, self._now() + KEY_OVERLAP)

    async def withdraw_publisher(self, kid: bytes, actor: str) -> None:
        """A stolen publisher key leaves the trust list: nothing it ever signed is believed any more."""
        async with self._catalogue.changing(actor, "withdraw_publisher", kid.hex()) as conn:
            await trust_store.mark_publisher_compromised(conn, kid, self._now())

    async def draft(self) -> Draft:
        """The list that the rows ask for, to be signed by the root."""
        async with db.transaction(self._pool) as conn:
            wanted, version = await trusting.read_wanted(conn), await trust_store.next_version(conn)
        return drafts.write_draft(wanted, self._origin, version, self._catalogue.snapshot.signed_trust)

    async def list_pending(self) -> list[Change]:
        """What the rows ask for and no root has signed yet."""
        async with db.transaction(self._pool) as conn:
            wanted = await trusting.read_wanted(conn)
        return ceremony.list_changes(self._catalogue.snapshot.believed.trust, wanted)

    async def publish(self, signed: bytes, actor: str, *, force: bool = False) -> Trust:
        """Let a list that the root has signed be believed; agencies sign from now on with the keys it brings.

        Raises InvalidInput for a list that is not to be believed or does not follow the one that stands, and, unless
        forced, for one by which papers that are good would read as forged.
        """
        trust = self._open(signed)
        async with self._catalogue.changing(actor, "publish_trust", f"version {trust.version}") as conn:
            held = self._catalogue.snapshot.believed
            present = (await trusting.believe(conn, self._roots, self._origin, held)).trust
            ceremony.check_next(trust, present, self._now())
            if not force:
                ceremony.refuse_losses(ceremony.find_losses(present, trust))
            await _check_sets(conn, trust)
            await trust_store.insert_list(conn, make_row(trust, signed))
            await self._activate(conn, trust)
        return trust

    async def recover(self, types: Iterable[ResultType], types_version: int, actor: str) -> None:
        """After a restore: write into the rows again what the trust list and type list held tell of them."""
        held = self._catalogue.snapshot.believed
        async with self._catalogue.changing(actor, "recover_catalogue", f"trust list {held.trust.version}") as conn:
            await bring_back(conn, held, types, types_version, self._now())
            await self._activate(conn, held.trust)

    def _open(self, signed: bytes) -> Trust:
        try:
            return unseal_trust(signed, self._roots, self._origin)
        except (Malformed, NotBelieved) as refused:
            message = (
                "không phải danh sách tin cậy do khoá gốc được ghim ở đây ký cho địa chỉ này"
                " | not a trust list that a root pinned here has signed for this origin"
            )
            raise InvalidInput(InputProblem("file", refused.reason, message)) from None

    async def _activate(self, conn: Connection, trust: Trust) -> None:
        """The keys that waited for this list."""
        waiting = [key.kid for key in await store.list_keys(conn) if key.state is KeyState.PRE_ACTIVE]
        brought = [kid for kid in waiting if kid in trust.keys and trust.keys[kid].state is KeyState.ACTIVE]
        await trust_store.activate_keys(conn, brought, self._now() + KEY_OVERLAP)

    async def _await_open_transactions(self) -> None:
        async with db.transaction(self._pool) as conn:
            horizon = await trust_store.get_horizon(conn)
        deadline = asyncio.get_running_loop().time() + PATIENCE.total_seconds()
        while not await self._has_passed(horizon):
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable("a transaction stays open: end it (pg_stat_activity) and run the command again")
            await asyncio.sleep(_LOOK_SECONDS)

    async def _has_passed(self, horizon: str) -> bool:
        async with db.transaction(self._pool) as conn:
            return await trust_store.has_passed(conn, horizon)

    async def _collect(self, kid: bytes) -> HonestPapers:
        """One status list at a time: no more than 2^17 papers in memory beside the set itself."""
        lists, count = {}, 0
        async with db.transaction(self._pool, Bounds(duty="custody")) as conn:
            for list_id in await trust_store.list_status_lists(conn):
                papers = await trust_store.list_papers(conn, list_id, kid)
                if papers:
                    lists[list_id] = honest_set.encode_list(papers)
                    count += len(papers)
        content = honest_set.encode(lists)
        return HonestPapers(sha256(content).digest(), kid, content, count, self._now())


async def _check_sets(conn: Connection, trust: Trust) -> None:
    named = {key.honest_digest for key in trust.keys.values() if key.honest_digest is not None}
    missing = named - set((await trust_store.list_honest_digests(conn)).values())
    if missing:
        problems = (
            InputProblem(digest.hex(), "honest_set", "không có trong cơ sở dữ liệu này | is not in this database")
            for digest in sorted(missing)
        )
        raise InvalidInput(*problems)
