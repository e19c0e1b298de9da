"""The description of the API: what Litestar derives from the handlers, and the hot routes beside it."""

from functools import lru_cache
from typing import Any

import msgspec
from litestar import Litestar, Request, Router, get
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.response import Response

from khoso import __version__
from khoso.hot import HotRoute
from khoso.http import conditional
from khoso.issuance import routes as issuance
from khoso.problems import MEDIA_TYPE, Problem
from khoso.verification import routes as verification


def make_config() -> OpenAPIConfig:
    """What Litestar is told. The guard lets nobody see its own pages: ours are at /docs/api."""
    return OpenAPIConfig(
        title="Kho Số",
        version=__version__,
        description="Kho kết quả thủ tục hành chính số. | The vault of digital administrative results.",
        components=Components(
            security_schemes={"token": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
        ),
        security=[{"token": []}],
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
    for route in HOT_ROUTES:
        (body, answer, problem), components = msgspec.json.schema_components(
            [route.body, route.answer, Problem], ref_template="#/components/schemas/{name}"
        )
        schema["components"].setdefault("schemas", {}).update(components)
        schema["paths"].setdefault(route.path, {})["post"] = _operation(route, body, answer, problem)
    return msgspec.json.encode(schema)


def _operation(route: HotRoute[Any], body: Any, answer: Any, problem: Any) -> dict[str, Any]:
    examples = {name: {"value": value} for name, value in route.examples.items()}
    refusals = {
        status: {"description": text, "content": {MEDIA_TYPE: {"schema": problem}}}
        for status, text in route.refusals.items()
    }
    done = {"description": route.operation["summary"], "content": {"application/json": {"schema": answer}}}
    return {
        **route.operation,
        "security": [{}, {"token": []}] if route.open_to_all else [{"token": []}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body, "examples": examples}}},
        "responses": {str(route.status): done, **refusals},
    }
