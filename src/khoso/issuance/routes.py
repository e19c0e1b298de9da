"""Issuing over HTTP."""

import msgspec

from khoso.errors import InputProblem, InvalidInput
from khoso.hot import Asking, HotRoute
from khoso.issuance.model import Issued, IssueRequest
from khoso.issuance.service import Issuer

MAX_BODY = 32_768
MAX_KEY = 100


async def issue(request: IssueRequest, asking: Asking) -> bytes:
    """Issue a result: signed, recorded and in force when the answer comes."""
    caller = asking.caller
    issuer: Issuer = asking.state.services.issuer
    assert caller is not None  # the route is not open to all
    key = asking.header(b"idempotency-key")
    if key is None:
        raise InvalidInput(InputProblem("Idempotency-Key", "required", "is missing"))
    if not 0 < len(key) <= MAX_KEY:
        raise InvalidInput(InputProblem("Idempotency-Key", "length", f"1 to {MAX_KEY} characters"))
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
                "description": "One per result; repeated, it answers the same",
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
        "403": "The token has not the scope `credentials:issue`, or the agency may not issue this type",
        "413": "The body is larger than 32 KB",
        "422": "Something in the request is wrong, or the Idempotency-Key was used for another request",
        "503": "The database is away: nothing was issued that was not answered; repeat with the same key",
    },
)
