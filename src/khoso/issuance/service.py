"""The one durable step: numbers, signature, record, commit, and only then the answer.

A crash before the commit leaves nothing; a thief with the key, or a crash after signing, leaves a signature whose index
reads "not issued" to every scanner. So there is no clean-up to forget.
"""

import asyncio
import hashlib
import secrets
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from uuid import UUID

import msgspec

from khoso import db
from khoso.bounds import Bounds, of_agencies
from khoso.coalescing import Coalescer
from khoso.db import Connection, Pool
from khoso.errors import (
    DraftNeeded,
    IdempotencyKeyReused,
    InvalidInput,
    IssuingHeld,
    KeyStoreError,
    NoSigningKey,
    NotAuthorisedToIssue,
    Unavailable,
)
from khoso.formats import link
from khoso.formats.claims import StatusRef
from khoso.ids import draw_ids
from khoso.issuance import pace, pace_store, store
from khoso.issuance.grounds import code_of, series_of
from khoso.issuance.indexes import index_at
from khoso.issuance.model import Approval, Credential, Issued, IssueRequest, Prepared
from khoso.issuance.preparing import CatalogueView, prepare
from khoso.issuance.signer import Signer
from khoso.issuance.unsigned import Unsigned, draw_secrets, make_credential, make_unsigned

MAX_BATCH = 64

Key = tuple[str, str]
"""Whose idempotency key, and the key."""

CheckGround = Callable[[Connection, Sequence[Prepared]], Awaitable[None]]
"""Raises InvalidInput for a paper whose ground is not good; in the transaction that would issue it."""


async def take_grounds_as_named(_conn: Connection, _papers: Sequence[Prepared]) -> None:
    """The check of a city whose dossiers lie in another system: the form is right, and there is nothing to compare."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A prepared request with who asked, and under which idempotency key."""

    prepared: Prepared
    actor: str
    idempotency_key: str = ""
    request_hash: bytes = b""
    approval: Approval | None = None

    def __post_init__(self) -> None:
        """Raises DraftNeeded for a paper that takes two persons and had one."""
        if self.prepared.four_eyes and self.approval is None:
            raise DraftNeeded(self.prepared.claims.type_code)

    @property
    def hands(self) -> store.Hands:
        if self.approval is None:
            return store.Hands(self.actor)
        return store.Hands(self.actor, self.approval.drafted_by, self.approval.on_behalf_of)


