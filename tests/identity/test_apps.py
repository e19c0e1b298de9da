"""Apps at the authorization server, and whoever plays one (RFC 9700, 4)."""

import math
from datetime import timedelta

import httpx
import pytest

from desk import Desk, problem, read
from grounds import ORIGIN, Clock, open_client
from identity.browsing import Browser
from identity.conftest import Assign
from identity.programs import REDIRECT, App, Key, register
from khoso.config import Config

WARD = "H17.05.12"


@pytest.fixture
async def app(desk: Desk) -> App:
    scopes = ["vault:read", "inspect", "credentials:read"]
    return App(
        desk, await register(desk, kind="app", name="App", agency_code="H17", redirect_uris=[REDIRECT], scopes=scopes)
    )


def refusal(answer: httpx.Response, code: str, status: int = 400) -> None:
    assert (answer.status_code, answer.json().get("error")) == (status, code), answer.text
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert answer.headers["cache-control"] == "no-store"


async def test_a_citizen_logs_in_with_the_app(app: App, browser: Browser) -> None:
    came_back = await app.log_in(browser)
    assert (came_back["state"], came_back["iss"]) == ("the app's own", ORIGIN)
    tokens = read(await app.redeem(came_back["code"]), 200)
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("Bearer", 600, "vault:read")
    me = read(await app.me(tokens["access_token"]), 200)
    assert me["name"] == "Nguyễn Hoàng Phước Thịnh"
    assert browser.session is None, "an app's login gives the browser no session"
    again = read(await app.refresh(tokens["refresh_token"]), 200)
    assert again["refresh_token"] != tokens["refresh_token"]
    assert (await app.me(again["access_token"])).status_code == 200


async def test_an_app_gets_no_more_than_it_may_and_its_user_has(app: App, browser: Browser, assign: Assign) -> None:
    tokens = await app.tokens(browser)
    subject = read(await app.me(tokens["access_token"]), 200)["subject"]
    await assign(subject, "officer", WARD)
    await assign(subject, "inspector", "H17.05.13")
    tokens = read(await app.refresh(tokens["refresh_token"], agency=WARD), 200)
    assert (tokens["agency"], tokens["scope"]) == (WARD, "credentials:read vault:read"), "but not credentials:issue"
    tokens = read(await app.refresh(tokens["refresh_token"], scope="vault:read"), 200)
    assert tokens["scope"] == "vault:read"
    refusal(await app.refresh(tokens["refresh_token"], scope="credentials:issue"), "invalid_scope")
    refusal(await app.refresh(tokens["refresh_token"], agency="H17.11"), "invalid_target")
    tokens = read(await app.refresh(tokens["refresh_token"]), 200)
    assert tokens["agency"] == WARD, "chosen once"


async def test_a_code_shown_twice_ends_everything_it_gave(app: App, browser: Browser, config: Config) -> None:
    code = (await app.log_in(browser))["code"]
    tokens = read(await app.redeem(code), 200)
    assert (await app.me(tokens["access_token"])).status_code == 200
    refusal(await app.redeem(code), "invalid_grant")
    refusal(await app.refresh(tokens["refresh_token"]), "invalid_grant")
    async with open_client(config, app.desk.clock) as worker:  # one that begins now knows it at once
        answer = await worker.get("/api/v1/me", headers={"authorization": f"Bearer {tokens['access_token']}"})
        problem(answer, 401, "not_authenticated")


@pytest.mark.parametrize(
    "change",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": None},
        {"code_verifier": "short"},
        {"redirect_uri": f"{REDIRECT}/"},
        {"redirect_uri": None},
        {"code": "guessed"},
    ],
    ids=str,
)
async def test_a_code_that_is_shown_wrongly_is_lost(app: App, browser: Browser, change: dict[str, str | None]) -> None:
    code = (await app.log_in(browser))["code"]
    refusal(await app.redeem(**({"code": code} | change)), "invalid_grant")
    if "code" not in change:
        refusal(await app.redeem(code), "invalid_grant")


async def test_a_code_is_good_for_a_minute_and_for_its_app_alone(app: App, browser: Browser, clock: Clock) -> None:
    code = (await app.log_in(browser))["code"]
    other = await register(
        app.desk, kind="app", name="Other", agency_code="H17", redirect_uris=[REDIRECT], scopes=["vault:read"]
    )
    refusal(await app.redeem(code, client_id=other), "invalid_grant")
    code = (await app.log_in(browser))["code"]
    clock.forward(timedelta(minutes=1))
    refusal(await app.redeem(code), "invalid_grant")


