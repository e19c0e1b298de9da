"""Bodies of the framework's routes: read to their end, and as JSON says."""

from typing import Any

import pytest

from desk import Desk, problem
from grounds import Clock, running
from khoso.app import create_app
from khoso.config import Config
from khoso.front import Front

CLIENT = {"kind": "system", "name": "Phần mềm một cửa", "agency_code": "H17"}
ASSIGNMENT = {"subject": "person:6f1f0c6e-3b0a-4a52-9d8b-0d7f3c1f9a11", "role": "officer", "agency_code": "H17"}
JSON = b"application/json"


@pytest.mark.parametrize(
    ("path", "media_type", "status", "told"),
    [
        ("/api/v1/result-types/size", JSON, 422, b'"code":"incomplete"'),
        (
            "/oauth/token",
            b"application/x-www-form-urlencoded",
            400,
            b'{"error":"invalid_request","error_description":"the connection ended before the body did"}',
        ),
    ],
)
async def test_who_hangs_up_before_his_body_is_complete_has_asked_nothing(
    config: Config, clock: Clock, path: str, media_type: bytes, status: int, told: bytes
) -> None:
    said: list[Any] = []
    heard = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(heard)

    async def send(message: Any) -> None:
        said.append(message)

    app = create_app(config, clock)
    scope: Any = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "http_version": "1.1",
        "scheme": "https",
        "server": None,
        "client": None,
        "root_path": "",
        "headers": [(b"content-type", media_type), (b"content-length", b"50")],
    }
    async with running(app):
        await Front(app)(scope, receive, send)
    assert said[0]["status"] == status
    assert told in said[1]["body"]


@pytest.mark.parametrize(
    ("path", "body", "change"),
    [
        ("/api/v1/clients", CLIENT, {"quota_per_hour": "20"}),
        ("/api/v1/clients", CLIENT, {"quota_per_hour": "null"}),
        ("/api/v1/assignments", ASSIGNMENT, {"valid_until": "null"}),
        ("/api/v1/assignments", ASSIGNMENT, {"valid_until": 1_893_456_000}),
        ("/api/v1/assignments", ASSIGNMENT, {"valid_until": "1893456000"}),
        ("/api/v1/assignments", ASSIGNMENT, {"role": 7}),
    ],
)
async def test_json_is_of_the_kind_that_is_described(
    desk: Desk, path: str, body: dict[str, Any], change: dict[str, Any]
) -> None:
    headers = desk.token("assignments:write", "clients:write", agency="H17", subject="person:platform")
    answer = await desk.client.post(path, json=body | change, headers=headers)
    assert problem(answer, 422, "invalid_input") == [(next(iter(change)), "form")]


async def test_parameters_of_an_address_are_texts_all_the_same(desk: Desk) -> None:
    headers = desk.token("assignments:write", agency="H17", subject="person:platform")
    path = "/api/v1/assignments?past=true&limit=20"
    assert (await desk.client.get(path, headers=headers)).status_code == 200
