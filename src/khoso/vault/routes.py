"""The vault over HTTP."""

from functools import lru_cache
from typing import Annotated, Any

import msgspec
from anyio import to_thread
from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from khoso.caller import Caller, Purview
from khoso.errors import NotPermitted
from khoso.http import answering, conditional
from khoso.rendering.print_form import print_form
from khoso.rendering.qr import qr_png, qr_svg
from khoso.vault.model import CredentialView, History, Page, Reader, StatusName
from khoso.vault.service import MAX_PAGE, Search, Vaults

_WORDS = "Words that must all occur, in any order, with or without diacritics; or a result code"

_SVG = "image/svg+xml"
_PNG = "image/png"

draw_svg = lru_cache(maxsize=1024)(qr_svg)
draw_png = lru_cache(maxsize=256)(qr_png)
draw_print_form = lru_cache(maxsize=64)(print_form)


def provide_reader(caller: NamedDependency[Caller], purview: NamedDependency[Purview]) -> Reader:
    """A token may open its own vault, what is in its purview, or both, as its scopes say."""
    vault_id = caller.vault_id if caller.may("vault:read") else None
    if vault_id is None and not purview.pairs:
        raise NotPermitted("vault:read or credentials:read")
    return Reader(vault_id, purview)


_READ = {"scope": ("vault:read", "credentials:read")}


@get(
    "/api/v1/vault/results", opt={"scope": "vault:read"}, tags=["vault"], summary="List the results in one's own vault"
)
async def list_vault_results(
    caller: NamedDependency[Caller],
    vaults: NamedDependency[Vaults],
    q: Annotated[str, QueryParameter(description=_WORDS, max_length=200)] = "",
    type_code: FromQuery[str | None] = None,
    status: FromQuery[StatusName | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE)] = 20,
) -> Page:
    if caller.vault_id is None:
        raise NotPermitted("the token names no vault")
    search = Search(query=q, type_code=type_code, status=status, cursor=cursor, limit=limit)
    return await vaults.list_results(caller.vault_id, search)


@get(
    "/api/v1/credentials/{result_code:str}",
    opt=_READ,
    tags=["vault"],
    summary="A whole result with its signed copy",
    responses=answering(CredentialView),
)
async def show_credential(
    request: Request[Any, Any, Any],
    result_code: FromPath[str],
    reader: NamedDependency[Reader],
    vaults: NamedDependency[Vaults],
) -> Response[bytes]:
    found: CredentialView = await vaults.get_result(result_code, reader)
    return conditional(request, msgspec.json.encode(found), MediaType.JSON)


@get(
    "/api/v1/credentials/{result_code:str}/acts",
    opt=_READ,
    tags=["vault"],
    summary="What was decided about a result since: its status history",
)
async def list_acts(
    result_code: FromPath[str], reader: NamedDependency[Reader], vaults: NamedDependency[Vaults]
) -> History:
    return await vaults.get_history(result_code, reader)


@get(
    "/api/v1/credentials/{result_code:str}/qr.svg",
    opt=_READ,
    tags=["vault"],
    summary="The QR code as SVG",
    responses=answering(bytes, _SVG),
)
async def show_qr_svg(
    request: Request[Any, Any, Any],
    result_code: FromPath[str],
    reader: NamedDependency[Reader],
    vaults: NamedDependency[Vaults],
) -> Response[bytes]:
    code = await vaults.get_code(result_code, reader)
    return conditional(request, draw_svg(code), _SVG)


@get(
    "/api/v1/credentials/{result_code:str}/qr.png",
    opt=_READ,
    tags=["vault"],
    summary="The QR code as PNG",
    responses=answering(bytes, _PNG),
)
async def show_qr_png(
    request: Request[Any, Any, Any],
    result_code: FromPath[str],
    reader: NamedDependency[Reader],
    vaults: NamedDependency[Vaults],
    module_px: Annotated[int, QueryParameter(description="Pixels per module", ge=1, le=24)] = 8,
) -> Response[bytes]:
    code = await vaults.get_code(result_code, reader)
    return conditional(request, draw_png(code, module_px=module_px), _PNG)


@get(
    "/api/v1/credentials/{result_code:str}/print.png",
    opt=_READ,
    tags=["vault"],
    summary="The QR code with the emblem",
    responses=answering(bytes, _PNG),
)
async def show_print_form(
    request: Request[Any, Any, Any],
    result_code: FromPath[str],
    reader: NamedDependency[Reader],
    vaults: NamedDependency[Vaults],
) -> Response[bytes]:
    code = await vaults.get_code(result_code, reader)
    form = await to_thread.run_sync(draw_print_form, code)  # 86 ms of drawing: not in the event loop
    return conditional(request, form.png, _PNG)


HANDLERS = [list_vault_results, show_credential, list_acts, show_qr_svg, show_qr_png, show_print_form]
