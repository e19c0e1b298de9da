"""Every route there is: closed unless it says otherwise, and what is open is written down here."""

from uuid import UUID

import httpx
import pytest

from desk import AGENCY, Desk, problem
from grounds import Clock
from http_routes import Route, is_absent, routes
from khoso.app import create_app
from khoso.caller import SCOPES
from khoso.config import Config

PUBLIC = {
    "GET /",
    "GET /.well-known/jwks.json",
    "GET /.well-known/oauth-authorization-server",
    "GET /account",
    "GET /api/v1/agencies",
    "GET /api/v1/result-types",
    "GET /api/v1/result-types/{type_code}",
    "GET /api/v1/result-types/{type_code}/versions/{version}",
    "POST /api/v1/result-types/size",
    "POST /api/v1/verify",
    "GET /assets/{name}",
    "GET /demo/papers",
    "GET /demo/papers/guide",
    "GET /docs/api",
    "GET /healthz",
    "GET /login",
    "GET /login/callback",
    "GET /oauth/authorize",
    "GET /lists/bundle",
    "GET /lists/honest/{digest}",
    "GET /lists/status",
    "GET /lists/status/{list_id}",
    "GET /lists/trust",
    "GET /lists/types",
    "GET /openapi.json",
    "GET /readyz",
    "GET /scan",
    "GET /scan-worker.js",
    "GET /scan/manifest.webmanifest",
    "GET /v",
    "POST /oauth/revoke",
    "POST /oauth/token",
    "POST /v/lookup",
}
"""Whoever adds a route that needs no token adds it here, and says so to a reviewer."""


SIGNED_IN = {
    "DELETE /api/v1/me/passkeys/{passkey_id}",
    "DELETE /api/v1/me/sessions/{name}",
    "GET /api/v1/me",
    "GET /api/v1/me/passkeys",
    "GET /api/v1/me/sessions",
    "POST /api/v1/admin-invitations/redemption",
    "POST /api/v1/me/passkeys",
    "POST /api/v1/me/passkeys/options",
    "POST /api/v1/me/step-up",
    "POST /api/v1/me/step-up/options",
    "PUT /api/v1/me/agency",
}
"""The same for routes that ask for a token, and for nothing that it allows."""

PAGES = {"GET /reports", "GET /reports/{report_id}"}
"""Routes that tell whom they do not let in on a page what to do."""

TO_COME = {"dossiers:assist"}
"""Scopes that roles have, and that no route asks for yet."""


@pytest.fixture
def table(config: Config, clock: Clock) -> list[Route]:
    return list(routes(create_app(config, clock)))


@pytest.fixture
def closed(table: list[Route]) -> list[Route]:
    found = [route for route in table if route.scopes]
    assert len(found) > 5
    return found


async def call(desk: Desk, route: Route, headers: dict[str, str]) -> httpx.Response:
    return await desk.client.request(route.method, route.path, headers=headers | {"idempotency-key": "a"})


def test_what_is_public_is_written_down(table: list[Route]) -> None:
    assert {route.name for route in table if route.public} == PUBLIC
    assert {route.name for route in table if route.signed_in} == SIGNED_IN
    assert {route.path.split("/")[1] for route in table if is_absent(route)} == {"schema"}


def test_every_scope_exists_and_every_scope_is_of_use(closed: list[Route]) -> None:
    needed = {scope for route in closed for scope in route.scopes}
    assert needed | {"inspect"} | TO_COME == SCOPES.keys(), "inspect is asked for by verify itself"
    assert not needed & TO_COME


async def test_without_a_token_nothing_else_opens(desk: Desk, table: list[Route], closed: list[Route]) -> None:
    for route in [*closed, *(route for route in table if route.signed_in)]:
        answer = await call(desk, route, {})
        if route.name in PAGES:
            assert (answer.status_code, "/login" in answer.text) == (401, True), route.name
            continue
        problem(answer, 401, "not_authenticated")
        assert answer.headers["www-authenticate"] == 'Bearer realm="khoso"', route.name


async def test_the_forms_of_the_pages_need_a_session(desk: Desk, table: list[Route]) -> None:
    forms = [route for route in table if route.form]
    assert {route.name for route in forms} == {
        "POST /account/agency",
        "POST /account/logout",
        "POST /account/sessions/end",
    }
    for route in forms:
        for headers in ({}, desk.token(*SCOPES)):
            assert (await call(desk, route, headers)).status_code == 401, route.name


async def test_with_every_scope_but_its_own_a_route_stays_closed(desk: Desk, closed: list[Route]) -> None:
    for route in closed:
        answer = await call(desk, route, desk.token(*(SCOPES.keys() - route.scopes), agency=AGENCY))
        if route.name in PAGES:
            assert (answer.status_code, "/account" in answer.text) == (403, True), route.name
        else:
            problem(answer, 403, "not_permitted")


async def test_with_its_scope_a_route_lets_in(desk: Desk, closed: list[Route]) -> None:
    """Else the two tests above would prove nothing. Metrics need the directory that a server makes."""
    for route in closed:
        for scope in route.scopes - {"metrics:read"}:
            answer = await call(desk, route, desk.token(scope, agency=AGENCY, vault=UUID(int=1)))
            assert answer.status_code not in (401, 403, 500), route.name


async def test_the_frameworks_own_pages_are_not_there(desk: Desk, table: list[Route]) -> None:
    for route in table:
        if is_absent(route):
            for headers in ({}, desk.token(*SCOPES)):
                problem(await call(desk, route, headers), 404, "not_found")


async def test_head_is_no_way_around(desk: Desk, table: list[Route], closed: list[Route]) -> None:
    for route in [*closed, *(route for route in table if route.signed_in)]:
        if route.method == "GET":
            assert (await call(desk, route._replace(method="HEAD"), {})).status_code == 401, route.name
