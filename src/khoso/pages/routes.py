"""The pages over HTTP. Nothing that a paper says is ever in an address: codes come in fragments and in bodies."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody

from khoso.errors import KhosoError, NotFound, TooManyAttempts, Unavailable
from khoso.formats.documents import PublicKeys
from khoso.formats.verdict import Outcome
from khoso.http import IMMUTABLE, conditional
from khoso.openapi import describe
from khoso.pages.answers import HTML, for_one_reader
from khoso.pages.api_page import operations_by_tag
from khoso.pages.assets import find_asset
from khoso.pages.guide import guide_page
from khoso.pages.headers import ASSET_HEADERS, SCANNER_HEADERS, SECURITY_HEADERS
from khoso.pages.model import PaperToScan
from khoso.pages.scanner import manifest, scanner_page, service_worker
from khoso.pages.sheet import sheet_page
from khoso.pages.templates import encoded_roots, render, unanswered
from khoso.problems import STATUS
from khoso.verification.service import Verifier
from khoso.verification.wording import Wording, words

FRESH = "no-cache"

_PUBLIC = {"public": True}
_MISTYPED = frozenset({"lookup_form", "lookup_check"})
_MAX_FORM = 1_024
_NO_ROOTS: PublicKeys = {}


class LookupForm(msgspec.Struct, frozen=True):
    """What the form of the typed look-up sends."""

    lookup_code: str


@get("/", opt=_PUBLIC, include_in_schema=False)
async def home(
    request: Request[Any, Any, Any], papers_to_scan: NamedDependency[Sequence[PaperToScan]]
) -> Response[bytes]:
    """What this is, and where to go from here."""
    return _page(request, render("home.html", demo=bool(papers_to_scan)))


@get("/v", opt=_PUBLIC, include_in_schema=False)
async def verify_page(request: Request[Any, Any, Any], roots: NamedDependency[PublicKeys]) -> Response[bytes]:
    """The page behind every QR code. The server never sees which: the code is in the fragment."""
    return _page(request, _verify_page(scanning=True, roots=roots))


def on_unanswered(_: Request[Any, Any, Any], error: KhosoError) -> Response[bytes]:
    """The typed look-up could not be answered: said as what it is, neither genuine nor forged."""
    reason = "too_many_attempts" if isinstance(error, TooManyAttempts) else "service_away"
    return for_one_reader(_verify_page(wording=words(Outcome.CANNOT_TELL, reason)), STATUS[type(error)])


@post(
    "/v/lookup",
    opt=_PUBLIC,
    status_code=200,
    include_in_schema=False,
    request_max_body_size=_MAX_FORM,
    exception_handlers={TooManyAttempts: on_unanswered, Unavailable: on_unanswered},
)
async def look_up(data: URLEncodedBody[LookupForm], verifier: NamedDependency[Verifier]) -> Response[bytes]:
    """The verdict on a typed code, rendered here: it needs no script. A typing error is told at the form."""
    checked = await verifier.verify_lookup(data.lookup_code, None)
    if checked.verdict.reason in _MISTYPED:
        problem = words(checked.verdict.outcome, checked.verdict.reason)
        return for_one_reader(_verify_page(typed=data.lookup_code, problem=problem))
    return for_one_reader(_verify_page(found=verifier.view.present(checked, verifier.catalogue())))


@get("/docs/api", opt=_PUBLIC, include_in_schema=False)
async def api_page(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The API as people read it, from the same description that machines get at /openapi.json."""
    schema = msgspec.json.decode(describe(request.app))
    page = render("api.html", info=schema["info"], tags=operations_by_tag(schema))
    return _page(request, page)


@get("/demo/papers", opt=_PUBLIC, include_in_schema=False)
async def demo_papers(
    request: Request[Any, Any, Any], papers_to_scan: NamedDependency[Sequence[PaperToScan]]
) -> Response[bytes]:
    """The demonstration's papers, to print and to scan. Outside a demonstration there is no such page."""
    if not papers_to_scan:
        raise NotFound("demo papers")
    return _page(request, sheet_page(papers_to_scan))


@get("/demo/papers/guide", opt=_PUBLIC, include_in_schema=False)
async def demo_guide(
    request: Request[Any, Any, Any], papers_to_scan: NamedDependency[Sequence[PaperToScan]]
) -> Response[bytes]:
    """The same papers, each explained."""
    if not papers_to_scan:
        raise NotFound("demo papers")
    return _page(request, guide_page(papers_to_scan))


@get("/assets/{name:str}", opt=_PUBLIC, include_in_schema=False)
async def asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """A file of the pages. Its name holds its content's hash, so a browser may keep it for ever."""
    found = find_asset(name)
    if found is None:
        raise NotFound(name)
    return _with(ASSET_HEADERS, conditional(request, found.body, found.media_type, IMMUTABLE))


@get("/scan", opt=_PUBLIC, include_in_schema=False)
async def scan_page(request: Request[Any, Any, Any], roots: NamedDependency[PublicKeys]) -> Response[bytes]:
    """The inspector's scanner, which installs itself on the phone."""
    return _page(request, scanner_page(roots), SCANNER_HEADERS)


@get("/scan/manifest.webmanifest", opt=_PUBLIC, include_in_schema=False)
async def scan_manifest(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What a phone wants to know to install the scanner."""
    return conditional(request, manifest(), "application/manifest+json", FRESH)


@get("/scan-worker.js", opt=_PUBLIC, include_in_schema=False)
async def scan_worker(request: Request[Any, Any, Any], roots: NamedDependency[PublicKeys]) -> Response[bytes]:
    """The scanner's service worker, beside the page because its place says what it may serve."""
    return _with(ASSET_HEADERS, conditional(request, service_worker(roots), "text/javascript", FRESH))


page_handlers = [
    home,
    verify_page,
    look_up,
    api_page,
    demo_papers,
    demo_guide,
    asset,
    scan_page,
    scan_manifest,
    scan_worker,
]
"""Every page. They need `verifier`, `roots` and `papers_to_scan`, which is empty outside a demonstration."""


def _verify_page(
    *,
    scanning: bool = False,
    roots: PublicKeys = _NO_ROOTS,
    found: object = None,
    wording: Wording | None = None,
    typed: str = "",
    problem: Wording | None = None,
) -> bytes:
    return render(
        "verify.html",
        scanning=unanswered() if scanning else {},
        roots=encoded_roots(roots),
        found=found,
        wording=wording,
        typed=typed,
        problem=problem,
    )


def _page(
    request: Request[Any, Any, Any], page: bytes, headers: Mapping[str, str] = SECURITY_HEADERS
) -> Response[bytes]:
    return _with(headers, conditional(request, page, HTML, FRESH))


def _with(headers: Mapping[str, str], response: Response[bytes]) -> Response[bytes]:
    response.headers.update(headers)
    return response
