"""The one table of who is answered what: every route, every role, objects of one's own and of others.

A new route needs its line here, or `test_matrix.py` fails. The rule behind every line:

- whoever has no token is answered 401, and whoever has not the route's scope 403;
- what is not his answers like what is not there: 404, with the same words, unless `others` says otherwise.

So a line says only which roles come in, what they are answered, and what the route is about.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

Json = dict[str, Any]

ANONYMOUS, CITIZEN, SYSTEM = "anonymous", "citizen", "agency_system"
STAFF = ("officer", "approver", "agency_admin", "inspector", "helper", "monitor", "platform_admin")
"""As the database has them; a test compares."""
ROLES = (ANONYMOUS, CITIZEN, *STAFF, SYSTEM)

SYSTEM_SCOPES = ("credentials:issue", "credentials:read", "credentials:change-status")
"""What an agency's own system is registered for, as a rule."""

Send = Callable[[Json], Json]
"""From what the route is about to what `httpx` sends."""


class Line(NamedTuple):
    """What one route answers."""

    to: frozenset[str]
    status: int
    about: str = ""
    """The kind of object that the path or the body names; "" if there is none that could be another's."""
    others: int = 404
    """For an object of somebody else, and for one that nobody has."""
    send: Send | None = None
    refused: Mapping[str, int] = {}
    """Roles that the rule above would answer otherwise."""


def _to(roles: str, status: int, about: str = "", **more: Any) -> Line:
    return Line(frozenset(roles.split()), status, about, **more)


def _everybody(status: int, about: str = "", **more: Any) -> Line:
    return Line(frozenset(ROLES), status, about, **more)


def _signed_in(status: int, about: str = "", **more: Any) -> Line:
    return Line(frozenset(ROLES) - {ANONYMOUS}, status, about, **more)


def _act(_: Json) -> Json:
    return {"json": {"act": "revoke", "reason_code": "R1", "decision_number": "1/QĐ"}}


def _order(target: Json) -> Json:
    return {"json": _act(target)["json"] | {"results": [target["result_code"]]}}


def _order_file(target: Json) -> Json:
    headers = {"content-type": "text/plain"}
    return {"params": _act(target)["json"], "content": target["result_code"].encode(), "headers": headers}


def _preview(target: Json) -> Json:
    return {"json": {"act": "revoke", "results": [target["result_code"]]}}


def _file(_: Json) -> Json:
    return {"params": {"type_code": "KQ.H17.000001"}, "content": b"a\n1\n", "headers": {"content-type": "text/csv"}}


def _assign(target: Json) -> Json:
    subject = f"person:{target['serial']}"
    return {"json": {"subject": subject, "role": "officer", "agency_code": target["agency_code"]}}


def _client(target: Json) -> Json:
    return {"json": {"kind": "system", "name": "One-stop software", "agency_code": target["agency_code"]}}


def _key(target: Json) -> Json:
    return {"json": {"jwk": target["jwk"]}}


def _seen(target: Json) -> Json:
    return {"json": {"draft_hash": target["draft_hash"]}}


def _seen_all(target: Json) -> Json:
    return {"json": {"items": [{"draft_id": target["draft_id"], "draft_hash": target["draft_hash"]}]}}


def _reject(target: Json) -> Json:
    return {"json": {"draft_hash": target["draft_hash"], "reason": "a signature is missing"}}


def _delegate(_: Json) -> Json:
    return {"json": {"delegate": "person:7", "valid_until": "2026-12-01T00:00:00Z"}}


def _scans(target: Json) -> Json:
    seen = {"scanned_at": "2026-11-23T07:00:00Z", "outcome": "malformed", "reason": "prefix"}
    return {"json": {"scans": [{"scan_id": str(UUID(int=target["serial"])), "code": "nothing", **seen}]}}


def _report(target: Json) -> Json:
    return {"json": {"report_id": str(UUID(int=target["serial"])), "finding": "other", "note": "", "code": "nothing"}}