async def test_a_refresh_token_shown_twice_ends_the_family(app: App, browser: Browser) -> None:
    first = await app.tokens(browser)
    second = read(await app.refresh(first["refresh_token"]), 200)
    refusal(await app.refresh(first["refresh_token"]), "invalid_grant")
    refusal(await app.refresh(second["refresh_token"]), "invalid_grant")


async def test_a_login_ends_after_thirty_days(app: App, browser: Browser, clock: Clock) -> None:
    tokens = await app.tokens(browser)
    clock.forward(timedelta(days=30))
    refusal(await app.refresh(tokens["refresh_token"]), "invalid_grant")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "x"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"scope": "clients:write"}, "invalid_scope"),
        ({"scope": "vault:read credentials:issue"}, "invalid_scope"),
        ({"dpop_jkt": "x"}, "invalid_request"),
    ],
    ids=str,
)
async def test_the_app_is_told_what_it_asked_wrongly(
    app: App, browser: Browser, change: dict[str, str | None], error: str
) -> None:
    answer = await browser.client.get(app.authorize_path(**change))
    assert answer.status_code == 303
    told = dict(part.split("=") for part in answer.headers["location"].partition("?")[2].split("&"))
    assert told["error"] == error
    assert "iss" in told
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "vn.danang.congdanso:/login/"},
        {"redirect_uri": "vn.danang.congdanso:/LOGIN"},
        {"redirect_uri": "https://evil.example"},
        {"redirect_uri": None},
        {"client_id": "app-absent"},
        {"client_id": "'; DROP TABLE oauth_client; --"},
        {"client_id": None},
    ],
    ids=str,
)
async def test_nobody_is_sent_where_no_app_is_registered(
    app: App, browser: Browser, change: dict[str, str | None]
) -> None:
    answer = await browser.client.get(app.authorize_path(**change))
    assert answer.status_code == 403
    assert "location" not in answer.headers


async def test_a_user_who_will_not_log_in(app: App, browser: Browser) -> None:
    assert (await app.log_in(browser, who="")).get("error") == "access_denied"


async def test_revoking(app: App, browser: Browser) -> None:
    tokens = await app.tokens(browser)
    for token in ("absent", tokens["refresh_token"], tokens["refresh_token"]):
        answer = await app.desk.client.post("/oauth/revoke", data={"token": token, "client_id": app.client_id})
        assert (answer.status_code, answer.content) == (200, b"")
    refusal(await app.refresh(tokens["refresh_token"]), "invalid_grant")
    answer = await app.desk.client.post("/oauth/revoke", data={"token": "x", "client_id": "app-absent"})
    refusal(answer, "invalid_client", 401)


async def test_a_form_that_is_none(app: App) -> None:
    told = {
        "grant_type=a&grant_type=b": "grant_type: Expected `str`, got `array`",
        "\0": "grant_type is missing",
        "grant_type=": "grant_type is missing",
        "grant_type=refresh_token&code=1&đ=2&code=đ": "code: Expected `str`, got `array`",
        "x" * 20_000: "too large",
    }
    for content, reason in told.items():
        answer = await app.desk.client.post(
            "/oauth/token", content=content.encode(), headers={"content-type": "application/x-www-form-urlencoded"}
        )
        refusal(answer, "invalid_request")
        assert answer.json()["error_description"] == reason, content[:40]
    no_form = await app.desk.client.post("/oauth/token", json={"grant_type": "refresh_token"})
    refusal(no_form, "invalid_request")
    refusal(await app.ask(grant_type="password"), "unsupported_grant_type")
    refusal(await app.ask(grant_type="client_credentials"), "unauthorized_client")
    refusal(await app.refresh("x", client_id=None), "invalid_client", 401)


# ---------------------------------------------------------------- DPoP


