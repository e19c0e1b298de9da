"""The description of the API: what Litestar derives from the handlers, the hot routes beside it, and every refusal.

Which refusals a route can answer follows from what it is: closed or public, with parameters, with a body, with rooms to
ask. So it is written down here once, and no route lists them. What only a route knows stands in its `responses`, and

    opt={"body": (…,)}      the media types of a body that it reads as it is
    opt={"also": (…,)}      media types in which it answers besides the first
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, Router, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, Reference, SecurityScheme
from litestar.routes import HTTPRoute

from khoso import __version__
from khoso.hot import HotRoute
from khoso.http import conditional, scopes_of
from khoso.identity.door import COOKIE, SESSION_HEADER
from khoso.issuance import routes as issuance
from khoso.problems import MEDIA_TYPE, Problem
from khoso.verification import routes as verification

Json = dict[str, Any]

_SCHEMES: dict[str, SecurityScheme | Reference] = {
    "token": SecurityScheme(
        type="http",
        scheme="bearer",
        bearer_format="JWT",
        description="An access token; one bound to a key comes as `Authorization: DPoP`, with a proof (RFC 9449).",
    ),
    "session": SecurityScheme(
        type="apiKey",
        security_scheme_in="cookie",
        name=COOKIE,
        description="The session of a browser, which begins at `/login`. It is for scripts of our own pages.",
    ),
    "script": SecurityScheme(
        type="apiKey",
        security_scheme_in="header",
        name=SESSION_HEADER.decode().title(),
        description="Any value, beside the session where something may change: no form or foreign page can send it.",
    ),
}
"""By what a caller is known (`identity/door.py`)."""

_REFUSALS: Mapping[str, str] = {
    "401": "Nobody is known by what was sent: no token or session, or one that is not good",
    "403": "The caller may not do this",
    "404": "Not found, or not yours to see",
    "413": "The body is too large",
    "422": "Something in the request is wrong: each item says what",
    "429": "The hour's quota is used up: Retry-After says when the next begins",
    "503": "The database is away, or has to be recovered; or there is no key to sign with: try again later",
}
_OF_CALLERS = ("401", "403", "429")
_UNCHANGED: Json = {"description": "What the caller has (If-None-Match) is the newest"}
_PROBLEM: Json = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_BYTES: Json = {"schema": {"type": "string", "format": "binary"}}
_OF_THE_PROCESS = frozenset({"request", "caller", "data", "body"})
"""What a handler may be given without asking a room."""


def make_config() -> OpenAPIConfig:
    """What Litestar is told. The guard lets nobody see its own pages: ours are at /docs/api."""
    return OpenAPIConfig(
        title="Kho Số",
        version=__version__,
        description=(
            "Kho kết quả thủ tục hành chính số. Nơi nào trả lời GET thì cũng trả lời HEAD, không kèm nội dung. | "
            "The vault of digital administrative results. Whatever answers GET answers HEAD, without the body."
        ),
        components=Components(security_schemes=_SCHEMES),
        openapi_router=Router("/schema", route_handlers=[], include_in_schema=False),
    )


HOT_ROUTES: tuple[HotRoute[Any], ...] = (verification.VERIFY, issuance.ISSUE)


@get("/openapi.json", opt={"public": True}, include_in_schema=False)
async def show_openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The OpenAPI 3.1 description."""
    return conditional(request, describe(request.app), "application/vnd.oai.openapi+json", "public, max-age=300")


@lru_cache(maxsize=4)
def describe(app: Litestar) -> bytes:
    """The description of an application as JSON."""
    schema = app.openapi_schema.to_schema()
    (_,), components = _components([Problem])
    schema["components"].setdefault("schemas", {}).update(components)
    for route in app.routes:
        if isinstance(route, HTTPRoute) and route.path_format in schema["paths"]:
            described = schema["paths"][route.path_format]
            for handler in route.route_handlers:
                for method in described.keys() & {name.lower() for name in handler.http_methods}:
                    _complete(described[method], handler, reads=method == "get")
    for hot in HOT_ROUTES:
        (body, answer), components = _components([hot.body, hot.answer])
        schema["components"]["schemas"].update(components)
        schema["paths"].setdefault(hot.path, {})["post"] = _operation(hot, body, answer)
    return msgspec.json.encode(schema)


def _components(types: list[Any]) -> tuple[tuple[Json, ...], Json]:
    return msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")


def _complete(operation: Json, handler: HTTPRouteHandler, *, reads: bool) -> None:
    """Say who may ask, what is sent, and everything that may be answered."""
    operation["security"] = _security(handler, reads=reads)
    if bodies := handler.opt.get("body"):
        operation["requestBody"] = {"required": True, "content": dict.fromkeys(bodies, _BYTES)}
    answers = operation["responses"]
    if 400 not in (handler.responses or {}):
        answers.pop("400", None)  # the framework's; ours is 422
    for status, answer in answers.items():
        if int(status) >= 400 and not handler.exception_handlers:
            answer["content"] = _PROBLEM
    done = answers[min(answers)].get("content", {})
    done.update(dict.fromkeys(handler.opt.get("also", ()), _BYTES))
    if reads and _is_conditional(handler):
        answers["304"] = _UNCHANGED
    for status in _refusals(operation, handler):
        answers.setdefault(status, {"description": _REFUSALS[status], "content": _PROBLEM})
    operation["responses"] = dict(sorted(answers.items()))


def _security(handler: HTTPRouteHandler, *, reads: bool) -> list[Json]:
    """Any of the scopes will do; without one, whoever is known."""
    if handler.opt.get("public"):
        return []
    needed = [[scope] for scope in scopes_of(handler.opt)] or [[]]
    return [way for scopes in needed for way in _ways(scopes, reads=reads)]


def _ways(scopes: list[str], *, reads: bool) -> tuple[Json, ...]:
    """How a caller shows who he is: by a token, or by his session."""
    session = {"session": scopes}
    return {"token": scopes}, session if reads else {**session, "script": []}


def _is_conditional(handler: HTTPRouteHandler) -> bool:
    """Whether it asks what the caller has already: then it is given the request and hands over bytes."""
    signature = handler.parsed_fn_signature
    return "request" in signature.parameters and signature.return_type.annotation == Response[bytes]


def _refusals(operation: Json, handler: HTTPRouteHandler) -> Iterator[str]:
    """The statuses of problems that a route can answer by what it is."""
    parameters, sends = operation.get("parameters", ()), "requestBody" in operation
    if operation["security"]:
        yield from _OF_CALLERS
    if any(parameter["in"] == "path" for parameter in parameters):
        yield "404"
    if not handler.exception_handlers:  # else it has words of its own for a request that cannot be read
        yield from ("413", "422") if sends else ("422",) if parameters else ()
    given = {parameter["name"] for parameter in parameters}
    if handler.parsed_fn_signature.parameters.keys() - _OF_THE_PROCESS - given:
        yield "503"


def _operation(route: HotRoute[Any], body: Json, answer: Json) -> Json:
    examples = {name: {"value": value} for name, value in route.examples.items()}
    told = {status: _REFUSALS[status] for status in _OF_CALLERS} | dict(route.refusals)
    refusals = {status: {"description": told[status], "content": _PROBLEM} for status in sorted(told)}
    done = {"description": route.operation["summary"], "content": {"application/json": {"schema": answer}}}
    needed = _ways([route.scope], reads=False)
    return {
        **route.operation,
        "security": [{}, *needed] if route.open_to_all else [*needed],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body, "examples": examples}}},
        "responses": {str(route.status): done, **refusals},
    }
