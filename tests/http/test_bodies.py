"""Bodies of the framework's routes: read to their end, and as JSON says."""

from typing import Any

import pytest
from litestar import Request
from litestar import post as post_handler
from litestar.exceptions import InternalServerException

from asgi import ask
from desk import Desk, problem
from grounds import Clock
from khoso import inputs
from khoso.app import create_app
from khoso.config import Config
from khoso.errors import InvalidInput
from khoso.front import Application
from khoso.problems import to_answer

CLIENT = {"kind": "system", "name": "Phần mềm một cửa", "agency_code": "H17"}
ASSIGNMENT = {"subject": "person:6f1f0c6e-3b0a-4a52-9d8b-0d7f3c1f9a11", "role": "officer", "agency_code": "H17"}
JSON = b"application/json"
INCOMPLETE = to_answer(InvalidInput(inputs.INCOMPLETE))[2]


@pytest.mark.parametrize(
    ("path", "media_type", "status", "told"),
    [
        ("/api/v1/result-types/size", JSON, 422, INCOMPLETE),
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
    heard = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(heard)

    assert await post(create_app(config, clock), path, media_type, receive) == (status, told)


@pytest.mark.parametrize("path", ["/api/v1/result-types/size", "/oauth/token", "/twice"])
async def test_any_other_fault_while_a_body_is_read_is_one_of_ours(
    config: Config, clock: Clock, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def receive() -> Any:
        if path != "/twice":
            raise InternalServerException("secret")
        return {"type": "http.request", "body": b"{}", "more_body": False}

    @post_handler("/twice", opt={"public": True})
    async def read_twice(request: Request[Any, Any, Any]) -> None:
        for _ in range(2):
            async for _part in request.stream():
                pass

    app = create_app(config, clock)
    app.register(read_twice)
    media_type = b"application/x-www-form-urlencoded" if path == "/oauth/token" else JSON
    status, told = await post(app, path, media_type, receive)
    assert (status, b'"code":"internal"' in told, b"secret" in told) == (500, True, False)
    logged = capsys.readouterr().out
    assert "unhandled error" in logged
    assert "secret" not in logged


async def post(app: Application, path: str, media_type: bytes, receive: Any) -> tuple[int, bytes]:
    """Status and body of what is answered to somebody who is heard like that."""
    headers = [(b"content-type", media_type), (b"content-length", b"50")]
    start, body = await ask(app, "POST", path, headers, receive)
    return start["status"], body["body"]


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
