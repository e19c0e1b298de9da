"""What browsers and caches may keep: of what is for one caller nothing, whatever its route says."""

from typing import Any, cast

import httpx
import pytest
from litestar import Response, get

from desk import AGENCY, Desk
from grounds import ORIGIN, Clock, running
from http_routes import routes
from khoso.app import create_app
from khoso.caller import SCOPES
from khoso.config import Config
from khoso.front import Front

FOR_EVERYBODY = ("public, max-age=", "no-cache")
"""As what public routes say of what is the same for everybody begins; they may also say nothing."""


def kept(answer: httpx.Response) -> list[str]:
    return answer.headers.get_list("cache-control")


async def test_no_route_but_a_public_one_is_kept(desk: Desk, config: Config, clock: Clock) -> None:
    everything = desk.token(*SCOPES, agency=AGENCY)
    told = set[str]()
    for route in routes(create_app(config, clock)):
        for headers in ({}, everything):
            sent = headers | {"idempotency-key": "a"}
            [how] = kept(await desk.client.request(route.method, route.path, headers=sent))
            told.add(how)
            assert how == "no-store" or (route.public and how.startswith(FOR_EVERYBODY)), route.name
    assert len(told) > 2, "public ones too were answered"


async def test_what_a_closed_route_says_of_caches_is_not_heard(config: Config, clock: Clock, desk: Desk) -> None:
    def saying(path: str, **opt: object) -> Any:
        @get(path, opt=opt)
        async def answer() -> Response[str]:
            return Response("his own", headers={"cache-control": "public, max-age=60"})

        return answer

    app = create_app(config, clock)
    app.register(saying("/open", public=True))
    app.register(saying("/closed", signed_in=True))
    async with running(app):
        transport = httpx.ASGITransport(cast(Any, Front(app)))
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            answers = [await client.get(path, headers=desk.token("inspect")) for path in ("/open", "/closed")]
    assert [(answer.status_code, kept(answer)) for answer in answers] == [
        (200, ["public, max-age=60"]),
        (200, ["no-store"]),
    ]


@pytest.mark.parametrize("what", ["", "/acts", "/qr.svg", "/qr.png", "/print.png"])
async def test_nothing_of_a_vault_is_kept(desk: Desk, what: str) -> None:
    issued = await desk.issue()
    headers = await desk.citizen(issued["result_code"])
    for path in (f"/api/v1/credentials/{issued['result_code']}{what}", "/api/v1/vault/results"):
        answer = await desk.client.get(path, headers=headers)
        assert (answer.status_code, kept(answer)) == (200, ["no-store"])


async def test_what_is_for_all_is_one_for_all(desk: Desk) -> None:
    answer = await desk.client.get("/api/v1/result-types")
    assert "vary" not in answer.headers
