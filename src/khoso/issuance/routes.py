"""Issuing over HTTP."""

from typing import Annotated

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody
from litestar.status_codes import HTTP_204_NO_CONTENT

from khoso.caller import Caller
from khoso.errors import InputProblem, InvalidInput, NotPermitted
from khoso.issuance.model import Issued, IssueRequest, StatusAct
from khoso.issuance.service import Issuer

MAX_BODY = 32_768
MAX_KEY = 100


def _agency_of(caller: Caller) -> str:
    if caller.agency_code is None:
        raise NotPermitted("the token names no agency")
    return caller.agency_code


@post(
    "/api/v1/credentials",
    opt={"scope": "credentials:issue"},
    request_max_body_size=MAX_BODY,
    tags=["issuance"],
    summary="Issue a result: signed, recorded and in force when the answer comes",
)
async def issue_credential(
    data: JSONBody[IssueRequest],
    caller: NamedDependency[Caller],
    issuer: NamedDependency[Issuer],
    idempotency_key: Annotated[
        str, HeaderParameter(name="Idempotency-Key", description="One per result; repeated, it answers the same")
    ],
) -> Issued:
    if not 0 < len(idempotency_key) <= MAX_KEY:
        raise InvalidInput(InputProblem("Idempotency-Key", "length", f"1 to {MAX_KEY} characters"))
    return await issuer.issue(data, _agency_of(caller), caller.subject, idempotency_key)


@post(
    "/api/v1/credentials/{result_code:str}/acts",
    opt={"scope": "credentials:change-status"},
    status_code=HTTP_204_NO_CONTENT,
    request_max_body_size=MAX_BODY,
    tags=["issuance"],
    summary="Revoke, suspend, restore or supersede a result, as an administrative act",
)
async def change_status(
    result_code: FromPath[str],
    data: JSONBody[StatusAct],
    caller: NamedDependency[Caller],
    issuer: NamedDependency[Issuer],
) -> None:
    await issuer.change_status(result_code, _agency_of(caller), data, caller.subject)


HANDLERS = [issue_credential, change_status]