class Issuer:
    """Issues credentials, for one process."""

    def __init__(
        self,
        pool: Pool,
        catalogue: Callable[[], CatalogueView],
        signer: Callable[[bytes], Signer],
        *,
        origin: str,
        pepper: bytes,
        now: Callable[[], datetime],
        check_record: Callable[[Mapping[int, int]], None],
        max_batch: int = MAX_BATCH,
        check_ground: CheckGround = take_grounds_as_named,
    ) -> None:
        """`check_record` raises RecordBehind if the record is older than what is published, or if one of these status
        lists is, as it was found at that version.
        """
        self._pool = pool
        self._catalogue = catalogue
        self._signer = signer
        self._origin = origin
        self._pepper = pepper
        self._now = now
        self._check_record = check_record
        self._max_batch = max_batch
        self._check_ground = check_ground
        self._coalescers: dict[str, Coalescer[Submission, Issued]] = {}

    def prepare(self, request: IssueRequest, agency_code: str) -> Prepared:
        """Check a request. Raises InvalidInput with every problem, NotAuthorisedToIssue or NoSigningKey."""
        return prepare(request, agency_code, self._catalogue(), self._pepper, self._now())

    async def issue(self, request: IssueRequest, agency_code: str, actor: str, idempotency_key: str) -> Issued:
        """Issue one result, once for all requests of `actor` with this key.

        Raises what `prepare` raises, DraftNeeded if the type takes two persons, IssuingHeld, KeyStoreError without a
        signing key, Unavailable while none can sign, RecordBehind, and IdempotencyKeyReused if the key was used for
        another request.
        """
        self._check_record({})
        request_hash = hashlib.sha256(msgspec.json.encode((agency_code, request), order="sorted")).digest()
        try:
            submission = Submission(self.prepare(request, agency_code), actor, idempotency_key, request_hash)
            coalescer = self._coalescer(self._signer(submission.prepared.kid))
        except (InvalidInput, NotAuthorisedToIssue, NoSigningKey, DraftNeeded, KeyStoreError):
            # Asked again after midnight, or when right, key or rule have changed, what was issued is still the answer.
            answered = await self._find_answer(agency_code, actor, idempotency_key, request_hash)
            if answered is None:
                raise
            return answered
        return await coalescer.submit(submission)

    async def issue_in(
        self, conn: Connection, prepared: Sequence[Prepared], actor: str, approvals: Sequence[Approval] | None = None
    ) -> list[Credential]:
        """Issue in the caller's transaction, for callers that keep their own record of what they have issued.

        Its bounds have to be those of `issuing`. `approvals`, one for each, are what makes a paper possible that takes
        two persons. Raises DraftNeeded without, IssuingHeld, and RecordBehind.
        """
        given = repeat(None, len(prepared)) if approvals is None else approvals
        submissions = [Submission(one, actor, approval=why) for one, why in zip(prepared, given, strict=True)]
        if await pace_store.is_held(conn, actor):
            raise IssuingHeld(actor)
        now = self._now()
        vaults = await self._ensure_vaults(conn, submissions, now)
        places = [vaults[submission.prepared.holder_key] for submission in submissions]
        return await self._record(conn, list(zip(submissions, places, draw_ids(len(submissions)), strict=True)), now)

    def _coalescer(self, signer: Signer) -> Coalescer[Submission, Issued]:
        """One for each place where keys lie: a device that is slow or away holds up nobody else's papers."""
        found = self._coalescers.get(signer.place)
        if found is None:
            found = Coalescer(self._issue_batch, max_batch=self._max_batch, max_waiting=signer.max_waiting)
            self._coalescers[signer.place] = found
        return found

    async def _issue_batch(self, submissions: Sequence[Submission]) -> list[Issued | Exception]:
        """One transaction for all submissions; each idempotency key in it is signed for once."""
        now = self._now()
        first_of = {(submission.actor, submission.idempotency_key): submission for submission in reversed(submissions)}
        leaders = sorted(first_of.values(), key=lambda submission: (submission.actor, submission.idempotency_key))
        async with db.transaction(self._pool, issuing(one.prepared.agency_code for one in leaders)) as conn:
            vaults = await self._ensure_vaults(conn, leaders, now)
            claims = [
                store.Claimed(o.actor, o.idempotency_key, o.request_hash, vaults[o.prepared.holder_key], credential_id)
                for o, credential_id in zip(leaders, draw_ids(len(leaders)), strict=True)
            ]
            granted = await store.claim_keys(conn, claims, now)
            new = [
                (submission, claim.vault_id, claim.credential_id)
                for submission, claim in zip(leaders, claims, strict=True)
                if claim.credential_id in granted.ours
            ]
            answers: dict[Key, Issued | Exception] = {key: IssuingHeld(key[0]) for key in first_of}
            answers.update(zip(_keys(new), map(self._issued, await self._record(conn, new, now)), strict=True))
            asked = {(s.actor, s.idempotency_key, s.request_hash) for s in submissions}
            for key, claim in granted.standing.items():
                if (*key, claim.request_hash) in asked:  # else it may be another agency's, and out of bounds
                    answers[key] = await self._repeat(conn, claim)
        hashes = {key: submission.request_hash for key, submission in first_of.items()}
        hashes |= {key: claim.request_hash for key, claim in granted.standing.items()}
        return [_answer(submission, answers, hashes) for submission in submissions]

    async def _ensure_vaults(
        self, conn: Connection, submissions: Iterable[Submission], now: datetime
    ) -> dict[bytes, UUID]:
        keys = sorted({submission.prepared.holder_key for submission in submissions})
        return await store.ensure_vaults(conn, list(map(store.HolderVault, keys, draw_ids(len(keys)))), now)

    async def _record(
        self, conn: Connection, new: Sequence[tuple[Submission, UUID, UUID]], now: datetime
    ) -> list[Credential]:
        """Take numbers, sign, and write everything down. Nothing may be released before the caller commits."""
        if not new:
            return []
        papers = [submission.prepared for submission, _, _ in new]
        await self._check_ground(conn, papers)
        codes = await self._take_result_codes(conn, papers)
        kids = sorted({submission.prepared.kid for submission, _, _ in new})
        ranges = await store.take_indexes(conn, len(new), secrets.token_bytes(32), kids)
        self._check_record({taken.list_id: taken.version - 1 for taken in ranges})
        if any(taken.key_compromised for taken in ranges):
            raise Unavailable("the signing key has just been withdrawn")
        unsigned = [
            make_unsigned(submission.prepared, vault_id, credential_id, code, ref)
            for (submission, vault_id, credential_id), code, ref in zip(new, codes, _references(ranges), strict=True)
        ]
        signatures = await self._sign(unsigned)
        credentials = [
            make_credential(one, signature, secret)
            for one, signature, secret in zip(unsigned, signatures, draw_secrets(len(unsigned)), strict=True)
        ]
        versions = {taken.list_id: taken.version for taken in ranges}
        rows = [
            store.Paper(
                credential, submission.hands, versions[one.ref.list_id], hashlib.sha256(one.to_be_signed).digest()
            )
            for (submission, _, _), one, credential in zip(new, unsigned, credentials, strict=True)
        ]
        await store.insert_papers(conn, rows)
        actors = [submission.actor for submission, _, _ in new]
        await store.audit_issues(conn, credentials, actors, now)
        await pace.count(conn, credentials, actors, now)
        # Nobody is notified: a worker that has not heard of a new paper asks the record. Withdrawals are announced.
        return credentials

    async def _take_result_codes(self, conn: Connection, papers: Sequence[Prepared]) -> list[str]:
        series = list(map(series_of, papers))
        counts = Counter(series)
        wanted = [store.DossierNumbers(code, counts[code]) for code in sorted(counts)]
        last = await store.take_result_numbers(conn, wanted)
        following = {code: last[code] - counts[code] for code in counts}
        codes = []
        for paper, one in zip(papers, series, strict=True):
            following[one] += 1
            codes.append(code_of(paper, following[one]))
        return codes

    async def _sign(self, unsigned: Sequence[Unsigned]) -> Sequence[bytes]:
        """A signature for each, in order: every key is asked once, and all of them at the same time."""
        by_kid: dict[bytes, list[bytes]] = defaultdict(list)
        for one in unsigned:
            by_kid[one.prepared.kid].append(one.to_be_signed)
        made = await asyncio.gather(*(self._signer(kid).sign(messages) for kid, messages in by_kid.items()))
        following = {kid: iter(signatures) for kid, signatures in zip(by_kid, made, strict=True)}
        return [next(following[one.prepared.kid]) for one in unsigned]

    async def _find_answer(
        self, agency_code: str, actor: str, idempotency_key: str, request_hash: bytes
    ) -> Issued | None:
        """The answer given before to this very request."""
        async with db.transaction(self._pool, issuing([agency_code])) as conn:
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
            lookup_code=credential.lookup_code,
            code=link.compose(self._origin, credential.signed),
            issued_at=credential.issued_at,
            valid_from=credential.valid_from,
            expires_at=credential.expires_at,
        )


def issuing(agencies: Iterable[str]) -> Bounds:
    """What a transaction touches that issues for these agencies."""
    return of_agencies(set(agencies), "issue")


def _references(ranges: Iterable[store.IndexRange]) -> Iterator[StatusRef]:
    for taken in ranges:
        for position in range(taken.first, taken.first + taken.count):
            yield StatusRef(taken.list_id, index_at(taken.seed, position))


def _keys(new: Iterable[tuple[Submission, UUID, UUID]]) -> Iterator[Key]:
    return ((submission.actor, submission.idempotency_key) for submission, _, _ in new)


def _answer(
    submission: Submission, answers: Mapping[Key, Issued | Exception], hashes: Mapping[Key, bytes]
) -> Issued | Exception:
    key = (submission.actor, submission.idempotency_key)
    return answers[key] if hashes[key] == submission.request_hash else IdempotencyKeyReused(submission.idempotency_key)
