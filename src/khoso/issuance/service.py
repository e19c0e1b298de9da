"""The one durable step: numbers, signature, record, commit, and only then the answer.

A crash before the commit leaves nothing; a thief with the key, or a crash after signing, leaves a signature whose index
reads "not issued" to every scanner. So there is no clean-up to forget.
"""

import hashlib
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec

from khoso import db
from khoso.coalescing import Coalescer
from khoso.db import Connection, Pool
from khoso.errors import (
    IdempotencyKeyReused,
    InputProblem,
    InvalidInput,
    NotAuthorisedToIssue,
    NotFound,
    StatusChangeRefused,
    Unavailable,
)
from khoso.formats import claims as claims_format
from khoso.formats import cose, link, lookup
from khoso.formats.claims import StatusRef
from khoso.formats.field_values import BadValue, clean_text
from khoso.formats.status_list import Status
from khoso.issuance import store
from khoso.issuance.indexes import index_at
from khoso.issuance.model import Act, Credential, Issued, IssueRequest, Prepared, StatusAct
from khoso.issuance.preparing import CatalogueView, prepare
from khoso.issuance.signer import Signer

MAX_BATCH = 64


@dataclass(frozen=True, slots=True)
class Order:
    """A prepared request with who asked, and under which idempotency key."""

    prepared: Prepared
    actor: str
    idempotency_key: str = ""
    request_hash: bytes = b""