def _new_agency(target: Json) -> Json:
    new = {"agency_code": f"H17.{target['serial']}", "name_vi": "Phường", "name_en": "Ward", "level": "ward"}
    return {"json": {**new, "parent_code": target["agency_code"], "valid_from": "2027-01-01"}}


def _succeed(_: Json) -> Json:
    return {"json": {"successor_code": "H17.99.99", "since": "2027-01-01"}}


def _show_fields(target: Json) -> Json:
    return {"json": {"agency_code": target["agency_code"], "type_code": "KQ.H17.000001", "fields": []}}


_DRAFTERS = "officer approver agency_system"
_ADMINS = "agency_admin platform_admin"
_HOLDERS = "citizen officer approver agency_system"
_ISSUERS = "officer agency_system"
_ORDERERS = "officer approver agency_system"

EXPECTED: dict[str, Line] = {
    # pages
    "GET /": _everybody(200),
    "GET /v": _everybody(200),
    "POST /v/lookup": _everybody(200, send=lambda _: {"data": {"lookup_code": "nothing"}}),
    "GET /docs/api": _everybody(200),
    "GET /openapi.json": _everybody(200),
    "GET /demo/papers": _everybody(404),
    "GET /demo/papers/guide": _everybody(404),
    "GET /scan": _everybody(200),
    "GET /scan-worker.js": _everybody(200),
    "GET /scan/manifest.webmanifest": _everybody(200),
    "GET /assets/{name}": _everybody(200, "asset"),
    "GET /reports": _to("agency_admin monitor platform_admin", 200),
    "GET /reports/{report_id}": _to("agency_admin monitor platform_admin", 200, "report"),
    # running
    "GET /healthz": _everybody(200),
    "GET /readyz": _everybody(200),
    "GET /metrics": _to("platform_admin", 200),
    # verification: whoever names himself must be an inspector
    "POST /api/v1/verify": _to("anonymous inspector", 200, send=lambda _: {"json": {"code": "nothing"}}),
    "POST /api/v1/scans": _to("inspector", 200, send=_scans),
    "POST /api/v1/reports": _to("inspector", 204, send=_report),
    "GET /api/v1/reports": _to("agency_admin monitor platform_admin", 200),
    "GET /api/v1/reports/{report_id}/photo": _to("agency_admin monitor platform_admin", 200, "report"),
    # catalogue: a type of the city is not within the purview of a ward
    "GET /api/v1/agencies": _everybody(200),
    "GET /api/v1/result-types": _everybody(200),
    "GET /api/v1/result-types/{type_code}": _everybody(200, "type"),
    "GET /api/v1/result-types/{type_code}/versions/{version}": _everybody(200, "type"),
    "POST /api/v1/result-types": _to("platform_admin", 403, send=lambda one: {"json": one["definition"]}),
    "POST /api/v1/result-types/size": _everybody(
        200, send=lambda one: {"json": {"definition": one["definition"], "values": {}}}
    ),
    # the administration: what is named in a body and not one's own is 403
    "POST /api/v1/agencies": _to("platform_admin", 201, "agency", others=403, send=_new_agency),
    "PATCH /api/v1/agencies/{agency_code}": _to(
        "platform_admin", 200, "agency", send=lambda _: {"json": {"name_en": "Another name"}}
    ),
    "POST /api/v1/agencies/{agency_code}/successors": _to("platform_admin", 403, "agency", send=_succeed),
    "GET /api/v1/inspector-fields": _to("platform_admin", 200),
    "PUT /api/v1/inspector-fields": _to("platform_admin", 200, "agency", others=403, send=_show_fields),
    "GET /api/v1/agencies/{agency_code}/step-up": _to(_ADMINS, 200, "agency"),
    "PUT /api/v1/agencies/{agency_code}/step-up": _to(_ADMINS, 204, "agency", send=lambda _: {"json": {"acts": []}}),
    # lists
    "GET /lists/bundle": _everybody(200),
    "GET /lists/trust": _everybody(200),
    "GET /lists/types": _everybody(200),
    "GET /lists/status": _everybody(200),
    "GET /lists/status/{list_id}": _everybody(200, "list"),
    "GET /lists/honest/{digest}": _everybody(404),
    # who one is oneself: there is no account behind these tokens
    "GET /api/v1/me": _signed_in(200),
    "PUT /api/v1/me/agency": _signed_in(403, send=lambda _: {"json": {"agency_code": "H17.05.12"}}),
    "GET /api/v1/me/sessions": _signed_in(403),
    "DELETE /api/v1/me/sessions/{name}": _signed_in(403),
    "GET /api/v1/me/passkeys": _signed_in(403),
    "POST /api/v1/me/passkeys/options": _signed_in(403),
    "POST /api/v1/me/passkeys": _signed_in(403, send=lambda _: {"json": {"name": "key", "credential": {}}}),
    "DELETE /api/v1/me/passkeys/{passkey_id}": _signed_in(403),
    "POST /api/v1/me/step-up/options": _signed_in(403),
    "POST /api/v1/me/step-up": _signed_in(403, send=lambda _: {"json": {"credential": {}}}),
    # logging in, where no identity provider is named; its forms want the cookie of a session
    "GET /account": _everybody(200),
    "GET /login": _everybody(503),
    "GET /login/callback": _everybody(403),
    "POST /account/agency": _everybody(401, send=lambda _: {"data": {}}),
    "POST /account/logout": _everybody(401, send=lambda _: {"data": {}}),
    "POST /account/sessions/end": _everybody(401, send=lambda _: {"data": {}}),
    "GET /oauth/authorize": _everybody(403),
    "POST /oauth/token": _everybody(400, send=lambda _: {"data": {}}),
    "POST /oauth/revoke": _everybody(401, send=lambda _: {"data": {}}),
    "GET /.well-known/jwks.json": _everybody(200),
    "GET /.well-known/oauth-authorization-server": _everybody(200),
    # clients
    "GET /api/v1/clients": _to(_ADMINS, 200),
    "POST /api/v1/clients": _to(_ADMINS, 201, "agency", others=403, send=_client),
    "GET /api/v1/clients/{client_id}": _to(_ADMINS, 200, "client"),
    "PATCH /api/v1/clients/{client_id}": _to(_ADMINS, 200, "client", send=lambda _: {"json": {"name": "Another"}}),
    "DELETE /api/v1/clients/{client_id}": _to(_ADMINS, 204, "client"),
    "POST /api/v1/clients/{client_id}/keys": _to(
        _ADMINS, 201, "client", send=lambda one: {"json": {"jwk": one["jwk"]}}
    ),
    "DELETE /api/v1/clients/{client_id}/keys/{kid}": _to(_ADMINS, 204, "client"),
    # roles and assignments
    "GET /api/v1/roles": _to(_ADMINS, 200),
    "GET /api/v1/assignments": _to(_ADMINS, 200),
    "POST /api/v1/assignments": _to(_ADMINS, 201, "agency", others=403, send=_assign),
    "POST /api/v1/assignments/{assignment_id}/end": _to(_ADMINS, 200, "assignment"),
    "POST /api/v1/admin-invitations/redemption": _signed_in(403, send=lambda _: {"json": {"secret": "guessed"}}),
    # issuance
    "POST /api/v1/credentials": _to(_ISSUERS, 201, send=lambda one: {"json": one["request"]}),
    # four eyes at issuing: an officer is not his own second person, and what he may not approve is not there
    "POST /api/v1/drafts": _to(_ISSUERS, 201, send=lambda one: {"json": one["request"]}),
    "GET /api/v1/drafts": _to(_DRAFTERS, 200),
    "GET /api/v1/drafts/{draft_id}": _to(_DRAFTERS, 200, "draft"),
    "GET /api/v1/drafts/{draft_id}/preview": _to(_DRAFTERS, 200, "draft"),
    "PUT /api/v1/drafts/{draft_id}": _to(
        _ISSUERS, 200, "draft", send=lambda one: {"json": one["request"]}, refused={SYSTEM: 403}
    ),
    "POST /api/v1/drafts/{draft_id}/withdrawal": _to(_ISSUERS, 200, "draft", refused={SYSTEM: 403}),
    "POST /api/v1/drafts/{draft_id}/rejection": _to(
        _DRAFTERS, 200, "draft", send=_reject, refused={"officer": 404, SYSTEM: 404}
    ),
    "POST /api/v1/drafts/{draft_id}/approval": _to(
        _DRAFTERS, 200, "draft", send=_seen, refused={"officer": 404, SYSTEM: 404}
    ),
    "POST /api/v1/drafts/approvals": _to(_DRAFTERS, 200, "draft", others=200, send=_seen_all),
    # a delegation passes on what was assigned, and nothing was assigned to whom these tokens name
    "POST /api/v1/delegations": _to("approver", 403, send=_delegate),
    "GET /api/v1/delegations": _to(_DRAFTERS, 200),
    "POST /api/v1/delegations/{delegation_id}/end": _to("approver", 200, "delegation"),
    "GET /api/v1/issuing-holds": _to(_DRAFTERS, 200),
    "POST /api/v1/issuing-holds/{hold_id}/release": _to(
        "approver", 200, "hold", send=lambda _: {"json": {"reason": "looked at"}}
    ),
    # vault
    "GET /api/v1/vault/results": _to(CITIZEN, 200),
    "GET /api/v1/credentials/{result_code}": _to(_HOLDERS, 200, "result"),
    "GET /api/v1/credentials/{result_code}/acts": _to(_HOLDERS, 200, "result"),
    "GET /api/v1/credentials/{result_code}/qr.svg": _to(_HOLDERS, 200, "result"),
    "GET /api/v1/credentials/{result_code}/qr.png": _to(_HOLDERS, 200, "result"),
    "GET /api/v1/credentials/{result_code}/print.png": _to(_HOLDERS, 200, "result"),
    # bulk imports
    "POST /api/v1/imports": _to(_ISSUERS, 202, send=_file),
    "GET /api/v1/imports/template": _to(
        _ISSUERS, 200, send=lambda _: {"params": {"type_code": "KQ.H17.000001", "format": "csv"}}
    ),
    "GET /api/v1/imports/{import_id}": _to(_ISSUERS, 200, "import"),
    "POST /api/v1/imports/{import_id}/cancellation": _to(_ISSUERS, 200, "import"),
    "GET /api/v1/imports/{import_id}/errors": _to(_ISSUERS, 200, "import"),
    "GET /api/v1/imports/{import_id}/results": _to(_ISSUERS, 200, "import"),
    # status orders
    "POST /api/v1/credentials/{result_code}/acts": _to(_ISSUERS, 204, "result", send=_act),
    "POST /api/v1/status-orders": _to(_ISSUERS, 201, "result", others=422, send=_order),
    "POST /api/v1/status-orders/file": _to(_ISSUERS, 201, "result", others=422, send=_order_file),
    "POST /api/v1/status-orders/preview": _to(_ISSUERS, 200, "result", others=422, send=_preview),
    "GET /api/v1/status-orders": _to(_ORDERERS, 200),
    "GET /api/v1/status-orders/{order_id}": _to(_ORDERERS, 200, "order"),
    "GET /api/v1/status-orders/{order_id}/results": _to(_ORDERERS, 200, "order"),
    "GET /api/v1/status-orders/{order_id}/faults": _to(_ORDERERS, 200, "order"),
    "POST /api/v1/status-orders/{order_id}/approval": _to(
        "approver", 200, "order", send=lambda one: {"json": {"order_hash": one["order_hash"]}}
    ),
    "POST /api/v1/status-orders/{order_id}/cancellation": _to(
        _ORDERERS, 200, "order", send=lambda _: {"json": {"reason": "a mistake"}}, refused={SYSTEM: 403}
    ),
}


def expected(line: Line, role: str, whose: str) -> int:
    """What a role is answered about its own object, or `others`."""
    if role not in line.to:
        return 401 if role == ANONYMOUS else 403
    return line.refused.get(role, line.status) if whose == "own" else line.others
