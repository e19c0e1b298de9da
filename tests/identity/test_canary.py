"""A canary logs in, with an app too, and makes mistakes; then its secrets are looked for in log and metrics."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from desk import Desk, read
from grounds import NO_TLS
from identity.conftest import PEOPLE
from identity.programs import REDIRECT, App, System, new_system, query, register
from khoso.config import Config
from servers import Server, WallClock, serving


@pytest.fixture
def talkative(config: Config, tmp_path: Path) -> Iterator[Server]:
    """A server that logs all it ever would."""
    with serving(msgspec.structs.replace(config, log_level="debug"), tmp_path / "log", "--workers", "1") as server:
        yield server


def cookies(answer: httpx.Response) -> dict[str, str]:
    """The secret ones. Browsers keep these for https alone; here the proxy is left out."""
    return dict(re.findall(r"(__Host-khoso(?:-login)?)=([^;]*)", " ".join(answer.headers.get_list("set-cookie"))))


async def come_back(client: httpx.AsyncClient, path: str) -> tuple[httpx.Response, list[str]]:
    """Through the provider; answers what comes then, and every secret on the way."""
    begun = await client.get(path)
    url, jar = begun.headers["location"], cookies(begun)
    async with httpx.AsyncClient(verify=NO_TLS) as outside:
        back = urlsplit((await outside.post(url, data={"sub": "thinh"})).headers["location"])
    answer = await client.get(
        f"{back.path}?{back.query}", headers={"cookie": f"__Host-khoso-login={jar['__Host-khoso-login']}"}
    )
    assert answer.status_code == 303, answer.text
    secrets = [*jar.values(), *query(f"?{back.query}").values(), query(url)["nonce"], query(url)["code_challenge"]]
    return answer, [*secrets, *cookies(answer).values()]


async def test_a_canary_is_in_no_log_and_no_metric(talkative: Server, config: Config, key_dir: Path) -> None:
    async with httpx.AsyncClient(base_url=talkative.url) as client:
        desk = Desk(client, key_dir, WallClock(), config.database_owner_url)
        app = App(
            desk,
            await register(
                desk, kind="app", name="App", agency_code="H17", redirect_uris=[REDIRECT], scopes=["vault:read"]
            ),
        )
        system = await new_system(desk)
        secrets = await live(client, app, system)
        metrics = (await client.get("/metrics", headers=desk.token("metrics:read"))).text
    assert talkative.terminate() == 0
    assert "/login/callback" in talkative.log, "the log is the one that was asked for"
    person: dict[str, Any] = PEOPLE["thinh"]
    secrets += [person["personal_id"], *person["name"].split(), "the provider's secret"]
    written = [*secrets, *(ascii(secret)[1:-1] for secret in secrets)]
    for place, text in (("log", talkative.log), ("metrics", metrics)):
        assert [secret for secret in written if len(secret) > 3 and secret in text] == [], place


async def live(client: httpx.AsyncClient, app: App, system: System) -> list[str]:
    """Logins, tokens and mistakes; answers every secret."""
    answer, secrets = await come_back(client, "/login")
    session = {"cookie": f"__Host-khoso={cookies(answer)['__Host-khoso']}"}
    assert read(await client.get("/api/v1/me", headers=session), 200)["vault_id"] is not None
    assert (await client.get("/account", headers=session)).status_code == 200
    came_back, more = await come_back(client, app.authorize_path())
    code = query(came_back.headers["location"])["code"]
    tokens = read(await app.redeem(code), 200)
    assertion = system.assertion()
    for wrong in (
        await app.redeem(code),
        await app.refresh(tokens["refresh_token"]),
        await app.refresh("guessed-and-wrong"),
        await system.ask(assertion),
        await system.ask(assertion + "x"),
        await client.get("/login/callback", params={"code": "canary-code", "state": "canary-state"}),
        await client.get("/api/v1/me", headers={"authorization": f"Bearer {tokens['access_token']}x"}),
        await client.put("/api/v1/me/agency", json={"agency_code": "canary"}, headers=session | {"khoso-session": "1"}),
    ):
        assert wrong.status_code in (400, 401, 403), wrong.text
    given = [code, tokens["refresh_token"], *tokens["access_token"].split(".")[1:], *assertion.split(".")[1:]]
    return [*secrets, *more, *given, "guessed-and-wrong", "canary-code", "canary-state"]
