"""Roles and assignments over HTTP."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import BodyKwarg, FromPath, FromQuery, JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from khoso.authority.invitations import Invitations
from khoso.authority.model import Assignment, AssignmentPage, AssignmentRequest, RoleList, Search
from khoso.authority.service import ADMINISTER, MAX_PAGE, Authority
from khoso.caller import Caller
from khoso.problems import Problem

_WRITE = {"scope": ADMINISTER}
_TAGS = ["rights"]
_REQUEST = {
    "subject": "person:6f1f0c6e-3b0a-4a52-9d8b-0d7f3c1f9a11",
    "role": "officer",
    "agency_code": "H17.05.12",
    "type_code": "KQ.H17.000001",
    "valid_until": "2027-12-31T17:00:00Z",
}


class Redemption(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The secret that `khoso admin invite` has printed."""

    secret: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


@get("/api/v1/roles", opt=_WRITE, tags=_TAGS, summary="All roles, with the scopes that each gives")
async def list_roles(authority: NamedDependency[Authority]) -> RoleList:
    return RoleList(await authority.list_roles())


@get(
    "/api/v1/assignments",
    opt=_WRITE,
    tags=_TAGS,
    summary="Who has which role in one's agency and below it, newest first",
)
async def list_assignments(
    caller: NamedDependency[Caller],
    authority: NamedDependency[Authority],
    subject: FromQuery[str | None] = None,
    role: FromQuery[str | None] = None,
    agency_code: FromQuery[str | None] = None,
    past: Annotated[bool, QueryParameter(description="Those too that have ended")] = False,
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE)] = 50,
) -> AssignmentPage:
    search = Search(subject=subject, role=role, agency_code=agency_code, past=past, cursor=cursor, limit=limit)
    return await authority.list_assignments(search, caller)


@post(
    "/api/v1/assignments",
    opt=_WRITE,
    status_code=HTTP_201_CREATED,
    tags=_TAGS,
    summary="Give somebody a role, in one's agency or below it",
    description="Nobody gives himself a role, nor a scope that he has not, but for those of officers, approvers, "
    "inspectors and helpers.",
)
async def assign(
    data: Annotated[AssignmentRequest, BodyKwarg(examples=[Example(summary="An officer of one type", value=_REQUEST)])],
    caller: NamedDependency[Caller],
    authority: NamedDependency[Authority],
) -> Assignment:
    return await authority.assign(data, caller)


@post(
    "/api/v1/assignments/{assignment_id:uuid}/end",
    opt=_WRITE,
    status_code=HTTP_200_OK,
    responses={409: ResponseSpec(Problem, description="Nobody would be left to administer the platform")},
    tags=_TAGS,
    summary="End an assignment, and the tokens that were made by it",
)
async def end_assignment(
    assignment_id: FromPath[UUID], caller: NamedDependency[Caller], authority: NamedDependency[Authority]
) -> Assignment:
    return await authority.end(assignment_id, caller)


@post(
    "/api/v1/admin-invitations/redemption",
    opt={"signed_in": True},
    status_code=HTTP_201_CREATED,
    tags=_TAGS,
    summary="Become the first platform administrator, by the secret of `khoso admin invite`",
)
async def redeem_invitation(
    data: JSONBody[Redemption], caller: NamedDependency[Caller], invitations: NamedDependency[Invitations]
) -> Assignment:
    return await invitations.redeem(data.secret, caller)


HANDLERS = [list_roles, list_assignments, assign, end_assignment, redeem_invitation]
