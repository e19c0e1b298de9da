"""What the server calls: the hot routes first, the framework for everything else, and all of it observed.

Every answer gets a request id and the security headers, a time in the metrics, and a line in the log if it is notable.
None lies in a cache, not even the browser's own, for the disk of an office machine has many readers; but for those of a
public route that says how long they may.

Whatever answers GET answers HEAD, with the same headers (RFC 9110, 9.3.2): no route says so, and none can forget it.
"""

import logging
import re
import secrets
from collections.abc import Mapping
from itertools import count
from time import perf_counter
from typing import Any

import structlog
from litestar import Litestar
from litestar.enums import ScopeType
from litestar.status_codes import HTTP_405_METHOD_NOT_ALLOWED
from litestar.types import HTTPDisconnectEvent, Message, Receive, Scope, Send

from khoso.hot import Endpoint, Header, find_header
from khoso.http import SENT_METHOD
from khoso.observing import REQUEST_TIMES
from khoso.problems import to_answer

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_HANDED_ON_AS = {"HEAD": "GET", "OPTIONS": "TRACE"}
"""To OPTIONS the framework has an answer of its own, which a route cannot change; TRACE no route takes, so that it gets
the 405 with its `Allow`."""
_SLOW_SECONDS = 1.0
"""What takes longer is logged even if it succeeds; other successes are counted, and told only at level debug."""

_PROCESS = secrets.token_hex(6).encode()
_NUMBERS = count()
"""Request ids are the process and a number: unique, and a tenth of the price of a random one."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{8,64}")
_SECURITY_HEADERS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_NEVER_KEPT: Header = (b"cache-control", b"no-store")

log = structlog.get_logger("khoso.requests")


class Application(Litestar):
    """Everything there is to call; the hot routes, by path, are not in the framework's router."""

    hot: Mapping[str, Endpoint] = {}


class Front:
    """An ASGI application."""

    def __init__(self, app: Application, *, verbose: bool = False) -> None:
        """`verbose`: tell the successes too, at level debug."""
        self._app = app
        self._hot = app.hot
        self._verbose = verbose

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, or live for as long as the application."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            receive, send = _hung_up, _without_body(send)
        endpoint = self._hot.get(scope["path"])
        if endpoint is None:
            await self._hand_on(scope, receive, send)
        else:
            await self._answer(endpoint, scope, receive, send)

    async def _answer(self, endpoint: Endpoint, scope: Any, receive: Receive, send: Send) -> None:
        started = perf_counter()
        request_id = _request_id(scope["headers"])
        try:
            status, headers, content = await endpoint(scope, receive)
        except Exception as error:  # noqa: BLE001 - the one place where a hot route's errors become answers
            status, headers, content = to_answer(error)
        headers = [*headers, _NEVER_KEPT, (b"x-request-id", request_id), *_SECURITY_HEADERS]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content, "more_body": False})
        self._note(scope["path"], scope["method"], status, perf_counter() - started, request_id)

    async def _hand_on(self, scope: Any, receive: Receive, send: Send) -> None:
        started = perf_counter()
        status = 500
        method = scope["method"]
        request_id = _request_id(scope["headers"])
        if method in _HANDED_ON_AS:
            scope = {**scope, "method": _HANDED_ON_AS[method], SENT_METHOD: method}

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"] if status != HTTP_405_METHOD_NOT_ALLOWED else _allowing(message["headers"])
                message["headers"] = [*_kept(scope, headers), (b"x-request-id", request_id), *_missing(headers)]
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        finally:
            route = scope.get("path_template", "unknown")
            self._note(route, method, status, perf_counter() - started, request_id)

    def _note(self, route: str, method: str, status: int, seconds: float, request_id: bytes) -> None:
        # Any other method is a label that a client could invent.
        REQUEST_TIMES.note(route, method if method in _METHODS else "other", status, seconds)
        notable = status >= 400 or seconds > _SLOW_SECONDS
        if notable or self._verbose:
            log.log(
                logging.INFO if notable else logging.DEBUG,
                "request",
                route=route,
                method=method,
                status=status,
                milliseconds=round(seconds * 1000, 1),
                request_id=request_id.decode(),
            )


def _request_id(headers: Any) -> bytes:
    """The proxy's request id if it is a plain one, else a new one."""
    given = find_header(headers, b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    return b"%b-%08x" % (_PROCESS, next(_NUMBERS))


async def _hung_up() -> HTTPDisconnectEvent:
    """Who asks for headers alone waits for nothing behind them: a stream ends where it first waits."""
    return {"type": "http.disconnect"}


def _without_body(send: Send) -> Send:
    """The same answer, of which only the beginning is sent."""

    async def send_start(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return send_start


def _allowing(headers: Any) -> list[Header]:
    """A refusal's `Allow` as this door has it: HEAD wherever there is GET, and no OPTIONS."""
    return [(name, _allowed(value) if name == b"allow" else value) for name, value in headers]


def _allowed(methods: bytes) -> bytes:
    known = {*methods.split(b", ")} - {b"OPTIONS"}
    return b", ".join(sorted(known | {b"HEAD"} if b"GET" in known else known))


def _kept(scope: Any, headers: Any) -> list[Header]:
    """The headers with how long the answer may be kept: not at all unless its route is public, and says."""
    handler = scope.get("route_handler")
    others = [(name, value) for name, value in headers if name != b"cache-control"]
    if len(others) < len(headers) and handler is not None and handler.opt.get("public"):
        return [*headers]
    return [*others, _NEVER_KEPT]


def _missing(headers: Any) -> tuple[Header, ...]:
    """The security headers, unless a page has brought its own policy."""
    if any(name == b"content-security-policy" for name, _ in headers):
        return ()
    return _SECURITY_HEADERS