async def test_a_bound_token_is_good_with_its_proof_alone(app: App, browser: Browser, clock: Clock) -> None:
    key, thief = Key(), Key()
    code = (await app.log_in(browser, dpop_jkt=key.thumbprint))["code"]
    tokens = read(await app.redeem(code, key.proof(clock, "POST", "/oauth/token")), 200)
    assert tokens["token_type"] == "DPoP"
    token = tokens["access_token"]

    async def show(scheme: str, *proofs: str) -> int:
        headers = [("authorization", f"{scheme} {token}"), *(("dpop", proof) for proof in proofs)]
        return (await app.desk.client.get("/api/v1/me", headers=headers)).status_code

    def proof(**changes: object) -> str:
        return key.proof(clock, "GET", "/api/v1/me", token, **changes)

    good = proof()
    assert await show("DPoP", good) == 200
    refused = {
        "shown before": good,
        "none": "",
        "of a thief": thief.proof(clock, "GET", "/api/v1/me", token),
        "for another method": proof(htm="POST"),
        "for another address": proof(htu=f"{ORIGIN}/api/v1/vault/results"),
        "for another host": proof(htu="https://evil.example/api/v1/me"),
        "for another token": proof(ath="x" * 43),
        "for no token": proof(ath=None),
        "old": proof(iat=int(clock().timestamp()) - 61),
        "of the future": proof(iat=int(clock().timestamp()) + 61),
        "of a time that no float holds": proof(iat=10**400),
        "of a time as long ago": proof(iat=-(10**400)),
        "of a time without end": proof(iat=math.inf),
        "without id": proof(jti=None),
        "with a short id": proof(jti="1"),
        "without algorithm": proof(header={"alg": "none"}),
        "by HMAC": proof(header={"alg": "HS256"}),
        "of another type": proof(header={"typ": "JWT"}),
        "with a private key": proof(header={"jwk": key.jwk | {"d": "x" * 43}}),
        "with another's key": proof(header={"jwk": thief.jwk}),
        "with a key off the curve": proof(header={"jwk": key.jwk | {"y": "x" * 43}}),
        "with a key that is none": proof(header={"jwk": "key"}),
        "with more in its header": proof(header={"kid": "1"}),
        "with a critical header": proof(header={"crit": ["exp"]}),
    }
    for fault, text in refused.items():
        assert await show("DPoP", text) == 401, fault
    assert await show("DPoP") == 401, "without a proof"
    assert await show("DPoP", proof(), proof()) == 401, "with two"
    assert await show("Bearer", proof()) == 401, "as if it were not bound"
    for scheme in ("DPoP", "dpop", "DPOP "):
        assert await show(scheme, proof()) == 200, "none of these has spoilt it"


async def test_the_proof_of_a_head_is_of_head(app: App, browser: Browser, clock: Clock) -> None:
    key = Key()
    code = (await app.log_in(browser, dpop_jkt=key.thumbprint))["code"]
    token = read(await app.redeem(code, key.proof(clock, "POST", "/oauth/token")), 200)["access_token"]
    for method, status in (("HEAD", 200), ("GET", 401)):
        proof = key.proof(clock, method, "/api/v1/me", token)
        headers = {"authorization": f"DPoP {token}", "dpop": proof}
        assert (await app.desk.client.head("/api/v1/me", headers=headers)).status_code == status, method


@pytest.mark.parametrize("iat", [10**400, -(10**400), math.inf, math.nan, 1e308])
async def test_a_proof_of_no_time_is_refused_to_anybody(app: App, clock: Clock, iat: float) -> None:
    refusal(await app.redeem("none", Key().proof(clock, "POST", "/oauth/token", iat=iat)), "invalid_dpop_proof")


async def test_a_bound_login_is_refreshed_by_its_key_alone(app: App, browser: Browser, clock: Clock) -> None:
    key = Key()

    def proof(key: Key) -> str:
        return key.proof(clock, "POST", "/oauth/token")

    code = (await app.log_in(browser, dpop_jkt=key.thumbprint))["code"]
    refusal(await app.redeem(code, proof(Key())), "invalid_grant")
    code = (await app.log_in(browser))["code"]
    tokens = read(await app.redeem(code, proof(key)), 200)
    tokens = read(await app.refresh(tokens["refresh_token"], proof(key)), 200)
    refusal(await app.refresh(tokens["refresh_token"], proof(Key())), "invalid_grant")
    refusal(await app.refresh(tokens["refresh_token"], proof(key)), "invalid_grant")


async def test_a_token_that_is_not_bound_is_no_dpop_token(app: App, browser: Browser, clock: Clock) -> None:
    token = (await app.tokens(browser))["access_token"]
    headers = {"authorization": f"DPoP {token}", "dpop": Key().proof(clock, "GET", "/api/v1/me", token)}
    problem(await app.desk.client.get("/api/v1/me", headers=headers), 401, "not_authenticated")


async def test_what_clients_have_to_know_stands_at_its_well_known_place(app: App, browser: Browser) -> None:
    metadata = read(await app.desk.client.get("/.well-known/oauth-authorization-server"), 200)
    assert metadata["issuer"] == ORIGIN
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    keys = read(await app.desk.client.get("/.well-known/jwks.json"), 200)["keys"]
    assert [(key["crv"], key["use"], "d" in key) for key in keys] == [("P-256", "sig", False)]