class Issuer:
    """Issues credentials, and changes their status, for one process."""

    def __init__(
        self,
        pool: Pool,
        catalogue: Callable[[], CatalogueView],
        signer: Callable[[bytes], Signer],
        *,
        origin: str,
        pepper: bytes,
        now: Callable[[], datetime],
        max_batch: int = MAX_BATCH,
    ) -> None:
        self._pool = pool
        self._catalogue = catalogue
        self._signer = signer
        self._origin = origin
        self._pepper = pepper
        self._now = now
        self._coalescer: Coalescer[Order, Issued] = Coalescer(self._issue_batch, max_batch=max_batch)

    def prepare(self, request: IssueRequest, agency_code: str) -> Prepared:
        """Check a request without issuing. Raises InvalidInput with every problem, or NotAuthorisedToIssue."""
        return prepare(request, agency_code, self._catalogue(), self._pepper, self._now())

    async def issue(self, request: IssueRequest, agency_code: str, actor: str, idempotency_key: str) -> Issued:
        """Issue one result, once for all requests of `actor` with this key.

        Raises what `prepare` raises, and IdempotencyKeyReused if the key was used for another request.
        """
        request_hash = hashlib.sha256(msgspec.json.encode((agency_code, request), order="sorted")).digest()
        try:
            prepared = self.prepare(request, agency_code)
        except (InvalidInput, NotAuthorisedToIssue):
            # Asked again after midnight, or after the right ended, a result that was issued is still the answer.
            answered = await self._find_answer(actor, idempotency_key, request_hash)
            if answered is None:
                raise
            return answered
        return await self._coalescer.submit(Order(prepared, actor, idempotency_key, request_hash))

    async def issue_in(self, conn: Connection, prepared: Sequence[Prepared], actor: str) -> list[Issued]:
        """Issue in the caller's transaction, for callers that keep their own record of what they have issued."""
        orders = [Order(one, actor) for one in prepared]
        now = self._now()
        vaults = await self._ensure_vaults(conn, orders, now)
        return await self._record(conn, [(order, vaults[order.prepared.holder_key], uuid4()) for order in orders], now)

    async def change_status(self, result_code: str, agency_code: str, act: StatusAct, actor: str) -> None:
        """Carry out an administrative act on a result of the agency.

        Raises NotFound if the agency issued no such result, StatusChangeRefused if its status does not allow the act,
        InvalidInput if the act does not say why.
        """
        _check_act(act, result_code)
        async with db.transaction(self._pool) as conn:
            place = await self._place_of(conn, result_code, agency_code)
            newer = None
            if act.superseded_by is not None:
                newer = await self._place_of(conn, act.superseded_by, agency_code)
                if newer.vault_id != place.vault_id:
                    raise InvalidInput(
                        InputProblem("superseded_by", "other_holder", "name a result of the same holder")
                    )
            standing, successor = await store.lock_standings(conn, place, newer)
            if standing.status not in _ALLOWED_FROM[act.act] or successor not in (None, Status.VALID):
                raise StatusChangeRefused(result_code)
            now = self._now()  # behind the lock: acts are dated in the order in which they were done
            version = await store.raise_list_version(conn, standing.list_id)
            await store.change_status(conn, standing, _BECOMES[act.act], version, now)
            await store.insert_act(conn, standing, uuid4(), act, actor, now)
            trace = store.Trace(uuid4(), uuid4(), standing.vault_id, standing.credential_id, result_code, actor)
            await store.insert_traces(conn, [trace], act.act, now)
            await store.announce(conn, standing.list_id)

    async def _place_of(self, conn: Connection, result_code: str, agency_code: str) -> store.ResultCode:
        place = await store.find_result_code(conn, result_code)
        if place is None or place.agency_code != agency_code:
            raise NotFound(result_code)
        return place

    async def _issue_batch(self, orders: Sequence[Order]) -> list[Issued | Exception]:
        """One transaction for all orders; each idempotency key in it is signed for once."""
        now = self._now()
        first_of = {(order.actor, order.idempotency_key): order for order in reversed(orders)}
        leaders = sorted(first_of.values(), key=lambda order: (order.actor, order.idempotency_key))
        async with db.transaction(self._pool) as conn:
            vaults = await self._ensure_vaults(conn, leaders, now)
            claims = [
                store.Claimed(o.actor, o.idempotency_key, o.request_hash, vaults[o.prepared.holder_key], uuid4())
                for o in leaders
            ]
            standing = {(c.client, c.idempotency_key): c for c in await store.claim_keys(conn, claims, now)}
            new = [
                (order, claim.vault_id, claim.credential_id)
                for order, claim in zip(leaders, claims, strict=True)
                if (claim.client, claim.idempotency_key) not in standing
            ]
            answers = dict(zip(_keys(new), await self._record(conn, new, now), strict=True))
            for key, claim in standing.items():
                answers[key] = await self._repeat(conn, claim)
        hashes = {key: order.request_hash for key, order in first_of.items()}
        hashes |= {key: claim.request_hash for key, claim in standing.items()}
        return [_answer(order, answers, hashes) for order in orders]

    async def _ensure_vaults(self, conn: Connection, orders: Iterable[Order], now: datetime) -> dict[bytes, UUID]:
        keys = sorted({order.prepared.holder_key for order in orders})
        return await store.ensure_vaults(conn, [store.HolderVault(key, uuid4()) for key in keys], now)

    async def _record(self, conn: Connection, new: Sequence[tuple[Order, UUID, UUID]], now: datetime) -> list[Issued]:
        """Take numbers, sign, and write everything down. Nothing may be released before the caller commits."""
        if not new:
            return []
        codes = await self._take_result_codes(conn, [order.prepared.dossier_code for order, _, _ in new])
        kids = sorted({order.prepared.kid for order, _, _ in new})
        ranges = await store.take_indexes(conn, len(new), secrets.token_bytes(32), kids)
        if any(taken.key_compromised for taken in ranges):
            raise Unavailable("the signing key has just been withdrawn")
        credentials, hashes = [], []
        for (order, vault_id, credential_id), code, ref in zip(new, codes, _references(ranges), strict=True):
            credential, signed_hash = self._sign(order.prepared, vault_id, credential_id, code, ref)
            credentials.append(credential)
            hashes.append(signed_hash)
        await store.insert_credentials(conn, credentials)
        await store.insert_status_entries(conn, credentials, hashes, {r.list_id: r.version for r in ranges})
        traces = [
            store.Trace(
                uuid4(), uuid4(), credential.vault_id, credential.credential_id, credential.result_code, order.actor
            )
            for credential, (order, _, _) in zip(credentials, new, strict=True)
        ]
        await store.insert_traces(conn, traces, "issue", now)
        # Nobody is notified: a worker that has not heard of a new paper asks the record. Withdrawals are announced.
        return [self._issued(credential) for credential in credentials]

    async def _take_result_codes(self, conn: Connection, dossiers: Sequence[str]) -> list[str]:
        counts = Counter(dossiers)
        wanted = [store.DossierNumbers(code, counts[code]) for code in sorted(counts)]
        last = await store.take_result_numbers(conn, wanted)
        following = {code: last[code] - counts[code] for code in counts}
        codes = []
        for dossier in dossiers:
            following[dossier] += 1
            codes.append(f"{dossier}-KQ{following[dossier]}")
        return codes

    def _sign(
        self, prepared: Prepared, vault_id: UUID, credential_id: UUID, result_code: str, ref: StatusRef
    ) -> tuple[Credential, bytes]:
        """The credential, signed, and the hash of exactly what was signed."""
        claims = prepared.draft._replace(result_code=result_code, status=ref)
        payload = claims_format.encode(claims)
        to_be_signed = cose.to_be_signed(prepared.kid, payload)
        signature = self._signer(prepared.kid).sign(to_be_signed)
        issued_at = _instant(claims.issued_at)
        credential = Credential(
            vault_id=vault_id,
            credential_id=credential_id,
            result_code=result_code,
            type_code=claims.type_code,
            type_version=claims.type_version,
            agency_code=prepared.agency_code,
            dossier_code=prepared.dossier_code,
            holder_name=prepared.holder_name,
            fields=prepared.fields,
            issued_at=issued_at,
            valid_from=issued_at if claims.valid_from is None else _instant(claims.valid_from),
            expires_at=None if claims.expires_at is None else _instant(claims.expires_at),
            evidence_level=claims.evidence_level,
            list_id=ref.list_id,
            status_index=ref.status_index,
            signed=cose.assemble(prepared.kid, payload, signature),
            lookup_secret=_lookup_secret(),
            search_text=prepared.search_text,
            status=Status.VALID,
            status_since=issued_at,
        )
        return credential, hashlib.sha256(to_be_signed).digest()

    async def _find_answer(self, actor: str, idempotency_key: str, request_hash: bytes) -> Issued | None:
        """The answer given before to this very request."""
        async with db.connection(self._pool) as conn:
            claim = await store.find_claim(conn, actor, idempotency_key)
            if claim is None or claim.request_hash != request_hash:
                return None
            return await self._repeat(conn, claim)

    async def _repeat(self, conn: Connection, claim: store.Claimed) -> Issued:
        """The answer given when the key was first used."""
        credential = await store.find_credential(conn, claim.vault_id, claim.credential_id)
        assert credential is not None  # committed with its key, and never deleted
        return self._issued(credential)

    def _issued(self, credential: Credential) -> Issued:
        return Issued(
            result_code=credential.result_code,
            lookup_code=lookup.compose(credential.result_code, credential.lookup_secret),
            code=link.compose(self._origin, credential.signed),
            issued_at=credential.issued_at,
            valid_from=credential.valid_from,
            expires_at=credential.expires_at,
        )


