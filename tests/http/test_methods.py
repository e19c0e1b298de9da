"""What every address answers beside what its routes say: HEAD as GET, and which methods it has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from asgi import ask
from desk import AGENCY, Desk, problem
from grounds import ORIGIN, Clock
from http_routes import Route, is_absent, routes
from khoso.app import create_app
from khoso.caller import SCOPES
from khoso.config import Config
from khoso.pages.assets import assets

KNOWN = [f"/assets/{assets()['khoso.css'].hashed_name}", "/api/v1/result-types/KQ.H17.000001", "/lists/status/0"]
"""Where there is something; most addresses of the table are of nothing."""


@pytest.fixture
def table(config: Config, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Route]:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    return [route for route in routes(create_app(config, clock)) if not is_absent(route)]


def told(answer: httpx.Response) -> dict[str, Any]:
    """Everything but what is of this one answer."""
    headers = [(name, value) for name, value in answer.headers.multi_items() if name != "x-request-id"]
    return {"status": answer.status_code, "headers": headers}


def callers(desk: Desk) -> Iterator[dict[str, str]]:
    """Nobody; who may nothing; who may everything; who shows what is no token."""
    yield {}
    yield desk.token("inspect")
    yield desk.token(*SCOPES, agency=AGENCY)
    yield {"authorization": "Bearer e30.e30.e30"}


async def test_head_is_answered_as_get_is_without_the_body(desk: Desk, table: list[Route]) -> None:
    paths = [route.path for route in table if route.method == "GET"] + KNOWN
    statuses = set[int]()
    for headers in callers(desk):
        for path in paths:
            if path == "/metrics":  # which tells of itself, and so never the same twice
                continue
            got = await desk.client.get(path, headers=headers)
            head = await desk.client.head(path, headers=headers)
            assert told(head) == told(got), path
            statuses.add(head.status_code)
    assert {200, 401, 403, 404, 422} <= statuses


async def test_head_tells_the_length_and_the_tag_of_what_get_gives(desk: Desk) -> None:
    for path in ("/", "/openapi.json", KNOWN[0]):
        body = (await desk.client.get(path)).content
        head = await desk.client.head(path)
        assert head.headers["content-length"] == str(len(body)), path
        held = await desk.client.head(path, headers={"if-none-match": head.headers["etag"]})
        assert held.status_code == 304, path


@pytest.mark.parametrize("path", ["/", "/openapi.json", "/nothing"])
async def test_of_the_answer_to_head_nothing_is_sent_but_its_beginning(config: Config, clock: Clock, path: str) -> None:
    start, body = await ask(create_app(config, clock), "HEAD", path)
    assert int(dict(start["headers"])[b"content-length"]) > 0
    assert body == {"type": "http.response.body", "body": b"", "more_body": False}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("OPTIONS", "*", 404), ("GET", "*", 404), ("CONNECT", "", 405), ("GET", "//api/v1/none", 404)],
)
async def test_what_is_no_address_is_told_as_any_other_that_is_not_there(
    config: Config, clock: Clock, method: str, path: str, status: int
) -> None:
    browser = [(b"accept", b"text/html,*/*;q=0.8")]
    start, _ = await ask(create_app(config, clock), method, path, browser)
    headers = dict(start["headers"])
    assert (start["status"], b"x-request-id" in headers) == (status, True)
    assert (headers[b"content-type"] == b"application/problem+json") == path.startswith("//api")


async def test_every_address_tells_which_methods_it_has_and_nothing_else(desk: Desk, table: list[Route]) -> None:
    known: dict[str, set[str]] = {}
    for route in table:
        known.setdefault(route.path, set()).update({"GET", "HEAD"} if route.method == "GET" else {route.method})
    preflight = {"origin": "https://elsewhere.example", "access-control-request-method": "GET"}
    for path, methods in known.items():
        for method in ("OPTIONS", "TRACE"):
            answer = await desk.client.request(method, path, headers=preflight)
            problem(answer, 405, "http_405")
            assert answer.headers["allow"] == ", ".join(sorted(methods)), path
            assert not [name for name in answer.headers if name.startswith("access-control-")], path


async def test_where_there_is_nothing_there_are_no_methods(desk: Desk) -> None:
    for method in ("GET", "OPTIONS", "POST"):
        problem(await desk.client.request(method, f"{ORIGIN}/api/v1/nothing"), 404, "not_found")
    assert (await desk.client.head("/api/v1/nothing")).status_code == 404
