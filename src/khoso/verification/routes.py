"""Verification over HTTP: open to everyone, and the hottest path of the house.

A low-level route: Litestar still routes, guards and translates errors, but the body is read, judged and answered with
nothing in between, for half the processor time of a typed handler (docs/performance.md). Its description for OpenAPI
is made from the same structs in `openapi.py`.
"""

from collections.abc import Callable

import msgspec
from litestar import asgi
from litestar.enums import ScopeType
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from khoso.caller import Caller
from khoso.errors import BodyTooLarge, InputProblem, InvalidInput, NotPermitted
from khoso.verification.model import Inspector, VerifyRequest
from khoso.verification.service import Verifier
from khoso.verification.view import present

PATH = "/api/v1/verify"
MAX_BODY = 8_192

_read_request = msgspec.json.Decoder(VerifyRequest).decode
_write_view = msgspec.json.Encoder().encode
_HEADERS = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]

FindCaller = Callable[[str | None], Caller | None]
"""The caller named by an Authorization header, None without one; raises NotAuthenticated for a bad one."""


def make_handler(find_caller: FindCaller) -> ASGIRouteHandler:
    """The handler of `POST /api/v1/verify`; `app.state.verifier` does the work."""

    @asgi(PATH, opt={"public": True}, copy_scope=False)
    async def verify(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != "POST":
            raise MethodNotAllowedException(headers={"allow": "POST"})
        inspector = _inspector(find_caller(_authorization(scope)))
        request = _parse(await _read_body(receive))
        app_verifier: Verifier = scope["litestar_app"].state.verifier
        answer = await _verify(app_verifier, request, inspector)
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": answer, "more_body": False})

    return verify


async def _verify(verifier: Verifier, request: VerifyRequest, inspector: Inspector | None) -> bytes:
    if request.code is not None:
        checked = await verifier.verify_code(request.code, inspector)
    else:
        checked = await verifier.verify_lookup(request.lookup_code or "", inspector)
    return _write_view(present(checked, verifier.catalogue()))


def _parse(body: bytes) -> VerifyRequest:
    try:
        request = _read_request(body)
    except msgspec.ValidationError as error:
        raise InvalidInput(InputProblem("body", "form", str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidInput(InputProblem("body", "json", "give a JSON object")) from None
    if (request.code is None) == (request.lookup_code is None):
        raise InvalidInput(InputProblem("body", "one_of", "give either code or lookup_code"))
    return request


async def _read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise InvalidInput(InputProblem("body", "incomplete", "the connection ended before the body did"))
        body += message["body"]
        if len(body) > MAX_BODY:
            raise BodyTooLarge(MAX_BODY)
        if not message["more_body"]:
            return body


def _authorization(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return value.decode("latin-1")
    return None


def _inspector(caller: Caller | None) -> Inspector | None:
    if caller is None:
        return None
    if not caller.may("inspect"):
        raise NotPermitted("inspect")
    return Inspector(caller.subject, caller.agency_code)
