"""The description of the API: what Litestar derives from the handlers, and the low-level verify route beside it."""

from functools import lru_cache
from typing import Any

import msgspec
from litestar import Litestar, Request, get
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.response import Response

from khoso.http import conditional
from khoso.problems import MEDIA_TYPE, Problem
from khoso.verification import routes as verification
from khoso.verification.model import VerdictView, VerifyRequest

CONFIG = OpenAPIConfig(
    title="Kho Số",
    version="0.1.0",
    description="Kho kết quả thủ tục hành chính số. | The vault of digital administrative results.",
    components=Components(
        security_schemes={"token": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
    ),
    security=[{"token": []}],
    render_plugins=[],
)

_EXAMPLE_CODE = "https://kho.example.vn/v#1" + "0" * 24


@get("/openapi.json", opt={"public": True}, include_in_schema=False)
async def show_openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The OpenAPI 3.1 description."""
    return conditional(request, describe(request.app), "application/vnd.oai.openapi+json", "public, max-age=300")


@lru_cache(maxsize=4)
def describe(app: Litestar) -> bytes:
    """The description of an application as JSON."""
    schema = app.openapi_schema.to_schema()
    (request, view, problem), components = msgspec.json.schema_components(
        [VerifyRequest, VerdictView, Problem], ref_template="#/components/schemas/{name}"
    )
    schema["components"].setdefault("schemas", {}).update(components)
    schema["paths"][verification.PATH] = {"post": _verify_operation(request, view, problem)}
    return msgspec.json.encode(schema)


def _verify_operation(request: Any, view: Any, problem: Any) -> dict[str, Any]:
    return {
        "tags": ["verification"],
        "operationId": "Verify",
        "summary": "Judge a scanned or typed code",
        "description": "Always 200 for what the code says: the verdict is data. Open to everyone; with an inspector's "
        "token (scope `inspect`) the check is recorded under his name and shown to the holder.",
        "security": [{}, {"token": []}],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": request,
                    "examples": {
                        "scanned": {"value": {"code": _EXAMPLE_CODE}},
                        "typed": {"value": {"lookup_code": "H17.05.12-261123-000123-KQ1 7K3M9X"}},
                    },
                }
            },
        },
        "responses": {
            "200": {"description": "The verdict", "content": {"application/json": {"schema": view}}},
            **{
                status: {"description": text, "content": {MEDIA_TYPE: {"schema": problem}}}
                for status, text in _REFUSALS.items()
            },
        },
    }


_REFUSALS = {
    "401": "The token is not good",
    "403": "The token has not the scope `inspect`",
    "413": "The body is larger than 8 KB",
    "422": "The body is not of this form",
    "429": "Too many wrong look-up codes for this result",
    "503": "A typed code cannot be looked up: the database is away",
}
