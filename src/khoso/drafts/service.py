"""Filing, revising, withdrawing, rejecting and approving drafts. Every step is one transaction, with its audit row."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from khoso import db
from khoso.auditing import store as auditing
from khoso.bounds import Bounds
from khoso.caller import Caller, purview_of
from khoso.db import Connection, Pool
from khoso.drafts import store
from khoso.drafts.approving import Approver, Judged, Rights, check_seen, judge
from khoso.drafts.delegating import rights_of
from khoso.drafts.hashing import hash_draft, read_request, write_request
from khoso.drafts.model import (
    APPROVE,
    MAX_APPROVED,
    Draft,
    Hand,
    HierarchyOf,
    Outcome,
    Papers,
    Preview,
    PurviewOf,
    Seen,
    State,
)
from khoso.errors import (
    DraftEnded,
    IdempotencyKeyReused,
    InputProblem,
    InvalidInput,
    NotFound,
    NotPermitted,
)
from khoso.inputs import check_text
from khoso.issue_request import IssueRequest

LAPSES_AFTER = timedelta(days=30)
"""How long a draft waits since it was last revised."""

_LAPSE_AT_A_TIME = 1_000


class Drafts:
    """Everything that is done with drafts."""

    def __init__(
        self, pool: Pool, papers: Papers, hierarchy: HierarchyOf, purview: PurviewOf, now: Callable[[], datetime]
    ) -> None:
        self._pool = pool
        self._papers = papers
        self._hierarchy = hierarchy
        self._purview_of = purview
        self._now = now

    async def file(self, request: IssueRequest, agency_code: str, author: str, idempotency_key: str) -> Draft:
        """Draft a result, once for all requests of `author` with this key.

        Raises InvalidInput with every problem, NotAuthorisedToIssue, NoSigningKey, and IdempotencyKeyReused if the key
        was used for another draft, or for one of which is forgotten what it asked for.
        """
        asked = write_request(request)
        request_hash = hashlib.sha256(f"{agency_code}\n{asked}".encode()).digest()
        async with db.transaction(self._pool, Bounds(duty="approve")) as conn:
            standing = await store.find_draft_by_key(conn, author, idempotency_key)
        if standing is not None:
            return _same(standing, request_hash)
        paper = await asyncio.to_thread(self._papers.look, request, agency_code)
        draft_id, now = uuid4(), self._now()
        draft = Draft(
            draft_id=draft_id,
            agency_code=agency_code,
            author=author,
            idempotency_key=idempotency_key,
            request_hash=request_hash,
            type_code=paper.type_code,
            type_version=paper.type_version,
            request=asked,
            draft_hash=hash_draft(draft_id, 1, agency_code, author, paper, asked),
            revision=1,
            state="awaiting_approval",
            drafted_at=now,
            revised_at=now,
            lapses_at=now + LAPSES_AFTER,
        )
        async with db.transaction(self._pool, Bounds(duty="approve")) as conn:
            if not await store.insert_draft(conn, draft):
                first = await store.find_draft_by_key(conn, author, idempotency_key)
                assert first is not None  # it was in the way of ours, and drafts are never deleted
                return _same(first, request_hash)
            await _audit(conn, now, author, "draft", draft)
        return draft

    async def revise(self, draft_id: UUID, request: IssueRequest, agency_code: str, author: str) -> Draft:
        """Let a draft say something else: whoever approves has to see it anew. The same again changes nothing.

        Raises NotFound, NotPermitted for anybody but its author, DraftEnded, NotAuthorisedToIssue, NoSigningKey, and
        InvalidInput, also for a request of another type.
        """
        paper = await asyncio.to_thread(self._papers.look, request, agency_code)
        async with db.transaction(self._pool, Bounds(duty="approve")) as conn:
            draft = await _take(conn, draft_id)
            _check_author(draft, agency_code, author)
            _check_waiting(draft)
            if paper.type_code != draft.type_code:
                message = (
                    f"dự thảo này thuộc loại {draft.type_code}: rút lại và lập dự thảo khác"
                    f" | this draft is of {draft.type_code}: withdraw it and file another"
                )
                raise InvalidInput(InputProblem("type_code", "other_type", message))
            asked = write_request(request)
            if hash_draft(draft_id, draft.revision, agency_code, author, paper, asked) == draft.draft_hash:
                return draft
            now, revision = self._now(), draft.revision + 1
            revised = msgspec.structs.replace(
                draft,
                type_version=paper.type_version,
                request=asked,
                draft_hash=hash_draft(draft_id, revision, agency_code, author, paper, asked),
                revision=revision,
                revised_at=now,
                lapses_at=now + LAPSES_AFTER,
            )
            await store.revise_draft(conn, revised)
            await _audit(conn, now, author, "revise_draft", revised)
            return revised

    async def withdraw(self, draft_id: UUID, agency_code: str, author: str) -> Draft:
        """Give up a draft that waits. Again changes nothing. Raises NotFound, NotPermitted and DraftEnded."""
        async with db.transaction(self._pool, Bounds(duty="approve")) as conn:
            draft = await _take(conn, draft_id)
            _check_author(draft, agency_code, author)
            _check_waiting(draft, "withdrawn")
            return await self._end(conn, draft, "withdraw_draft", state="withdrawn", ended_by=author)

    async def reject(self, seen: Seen, reason: str, caller: Caller) -> Draft:
        """Refuse what was seen, with a reason for its author. Again changes nothing.

        Raises NotFound, InvalidInput without a reason, SecondPersonNeeded for the author, who may withdraw it,
        NotAsExpected for another hash, and DraftEnded.
        """
        check_text("reason", reason)
        async with db.transaction(self._pool, Bounds(duty="approve")) as conn:
            draft = await _take(conn, seen.draft_id)
            on_behalf_of = check_seen(seen, draft, await self._rights_of(conn, caller))
            _check_waiting(draft, "rejected")
            return await self._end(
                conn,
                draft,
                "reject_draft",
                state="rejected",
                ended_by=caller.subject,
                end_reason=reason,
                on_behalf_of=on_behalf_of,
            )

    async def approve(self, seen: Seen, caller: Caller) -> Draft:
        """Approve exactly what was seen, and by that issue it. Doing so again changes nothing.

        Raises NotFound for what is not within his purview, SecondPersonNeeded for the author, NotAsExpected if draft or
        result type are not what they were, DraftEnded, IssuingHeld, and whatever issuing raises.
        """
        [outcome] = await self.approve_all([seen], caller)
        if outcome.error is not None:
            raise outcome.error
        assert outcome.draft is not None  # one of the two
        return outcome.draft

    async def approve_all(self, seen: Sequence[Seen], caller: Caller) -> list[Outcome]:
        """Approve what was seen, in one act and one transaction: each draft is issued, or tells why it is not.

        Raises InvalidInput for too many or for one twice, and what keeps all of them from being issued: IssuingHeld,
        Unavailable, KeyStoreError.
        """
        _check_list(seen)
        draft_ids = [one.draft_id for one in seen]
        async with db.transaction(self._pool, Bounds(duty="approve")) as conn:
            agencies = await store.list_agencies(conn, draft_ids)
        async with db.transaction(self._pool, Bounds(agencies=tuple(agencies), duty="issue")) as conn:
            drafts = await store.lock_drafts(conn, draft_ids)
            now = self._now()
            rights = await self._rights_of(conn, caller)
            found = [(one, drafts.get(one.draft_id)) for one in seen]
            judged = await asyncio.to_thread(
                lambda: [judge(one, draft, rights, self._papers, now) for one, draft in found]
            )
            issued = await self._issue(conn, [one for one in judged if isinstance(one, Judged)], caller.subject, now)
        return [issued[one.draft.draft_id] if isinstance(one, Judged) else one for one in judged]

    async def preview(self, draft: Draft) -> Preview:
        """The paper as it would be if it were issued now. Raises as `file`, and DraftEnded where that is forgotten."""
        return await asyncio.to_thread(self._papers.preview, read_request(draft), draft.agency_code)

    async def lapse(self) -> None:
        """End what nobody approved in time."""
        now, ended = self._now(), True
        while ended:
            async with db.transaction(self._pool, Bounds(duty="approve")) as conn:
                drafts = await store.lapse_drafts(conn, now, _LAPSE_AT_A_TIME)
                entries = [auditing.Entry(draft.author, "lapse_draft", draft.subject) for draft in drafts]
                await auditing.append(conn, entries, now)
            ended = len(drafts) == _LAPSE_AT_A_TIME

    async def _rights_of(self, conn: Connection, caller: Caller) -> Rights:
        approver = Approver(caller.subject, purview_of(caller, self._hierarchy(), APPROVE))
        return await rights_of(conn, approver, self._purview_of, self._now())

    async def _issue(
        self, conn: Connection, judged: Sequence[Judged], approver: str, now: datetime
    ) -> dict[UUID, Outcome]:
        if not judged:
            return {}
        hands = [Hand(one.draft.author, one.on_behalf_of) for one in judged]
        codes = await self._papers.issue_in(conn, [one.paper for one in judged], approver, hands)
        issued = [
            msgspec.structs.replace(
                one.draft,
                state="issued",
                approver=approver,
                on_behalf_of=one.on_behalf_of,
                result_code=code,
                ended_by=approver,
                ended_at=now,
            )
            for one, code in zip(judged, codes, strict=True)
        ]
        ended = await store.end_drafts(conn, issued)
        assert ended == len(issued)  # they are locked, and waited
        await _audit(conn, now, approver, "approve_draft", *issued)
        return {draft.draft_id: Outcome(one.seen, draft) for one, draft in zip(judged, issued, strict=True)}

    async def _end(self, conn: Connection, draft: Draft, act: str, **how: Any) -> Draft:
        """End a draft that this transaction holds; one that somebody ended just so is left as it is."""
        now = self._now()
        ended = msgspec.structs.replace(draft, **how, ended_at=now)
        if draft.state != "awaiting_approval":
            if msgspec.structs.replace(ended, ended_at=draft.ended_at) != draft:
                raise DraftEnded(draft.draft_id)
            return draft
        await store.end_drafts(conn, [ended])
        assert ended.ended_by is not None
        await _audit(conn, now, ended.ended_by, act, ended)
        return ended


async def _take(conn: Connection, draft_id: UUID) -> Draft:
    """The draft, locked. Raises NotFound."""
    draft = (await store.lock_drafts(conn, [draft_id])).get(draft_id)
    if draft is None:
        raise NotFound(draft_id)
    return draft


def _check_author(draft: Draft, agency_code: str, author: str) -> None:
    if draft.agency_code != agency_code:
        raise NotFound(draft.draft_id)
    if draft.author != author:
        raise NotPermitted("not its author")


def _check_waiting(draft: Draft, ended_as: State | None = None) -> None:
    """Raise DraftEnded for one that has ended, unless just so."""
    if draft.state not in ("awaiting_approval", ended_as):
        raise DraftEnded(draft.draft_id)


def _same(draft: Draft, request_hash: bytes) -> Draft:
    if draft.request_hash != request_hash:
        raise IdempotencyKeyReused(draft.idempotency_key)
    return draft


def _check_list(seen: Sequence[Seen]) -> None:
    if not 0 < len(seen) <= MAX_APPROVED:
        raise InvalidInput(
            InputProblem("items", "length", f"chọn từ 1 đến {MAX_APPROVED} dự thảo | name 1 to {MAX_APPROVED} drafts")
        )
    if len({one.draft_id for one in seen}) != len(seen):
        raise InvalidInput(InputProblem("items", "repeated", "mỗi dự thảo chỉ nêu một lần | name each draft once"))


async def _audit(conn: Connection, now: datetime, actor: str, act: str, *drafts: Draft) -> None:
    """The act with the hash of exactly what each draft said, and with whose right it was done."""
    entries = [
        auditing.Entry(
            actor, act, draft.subject if draft.on_behalf_of is None else f"{draft.subject} for {draft.on_behalf_of}"
        )
        for draft in drafts
    ]
    await auditing.append(conn, entries, now)