_ALLOWED_FROM: Mapping[Act, frozenset[int]] = {
    "revoke": frozenset({Status.VALID, Status.SUSPENDED}),
    "suspend": frozenset({Status.VALID}),
    "restore": frozenset({Status.SUSPENDED}),
    "supersede": frozenset({Status.VALID, Status.SUSPENDED}),
}
_BECOMES: Mapping[Act, Status] = {
    "revoke": Status.INVALID,
    "suspend": Status.SUSPENDED,
    "restore": Status.VALID,
    "supersede": Status.SUPERSEDED,
}


def _check_act(act: StatusAct, result_code: str) -> None:
    problems = []
    for field in ("reason_code", "decision_number"):
        try:
            clean_text(getattr(act, field), 200)
        except BadValue as bad:
            problems.append(InputProblem(field, bad.code, str(bad)))
    if (act.act == "supersede") != (act.superseded_by is not None):
        message = "name the newer result's code when superseding, and only then"
        problems.append(InputProblem("superseded_by", "successor", message))
    if act.superseded_by == result_code:
        problems.append(InputProblem("superseded_by", "itself", "a result cannot take its own place"))
    if problems:
        raise InvalidInput(*problems)


def _lookup_secret() -> str:
    """Each of the 32 characters is equally likely: 32 divides 256."""
    return "".join(lookup.ALPHABET[byte % 32] for byte in secrets.token_bytes(lookup.SECRET_LENGTH))


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _references(ranges: Iterable[store.IndexRange]) -> Iterator[StatusRef]:
    for taken in ranges:
        for position in range(taken.first, taken.first + taken.count):
            yield StatusRef(taken.list_id, index_at(taken.seed, position))


def _keys(new: Iterable[tuple[Order, UUID, UUID]]) -> Iterator[tuple[str, str]]:
    return ((order.actor, order.idempotency_key) for order, _, _ in new)


def _answer(
    order: Order, answers: Mapping[tuple[str, str], Issued], hashes: Mapping[tuple[str, str], bytes]
) -> Issued | Exception:
    key = (order.actor, order.idempotency_key)
    return answers[key] if hashes[key] == order.request_hash else IdempotencyKeyReused(order.idempotency_key)
