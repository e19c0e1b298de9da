"""Published lists over HTTP: for everybody, from any web page, through any cache (IETF Token Status List, 8 and 9)."""

from typing import Annotated, Any

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import FromPath, QueryParameter

from khoso.errors import NotFound
from khoso.formats import bundle, status_token, trust_list, type_list
from khoso.http import answering, choose, conditional
from khoso.problems import Problem
from khoso.publishing.published import Document, PublishedLists

_CWT, _JWT = status_token.PROFILE.media_type, status_token.JWT_MEDIA_TYPE
_PUBLIC = {"public": True}
_SIGNED = "COSE_Sign1: docs/credential.md"
_FROM_ANYWHERE = {"access-control-allow-origin": "*"}

Asked = Request[Any, Any, Any]


class StatusLists(msgspec.Struct, frozen=True):
    """The addresses of all status lists (IETF Token Status List, 9.3)."""

    status_lists: list[str]


@get(
    "/lists/trust",
    opt=_PUBLIC,
    tags=["lists"],
    summary="The trust list: whom to believe, signed by the city's root",
    responses=answering(bytes, trust_list.PROFILE.media_type),
    description=_SIGNED,
)
async def show_trust(request: Asked, published: NamedDependency[PublishedLists]) -> Response[bytes]:
    return _answer(request, published, published.get_trust())


@get(
    "/lists/types",
    opt=_PUBLIC,
    tags=["lists"],
    summary="The type list: what the fields of papers mean, signed by a publisher",
    responses=answering(bytes, type_list.PROFILE.media_type),
    description=_SIGNED,
)
async def show_types(request: Asked, published: NamedDependency[PublishedLists]) -> Response[bytes]:
    return _answer(request, published, published.get_types())


@get(
    "/lists/status",
    opt=_PUBLIC,
    tags=["lists"],
    summary="The aggregation: where all status lists are",
    responses={
        200: ResponseSpec(
            StatusLists,
            description="As JSON",
            generate_examples=False,
            examples=[Example(value={"status_lists": ["https://kho.example.vn/lists/status/0"]})],
        )
    },
)
async def list_status_lists(request: Asked, published: NamedDependency[PublishedLists]) -> Response[bytes]:
    body = msgspec.json.encode(StatusLists(published.list_addresses()))
    return _answer(request, published, Document(body, MediaType.JSON.value))


@get(
    "/lists/status/{list_id:int}",
    tags=["lists"],
    summary="A status list token, as CWT or, by the Accept header, as JWT",
    description="CWT, or JWT with the media type application/statuslist+jwt",
    responses={
        **answering(bytes, _CWT),
        406: ResponseSpec(Problem, description="Neither CWT nor JWT is accepted"),
        501: ResponseSpec(Problem, description="The past is not kept: leave out `time`"),
    },
    opt={**_PUBLIC, "also": (_JWT,)},
)
async def show_status_list(
    request: Asked,
    list_id: FromPath[int],
    published: NamedDependency[PublishedLists],
    time: Annotated[str | None, QueryParameter(description="Not supported: 501")] = None,
) -> Response[bytes]:
    if time is not None:
        raise HTTPException("Không lưu tình trạng quá khứ. | Only the present status list is kept.", status_code=501)
    document = published.get_status(list_id, as_jwt=_choose(request) == _JWT)
    return _answer(request, published, document, vary="accept")


@get(
    "/lists/honest/{digest:str}",
    opt=_PUBLIC,
    tags=["lists"],
    summary="The honest set with that SHA-256 in hexadecimal, as the trust list names it",
    responses=answering(bytes, "application/cbor"),
    description="Deterministic CBOR: docs/credential.md",
)
async def show_honest_set(
    request: Asked, digest: FromPath[str], published: NamedDependency[PublishedLists]
) -> Response[bytes]:
    try:
        named = bytes.fromhex(digest)
    except ValueError:
        raise NotFound("honest set") from None
    return _answer(request, published, published.get_honest_set(named))


@get(
    "/lists/bundle",
    opt=_PUBLIC,
    tags=["lists"],
    summary="Everything in one: all that is needed to verify the city's papers without a network",
    responses=answering(bytes, bundle.MEDIA_TYPE),
    description="Deterministic CBOR of signed documents: docs/credential.md",
)
async def show_bundle(request: Asked, published: NamedDependency[PublishedLists]) -> Response[bytes]:
    return _answer(request, published, published.get_bundle())


HANDLERS = [show_trust, show_types, list_status_lists, show_status_list, show_honest_set, show_bundle]


def _choose(request: Asked) -> str:
    """The media type to answer with; raises 406 if the caller takes neither."""
    chosen = choose(request, _CWT, _JWT)
    if chosen is None:
        raise HTTPException(f"Chỉ có {_CWT} và {_JWT}. | There are {_CWT} and {_JWT}.", status_code=406)
    return chosen


def _answer(request: Asked, published: PublishedLists, document: Document, vary: str | None = None) -> Response[bytes]:
    max_age = published.max_age(document)
    answer = conditional(request, document.body, document.media_type, f"public, max-age={max_age}")
    answer.headers.update(_FROM_ANYWHERE)
    if vary is not None:
        answer.headers["vary"] = vary
    return answer
