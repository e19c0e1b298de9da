"""A draft as the API tells it."""

from datetime import datetime
from uuid import UUID

import msgspec

from khoso.drafts.hashing import read_request
from khoso.drafts.model import Delegation, Draft, Outcome, State
from khoso.issue_request import IssueRequest
from khoso.problems import Problem, to_problem


class DraftView(msgspec.Struct, frozen=True, kw_only=True):
    """A draft, and what became of it."""

    draft_id: UUID
    agency_code: str
    request: IssueRequest | None
    """Exactly what is to be issued; null 180 days after the end, when that is forgotten."""
    type_version: int
    draft_hash: str
    """SHA-256 over everything that is to be signed and recorded; an approval names it."""
    revision: int
    state: State
    """`awaiting_approval`: for another person · `issued`: by his approval · `rejected`: by him · `withdrawn`: by its
    author · `lapsed`: nobody approved it in time"""
    author: str
    drafted_at: datetime
    revised_at: datetime
    lapses_at: datetime
    approver: str | None
    on_behalf_of: str | None
    """Whose right the approver used, where it was delegated to him."""
    result_code: str | None
    ended_by: str | None
    end_reason: str | None
    """Why it was rejected; forgotten with the request."""
    ended_at: datetime | None


class DraftList(msgspec.Struct, frozen=True):
    """A page of drafts; `next_cursor` asks for the following one."""

    items: list[DraftView]
    next_cursor: str | None


class OutcomeView(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one draft: a result, or a problem."""

    draft_id: UUID
    result_code: str | None
    problem: Problem | None


class Outcomes(msgspec.Struct, frozen=True):
    """What became of each draft, in the order in which they were named."""

    issued: int
    items: list[OutcomeView]


class DelegationList(msgspec.Struct, frozen=True):
    """A page of delegations; `next_cursor` asks for the following one."""

    items: list[Delegation]
    next_cursor: str | None


def view(draft: Draft) -> DraftView:
    """Everything but what is kept for ourselves."""
    return DraftView(
        draft_id=draft.draft_id,
        agency_code=draft.agency_code,
        request=None if draft.request is None else read_request(draft),
        type_version=draft.type_version,
        draft_hash=draft.draft_hash.hex(),
        revision=draft.revision,
        state=draft.state,
        author=draft.author,
        drafted_at=draft.drafted_at,
        revised_at=draft.revised_at,
        lapses_at=draft.lapses_at,
        approver=draft.approver,
        on_behalf_of=draft.on_behalf_of,
        result_code=draft.result_code,
        ended_by=draft.ended_by,
        end_reason=draft.end_reason,
        ended_at=draft.ended_at,
    )


def view_outcomes(outcomes: list[Outcome]) -> Outcomes:
    """Each as it is told."""
    items = [
        OutcomeView(
            draft_id=one.seen.draft_id,
            result_code=None if one.draft is None else one.draft.result_code,
            problem=None if one.error is None else to_problem(one.error),
        )
        for one in outcomes
    ]
    return Outcomes(sum(one.problem is None for one in items), items)
