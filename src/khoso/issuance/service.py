"""The one durable step: numbers, signature, record, commit, and only then the answer.

A crash before the commit leaves nothing; a thief with the key, or a crash after signing, leaves a signature whose index
reads "not issued" to every scanner. So there is no clean-up to forget.
"""

import asyncio
import hashlib
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from khoso import db
from khoso.coalescing import Coalescer
from khoso.db import Connection, Pool
from khoso.errors import IdempotencyKeyReused, InvalidInput, KeyStoreError, NotAuthorisedToIssue, Unavailable
from khoso.formats import link, lookup
from khoso.formats.claims import StatusRef
from khoso.issuance import store
from khoso.issuance.drafts import Draft, make_credential, make_draft
from khoso.issuance.indexes import index_at
from khoso.issuance.model import Credential, Issued, IssueRequest, Prepared
from khoso.issuance.preparing import CatalogueView, prepare
from khoso.issuance.signer import Signer

MAX_BATCH = 64


@dataclass(frozen=True, slots=True)
class Submission:
    """A prepared request with who asked, and under which idempotency key."""

    prepared: Prepared
    actor: str
    idempotency_key: str = ""
    request_hash: bytes = b""


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
        max_batch: int = MAX_BATCH,
    ) -> None:
        self._pool = pool
        self._catalogue = catalogue
        self._signer = signer
        self._origin = origin
        self._pepper = pepper
        self._now = now
        self._max_batch = max_batch
        self._coalescers: dict[str, Coalescer[Submission, Issued]] = {}

    def prepare(self, request: IssueRequest, agency_code: str) -> Prepared:
        """Check a request without issuing. Raises InvalidInput with every problem, or NotAuthorisedToIssue."""
        return prepare(request, agency_code, self._catalogue(), self._pepper, self._now())

    async def issue(self, request: IssueRequest, agency_code: str, actor: str, idempotency_key: str) -> Issued:
        """Issue one result, once for all requests of `actor` with this key.

        Raises what `prepare` raises, KeyStoreError without a signing key, Unavailable while none can sign, and
        IdempotencyKeyReused if the key was used for another request.
        """
        request_hash = hashlib.sha256(msgspec.json.encode((agency_code, request), order="sorted")).digest()
        try:
            prepared = self.prepare(request, agency_code)
            coalescer = self._coalescer(self._signer(prepared.kid))
        except (InvalidInput, NotAuthorisedToIssue, KeyStoreError):
            # Asked again after midnight, after the right or the key is gone, what was issued is still the answer.
            answered = await self._find_answer(actor, idempotency_key, request_hash)
            if answered is None:
                raise
            return answered
        return await coalescer.submit(Submission(prepared, actor, idempotency_key, request_hash))

    async def issue_in(self, conn: Connection, prepared: Sequence[Prepared], actor: str) -> list[Issued]:
        """Issue in the caller's transaction, for callers that keep their own record of what they have issued."""
        submissions = [Submission(one, actor) for one in prepared]
        now = self._now()
        vaults = await self._ensure_vaults(conn, submissions, now)
        return await self._record(
            conn, [(submission, vaults[submission.prepared.holder_key], uuid4()) for submission in submissions], now
        )

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
        async with db.transaction(self._pool) as conn:
            vaults = await self._ensure_vaults(conn, leaders, now)
            claims = [
                store.Claimed(o.actor, o.idempotency_key, o.request_hash, vaults[o.prepared.holder_key], uuid4())
                for o in leaders
            ]
            standing = {(c.client, c.idempotency_key): c for c in await store.claim_keys(conn, claims, now)}
            new = [
                (submission, claim.vault_id, claim.credential_id)
                for submission, claim in zip(leaders, claims, strict=True)
                if (claim.client, claim.idempotency_key) not in standing
            ]
            answers = dict(zip(_keys(new), await self._record(conn, new, now), strict=True))
            for key, claim in standing.items():
                answers[key] = await self._repeat(conn, claim)
        hashes = {key: submission.request_hash for key, submission in first_of.items()}
        hashes |= {key: claim.request_hash for key, claim in standing.items()}
        return [_answer(submission, answers, hashes) for submission in submissions]

    async def _ensure_vaults(
        self, conn: Connection, submissions: Iterable[Submission], now: datetime
    ) -> dict[bytes, UUID]:
        keys = sorted({submission.prepared.holder_key for submission in submissions})
        return await store.ensure_vaults(conn, [store.HolderVault(key, uuid4()) for key in keys], now)

    async def _record(
        self, conn: Connection, new: Sequence[tuple[Submission, UUID, UUID]], now: datetime
    ) -> list[Issued]:
        """Take numbers, sign, and write everything down. Nothing may be released before the caller commits."""
        if not new:
            return []
        codes = await self._take_result_codes(conn, [submission.prepared.dossier_code for submission, _, _ in new])
        kids = sorted({submission.prepared.kid for submission, _, _ in new})
        ranges = await store.take_indexes(conn, len(new), secrets.token_bytes(32), kids)
        if any(taken.key_compromised for taken in ranges):
            raise Unavailable("the signing key has just been withdrawn")
        drafts = [
            make_draft(submission.prepared, vault_id, credential_id, code, ref)
            for (submission, vault_id, credential_id), code, ref in zip(new, codes, _references(ranges), strict=True)
        ]
        signatures = await self._sign(drafts)
        credentials = [make_credential(draft, signature) for draft, signature in zip(drafts, signatures, strict=True)]
        hashes = [hashlib.sha256(draft.to_be_signed).digest() for draft in drafts]
        await store.insert_credentials(conn, credentials, [submission.actor for submission, _, _ in new])
        await store.insert_status_entries(conn, credentials, hashes, {r.list_id: r.version for r in ranges})
        traces = [
            store.Trace(
                uuid4(), credential.vault_id, credential.credential_id, credential.result_code, submission.actor
            )
            for credential, (submission, _, _) in zip(credentials, new, strict=True)
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

    async def _sign(self, drafts: Sequence[Draft]) -> Sequence[bytes]:
        """A signature for each, in order: every key is asked once, and all of them at the same time."""
        by_kid: dict[bytes, list[bytes]] = defaultdict(list)
        for draft in drafts:
            by_kid[draft.prepared.kid].append(draft.to_be_signed)
        made = await asyncio.gather(*(self._signer(kid).sign(messages) for kid, messages in by_kid.items()))
        following = {kid: iter(signatures) for kid, signatures in zip(by_kid, made, strict=True)}
        return [next(following[draft.prepared.kid]) for draft in drafts]

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


def _references(ranges: Iterable[store.IndexRange]) -> Iterator[StatusRef]:
    for taken in ranges:
        for position in range(taken.first, taken.first + taken.count):
            yield StatusRef(taken.list_id, index_at(taken.seed, position))


def _keys(new: Iterable[tuple[Submission, UUID, UUID]]) -> Iterator[tuple[str, str]]:
    return ((submission.actor, submission.idempotency_key) for submission, _, _ in new)


def _answer(
    submission: Submission, answers: Mapping[tuple[str, str], Issued], hashes: Mapping[tuple[str, str], bytes]
) -> Issued | Exception:
    key = (submission.actor, submission.idempotency_key)
    return answers[key] if hashes[key] == submission.request_hash else IdempotencyKeyReused(submission.idempotency_key)
