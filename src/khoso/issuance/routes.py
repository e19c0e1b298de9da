"""Issuing over HTTP, and the holds on whoever issued too much."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK

from khoso.caller import Caller, purview_of
from khoso.errors import InputProblem, InvalidInput
from khoso.hot import Asking, HotRoute
from khoso.inputs import MAX_KEY, check_idempotency_key
from khoso.issuance.holds import Holds
from khoso.issuance.model import Hold, HoldPage, Issued, IssueRequest
from khoso.issuance.service import Issuer
from khoso.problems import Problem

MAX_BODY = 32_768


async def issue(request: IssueRequest, asking: Asking) -> bytes:
    """Issue a result: signed, recorded and in force when the answer comes."""
    caller = asking.caller
    services = asking.state.services
    issuer: Issuer = services.issuer
    assert caller is not None  # the route is not open to all
    purview = purview_of(caller, services.catalogue.hierarchy, ISSUE.scope)
    purview.check_asked(caller.acting_agency, request.type_code)
    services.identity.step_ups.require(caller, "issue")
    key = asking.header(b"idempotency-key")
    if key is None:
        raise InvalidInput(InputProblem("Idempotency-Key", "required", "gửi kèm Idempotency-Key | is missing"))
    check_idempotency_key(key)
    return msgspec.json.encode(await issuer.issue(request, caller.acting_agency, caller.subject, key))


ISSUE = HotRoute(
    path="/api/v1/credentials",
    body=IssueRequest,
    answer=Issued,
    handle=issue,
    scope="credentials:issue",
    status=201,
    max_body=MAX_BODY,
    operation={
        "tags": ["issuance"],
        "operationId": "IssueCredential",
        "summary": "Issue a result: signed, recorded and in force when the answer comes",
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "description": "One per result; repeated within seven days, it answers the same",
                "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY},
            }
        ],
    },
    examples={
        "vehicle badge": {
            "type_code": "KQ.H17.000006",
            "dossier_code": "H17.11-261123-000123",
            "holder": {"kind": "organisation", "id": "0400999001", "name": "Hợp tác xã Vận tải Sông Hàn"},
            "fields": {"plate": "43B-012.34", "kind": "contract", "operator": "HTX Vận tải Sông Hàn"},
            "valid_until": "2031-11-23",
        }
    },
    refusals={
        "401": "There is no token, or it is not good",
        "403": "The token does not allow issuing this type; or the agency may not issue it; or it takes "
        "two persons (`draft_needed`: file a draft); or whoever asks is held (`issuing_held`: /api/v1/issuing-holds); "
        "or the agency asks for a passkey (`step_up_required`)",
        "413": "The body is larger than 32 KB",
        "422": "Something in the request is wrong, or the Idempotency-Key was used for another request",
        "503": "The database is away: nothing was issued that was not answered; repeat with the same key. "
        "Or it is older than what is published, and has to be recovered; or the agency has no good signing key at the "
        "moment (`no_signing_key`)",
    },
)


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why somebody may issue again."""

    reason: str


@get(
    "/api/v1/issuing-holds",
    opt={"scope": ("credentials:issue", "credentials:approve")},
    tags=["issuance"],
    summary="Who is held for issuing far above his usual rate: oneself, and for approvers their agencies'",
)
async def list_holds(
    caller: NamedDependency[Caller],
    holds: NamedDependency[Holds],
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
) -> HoldPage:
    return await holds.list_holds(caller, cursor, limit)


@post(
    "/api/v1/issuing-holds/{hold_id:uuid}/release",
    opt={"scope": "credentials:approve"},
    status_code=HTTP_200_OK,
    responses={409: ResponseSpec(Problem, description="It was released already")},
    tags=["issuance"],
    summary="Let somebody else issue again, once it is clear why he issued so much",
)
async def release_hold(
    hold_id: FromPath[UUID], data: JSONBody[Release], caller: NamedDependency[Caller], holds: NamedDependency[Holds]
) -> Hold:
    return await holds.release(hold_id, data.reason, caller)


HANDLERS = [list_holds, release_hold]
