"""Drafts and delegations over HTTP."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import BodyKwarg, FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from khoso.caller import Caller, Purview
from khoso.drafts.book import DraftBook
from khoso.drafts.delegating import Delegations
from khoso.drafts.model import (
    APPROVE,
    ISSUE,
    MAX_APPROVED,
    Delegation,
    DelegationRequest,
    DraftHash,
    Preview,
    Seen,
    State,
)
from khoso.drafts.service import Drafts
from khoso.drafts.view import DelegationList, DraftList, DraftView, Outcomes, view, view_outcomes
from khoso.inputs import check_idempotency_key
from khoso.issue_request import IssueRequest
from khoso.problems import Problem

MAX_LIST_BYTES = 256 << 10

_AUTHOR = {"scope": ISSUE}
_EITHER = {"scope": (APPROVE, ISSUE)}
"""Who may see drafts; and approve them, for a right may have been delegated to whoever may only issue."""

_DRAFT = {
    "type_code": "KQ.H17.000002",
    "legal_basis": "Luật An toàn thực phẩm 55/2010/QH12, điều 34",
    "decision_number": "118/QĐ-ATTP",
    "holder": {"kind": "organisation", "id": "0400999001", "name": "Hộ kinh doanh Bánh canh Bà Én"},
    "fields": {"premises": "Quán Bánh canh Bà Én", "address": "12 Lê Hồng Phong"},
}
IdempotencyKey = Annotated[
    str, HeaderParameter(name="Idempotency-Key", description="One per draft; repeated, it answers the same draft")
]
_LOCATION = ResponseHeader(name="Location", documentation_only=True, description="Where the draft is followed")
_CONFLICT = ResponseSpec(Problem, description="The draft is not what was seen, or has ended: look again")
_FORGOTTEN = ResponseSpec(Problem, description="The draft ended so long ago that what it asked for is forgotten")


class ApprovalRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is approved: exactly the draft that has this hash."""

    draft_hash: DraftHash


class Rejection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is rejected, and why."""

    draft_hash: DraftHash
    reason: str


class SeenDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One draft of a list, as it was seen."""

    draft_id: UUID
    draft_hash: DraftHash


