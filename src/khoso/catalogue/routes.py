"""The catalogue over HTTP: what a result means and who issued it is for everybody to read."""

from itertools import islice
from typing import Annotated, Any

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import BodyKwarg, FromPath, FromQuery, QueryParameter

from khoso.caller import Caller, Purview
from khoso.catalogue import definitions
from khoso.catalogue.model import Agency, CatalogueSnapshot
from khoso.catalogue.service import Catalogue
from khoso.catalogue.sizing import CodeSize
from khoso.errors import NotFound
from khoso.formats.result_type import Field, ResultType, Validity
from khoso.http import IMMUTABLE, answering, conditional

PUBLIC = "public, max-age=60"
MAX_PAGE = 200

_PUBLIC = {"public": True}
_EXAMPLE = ResultType(
    code="KQ.H17.000042",
    version=1,
    procedure_code="1.004888",
    name_vi="Giấy phép tập kết vật liệu trên vỉa hè",
    name_en="Pavement storage permit",
    subject_kind="premises",
    comparison_field="address",
    glance=("address", "area"),
    fields=(
        Field(number=1, name="address", kind="text", label_vi="Địa điểm", label_en="Place", max_length=80),
        Field(number=2, name="area", kind="decimal", label_vi="Diện tích", label_en="Area", scale=1, unit="m²"),
    ),
    validity=Validity(months=3),
)


class ResultTypeView(msgspec.Struct, frozen=True):
    """A result type in all its published versions."""

    code: str
    latest: int
    """The version that new results are issued under."""
    versions: list[ResultType]


class ResultTypeList(msgspec.Struct, frozen=True):
    """All result types, by code."""

    items: list[ResultTypeView]


class AgencyView(msgspec.Struct, frozen=True):
    """An agency, and who answers for it now if it is no more."""

    agency: Agency
    successor_codes: list[str]


class AgencyPage(msgspec.Struct, frozen=True):
    """A page of agencies by code; `next_cursor` asks for the following one."""

    items: list[AgencyView]
    next_cursor: str | None


class SizeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A draft and sample values. A field without one counts as long as the draft allows; null leaves it out."""

    definition: ResultType
    values: dict[str, Any] = {}


_DefinitionBody = Annotated[
    ResultType, BodyKwarg(examples=[Example(summary="A permit of two fields", value=msgspec.to_builtins(_EXAMPLE))])
]
_SizeBody = Annotated[
    SizeRequest,
    BodyKwarg(
        examples=[
            Example(
                summary="A draft with one sample value",
                value={"definition": msgspec.to_builtins(_EXAMPLE), "values": {"address": "91 Nguyễn Văn Linh"}},
            )
        ]
    ),
]


@get(
    "/api/v1/result-types",
    opt=_PUBLIC,
    tags=["catalogue"],
    summary="List the result types in all versions",
    responses=answering(ResultTypeList),
)
async def list_result_types(request: Request[Any, Any, Any], catalogue: NamedDependency[Catalogue]) -> Response[bytes]:
    snapshot = catalogue.snapshot
    views = ResultTypeList([_view(snapshot, code) for code in sorted(snapshot.latest)])
    return conditional(request, msgspec.json.encode(views), MediaType.JSON, PUBLIC)


@get(
    "/api/v1/result-types/{type_code:str}",
    opt=_PUBLIC,
    tags=["catalogue"],
    summary="A result type in all versions",
    responses=answering(ResultTypeView),
)
async def show_result_type(
    request: Request[Any, Any, Any], type_code: FromPath[str], catalogue: NamedDependency[Catalogue]
) -> Response[bytes]:
    view = _view(catalogue.snapshot, type_code)
    return conditional(request, msgspec.json.encode(view), MediaType.JSON, PUBLIC)


@get(
    "/api/v1/result-types/{type_code:str}/versions/{version:int}",
    opt=_PUBLIC,
    tags=["catalogue"],
    summary="One version of a result type; it never changes",
    responses=answering(ResultType),
)
async def show_result_type_version(
    request: Request[Any, Any, Any],
    type_code: FromPath[str],
    version: FromPath[int],
    catalogue: NamedDependency[Catalogue],
) -> Response[bytes]:
    definition = catalogue.snapshot.types.get((type_code, version))
    if definition is None:
        raise NotFound(f"{type_code} version {version}")
    return conditional(request, msgspec.json.encode(definition), MediaType.JSON, IMMUTABLE)


@get(
    "/api/v1/agencies",
    opt=_PUBLIC,
    tags=["catalogue"],
    summary="List the agencies, former ones too, by code",
    responses=answering(AgencyPage),
)
async def list_agencies(
    request: Request[Any, Any, Any],
    catalogue: NamedDependency[Catalogue],
    cursor: FromQuery[str] = "",
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE)] = 100,
) -> Response[bytes]:
    page = _page(catalogue.recorded, cursor, limit)
    return conditional(request, msgspec.json.encode(page), MediaType.JSON, PUBLIC)


@post(
    "/api/v1/result-types/size",
    opt=_PUBLIC,
    tags=["catalogue"],
    summary="How large the QR code of a draft would be",
    status_code=200,
)
async def measure_size(
    request: Request[Any, Any, Any], data: _SizeBody, catalogue: NamedDependency[Catalogue]
) -> CodeSize:
    definitions.refuse_unknown_keys((await request.json())["definition"], data.definition)
    return catalogue.measure(data.definition, data.values)


@post(
    "/api/v1/result-types",
    opt={"scope": "catalogue:write"},
    tags=["catalogue"],
    summary="Publish a version of a result type, for good",
    description="One that protects less than the version before is refused: no second person where there was one, more "
    "of a field in the code, or a field in the code that was not there. That takes a decision, and the command line.",
)
async def publish_result_type(
    request: Request[Any, Any, Any],
    data: _DefinitionBody,
    caller: NamedDependency[Caller],
    purview: NamedDependency[Purview],
    catalogue: NamedDependency[Catalogue],
) -> ResultTypeView:
    definitions.refuse_unknown_keys(await request.json(), data)
    purview.check_asked(data.agency_code, data.code)
    await catalogue.publish_type(data, caller.subject)
    return _view(catalogue.snapshot, data.code)


HANDLERS = [
    list_result_types,
    show_result_type,
    show_result_type_version,
    list_agencies,
    measure_size,
    publish_result_type,
]


def _view(snapshot: CatalogueSnapshot, code: str) -> ResultTypeView:
    latest = snapshot.latest.get(code)
    if latest is None:
        raise NotFound(code)
    versions = [snapshot.types[code, number] for number in range(1, latest.version + 1)]
    return ResultTypeView(code, latest.version, versions)


def _page(snapshot: CatalogueSnapshot, cursor: str, limit: int) -> AgencyPage:
    following = (code for code in sorted(snapshot.agencies) if code > cursor)
    codes = list(islice(following, limit + 1))
    items = [AgencyView(snapshot.agencies[code], list(snapshot.successors.get(code, ()))) for code in codes[:limit]]
    return AgencyPage(items, codes[limit - 1] if len(codes) > limit else None)