class ApprovalList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is approved in one act."""

    items: Annotated[list[SeenDraft], msgspec.Meta(min_length=1, max_length=MAX_APPROVED)]


@post(
    "/api/v1/drafts",
    opt=_AUTHOR,
    status_code=HTTP_201_CREATED,
    response_headers=[_LOCATION],
    tags=["drafts"],
    summary="Draft a result: another person issues it by his approval",
    description="The request is that of issuing. Results of types with `four_eyes` are issued in no other way.",
)
async def file_draft(
    data: Annotated[IssueRequest, BodyKwarg(examples=[Example(summary="without a dossier", value=_DRAFT)])],
    caller: NamedDependency[Caller],
    purview: NamedDependency[Purview],
    drafts: NamedDependency[Drafts],
    idempotency_key: IdempotencyKey,
) -> Response[DraftView]:
    key = check_idempotency_key(idempotency_key)
    purview.check_asked(caller.acting_agency, data.type_code)
    draft = await drafts.file(data, caller.acting_agency, caller.subject, key)
    return Response(view(draft), headers={"location": f"/api/v1/drafts/{draft.draft_id}"})


@get("/api/v1/drafts", opt=_EITHER, tags=["drafts"], summary="Drafts of the agencies within the purview, newest first")
async def list_drafts(
    caller: NamedDependency[Caller],
    draft_book: NamedDependency[DraftBook],
    only: Annotated[State | None, QueryParameter(name="state")] = None,
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_APPROVED)] = 20,
) -> DraftList:
    page = await draft_book.list_drafts(caller, only, cursor, limit)
    return DraftList([view(draft) for draft in page.items], page.next_cursor)


@get("/api/v1/drafts/{draft_id:uuid}", opt=_EITHER, tags=["drafts"], summary="A draft, and what became of it")
async def show_draft(
    draft_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    draft_book: NamedDependency[DraftBook],
) -> DraftView:
    return view(await draft_book.get_draft(draft_id, caller))


@get(
    "/api/v1/drafts/{draft_id:uuid}/preview",
    opt=_EITHER,
    responses={409: _FORGOTTEN},
    tags=["drafts"],
    summary="The paper as it would be, to look at: a SPECIMEN without code or signature",
)
async def preview_draft(
    draft_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    draft_book: NamedDependency[DraftBook],
    drafts: NamedDependency[Drafts],
) -> Preview:
    draft = await draft_book.get_draft(draft_id, caller)
    return await drafts.preview(draft)


@put(
    "/api/v1/drafts/{draft_id:uuid}",
    opt=_AUTHOR,
    responses={409: _CONFLICT},
    tags=["drafts"],
    summary="Revise one's own draft: it has to be approved anew",
)
async def revise_draft(
    draft_id: FromPath[UUID],
    data: JSONBody[IssueRequest],
    caller: NamedDependency[Caller],
    purview: NamedDependency[Purview],
    drafts: NamedDependency[Drafts],
) -> DraftView:
    purview.check_asked(caller.acting_agency, data.type_code)
    return view(await drafts.revise(draft_id, data, caller.acting_agency, caller.subject))


@post(
    "/api/v1/drafts/{draft_id:uuid}/withdrawal",
    opt=_AUTHOR,
    status_code=HTTP_200_OK,
    responses={409: _CONFLICT},
    tags=["drafts"],
    summary="Withdraw one's own draft",
)
async def withdraw_draft(
    draft_id: FromPath[UUID], caller: NamedDependency[Caller], drafts: NamedDependency[Drafts]
) -> DraftView:
    return view(await drafts.withdraw(draft_id, caller.acting_agency, caller.subject))


@post(
    "/api/v1/drafts/{draft_id:uuid}/rejection",
    opt=_EITHER,
    status_code=HTTP_200_OK,
    responses={409: _CONFLICT},
    tags=["drafts"],
    summary="Reject another person's draft, with a reason for him",
)
async def reject_draft(
    draft_id: FromPath[UUID],
    data: JSONBody[Rejection],
    caller: NamedDependency[Caller],
    drafts: NamedDependency[Drafts],
) -> DraftView:
    seen = Seen(draft_id, bytes.fromhex(data.draft_hash))
    return view(await drafts.reject(seen, data.reason, caller))


@post(
    "/api/v1/drafts/{draft_id:uuid}/approval",
    opt=_EITHER | {"step_up": "approve"},
    status_code=HTTP_200_OK,
    responses={409: _CONFLICT},
    tags=["drafts"],
    summary="Approve another person's draft, exactly as it was seen: by that it is issued",
)
async def approve_draft(
    draft_id: FromPath[UUID],
    data: JSONBody[ApprovalRequest],
    caller: NamedDependency[Caller],
    drafts: NamedDependency[Drafts],
) -> DraftView:
    seen = Seen(draft_id, bytes.fromhex(data.draft_hash))
    return view(await drafts.approve(seen, caller))


@post(
    "/api/v1/drafts/approvals",
    opt=_EITHER | {"step_up": "approve"},
    status_code=HTTP_200_OK,
    request_max_body_size=MAX_LIST_BYTES,
    tags=["drafts"],
    summary="Approve up to 1,000 drafts in one act",
    description="Those that can be are issued in one transaction; each of the others tells its problem. Repeated, it "
    "answers the same.",
)
async def approve_drafts(
    data: JSONBody[ApprovalList],
    caller: NamedDependency[Caller],
    drafts: NamedDependency[Drafts],
) -> Outcomes:
    seen = [Seen(one.draft_id, bytes.fromhex(one.draft_hash)) for one in data.items]
    return view_outcomes(await drafts.approve_all(seen, caller))


@post(
    "/api/v1/delegations",
    opt={"scope": APPROVE},
    status_code=HTTP_201_CREATED,
    tags=["drafts"],
    summary="Let another person approve drafts for oneself, until a time",
)
async def delegate(
    data: JSONBody[DelegationRequest], caller: NamedDependency[Caller], delegations: NamedDependency[Delegations]
) -> Delegation:
    return await delegations.delegate(data, caller)


@get(
    "/api/v1/delegations",
    opt=_EITHER,
    tags=["drafts"],
    summary="Delegations of the agencies within the purview, and those by or to oneself, newest first",
)
async def list_delegations(
    caller: NamedDependency[Caller],
    draft_book: NamedDependency[DraftBook],
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
) -> DelegationList:
    return DelegationList(*await draft_book.list_delegations(caller, cursor, limit))


@post(
    "/api/v1/delegations/{delegation_id:uuid}/end",
    opt={"scope": APPROVE},
    status_code=HTTP_200_OK,
    tags=["drafts"],
    summary="End a delegation before its time",
)
async def end_delegation(
    delegation_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    delegations: NamedDependency[Delegations],
) -> Delegation:
    return await delegations.end(delegation_id, caller)


HANDLERS = [
    file_draft,
    list_drafts,
    show_draft,
    preview_draft,
    revise_draft,
    withdraw_draft,
    reject_draft,
    approve_draft,
    approve_drafts,
    delegate,
    list_delegations,
    end_delegation,
]
