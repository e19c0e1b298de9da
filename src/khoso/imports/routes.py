"""Bulk imports over HTTP."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, HeaderParameter, QueryParameter
from litestar.response import Stream
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED

from khoso.caller import Caller, Purview
from khoso.errors import InputProblem, InvalidInput
from khoso.http import LAST_POSITION
from khoso.imports.model import MAX_FILE_BYTES, FaultPage, FileFormat, Job, State, Upload
from khoso.imports.results import ResultFormat, result_file
from khoso.imports.service import MAX_PAGE, Imports
from khoso.imports.template import TemplateFormat, make_template
from khoso.inputs import check_idempotency_key
from khoso.problems import Problem

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORMATS: Mapping[str, FileFormat] = {
    "text/csv": "csv",
    _XLSX: "xlsx",
    "application/x-ndjson": "ndjson",
}
_MEDIA_TYPES: Mapping[FileFormat, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": _XLSX,
    "ndjson": "application/x-ndjson",
}
_ISSUE = {"scope": "credentials:issue"}


class ImportView(msgspec.Struct, frozen=True, kw_only=True):
    """How far an import has come."""

    import_id: UUID
    type_code: str
    state: State
    """`validating` and `issuing` are under way; `rejected`: nothing is issued; `finished`: what was right is issued;
    `cancelled`: by somebody, or with a fault that says why it could not go on; what was issued before stays issued"""
    rows_checked: int
    rows_total: int | None
    """Known once the whole file is read."""
    rows_invalid: int
    rows_issued: int
    created_at: datetime
    finished_at: datetime | None


@post(
    "/api/v1/imports",
    opt={**_ISSUE, "step_up": "issue", "body": tuple(_FORMATS)},
    status_code=HTTP_202_ACCEPTED,
    request_max_body_size=MAX_FILE_BYTES,
    response_headers=[ResponseHeader(name="Location", documentation_only=True, description="Where it is followed")],
    tags=["imports"],
    summary="Issue a file of results: CSV, XLSX or NDJSON of one result type",
)
async def start_import(
    request: Request[Any, Any, Any],
    type_code: FromQuery[str],
    caller: NamedDependency[Caller],
    purview: NamedDependency[Purview],
    imports: NamedDependency[Imports],
    idempotency_key: Annotated[
        str, HeaderParameter(name="Idempotency-Key", description="Once per file; the same key answers the same import")
    ],
    issue: Annotated[
        Literal["all", "valid"],
        QueryParameter(description="all: a wrong row rejects the file; valid: issue the good ones"),
    ] = "all",
) -> Response[ImportView]:
    file_format = _FORMATS.get(request.content_type[0])
    if file_format is None:
        raise InvalidInput(
            InputProblem(
                "Content-Type", "unknown_format", f"gửi tệp CSV, XLSX hoặc NDJSON | one of {', '.join(_FORMATS)}"
            )
        )
    upload = Upload(
        type_code=type_code,
        file_format=file_format,
        issue_valid=issue == "valid",
        idempotency_key=check_idempotency_key(idempotency_key),
    )
    purview.check_asked(caller.acting_agency, type_code)
    job = await imports.receive(upload, caller.acting_agency, caller.subject, request.stream())
    return Response(_view(job), headers={"location": f"/api/v1/imports/{job.import_id}"})


@get("/api/v1/imports/{import_id:uuid}", opt=_ISSUE, tags=["imports"], summary="How far an import has come")
async def show_import(
    import_id: FromPath[UUID], purview: NamedDependency[Purview], imports: NamedDependency[Imports]
) -> ImportView:
    job = await imports.get_import(import_id, purview)
    return _view(job)


@post(
    "/api/v1/imports/{import_id:uuid}/cancellation",
    opt=_ISSUE,
    status_code=HTTP_200_OK,
    responses={409: ResponseSpec(Problem, description="It has ended: there is nothing to cancel")},
    tags=["imports"],
    summary="Issue nothing more of a file",
    description="Results that were issued before stay issued, and their codes in the file of results: who wants them"
    " undone revokes them. The rows that are left are not issued, and the file is deleted. Again changes nothing.",
)
async def cancel_import(
    import_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    purview: NamedDependency[Purview],
    imports: NamedDependency[Imports],
) -> ImportView:
    return _view(await imports.cancel(import_id, purview, caller.subject))


@get(
    "/api/v1/imports/{import_id:uuid}/errors",
    opt=_ISSUE,
    tags=["imports"],
    summary="What is wrong with the file: row, column, and what to do",
)
async def list_import_errors(
    import_id: FromPath[UUID],
    purview: NamedDependency[Purview],
    imports: NamedDependency[Imports],
    cursor: Annotated[int, QueryParameter(ge=0, le=LAST_POSITION)] = 0,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE)] = 100,
) -> FaultPage:
    return await imports.list_faults(import_id, purview, cursor, limit)


@get(
    "/api/v1/imports/{import_id:uuid}/results",
    opt={**_ISSUE, "also": ("application/x-ndjson",)},
    media_type="text/csv",
    tags=["imports"],
    summary="The codes of every issued row as a file; while issuing, those so far",
)
async def show_import_results(
    import_id: FromPath[UUID],
    purview: NamedDependency[Purview],
    imports: NamedDependency[Imports],
    file_format: Annotated[ResultFormat, QueryParameter(name="format")] = "csv",
) -> Stream:
    job = await imports.get_import(import_id, purview)
    return Stream(
        result_file(imports.results(job), file_format),
        headers=_download(f"import-{import_id}", file_format),
    )


@get(
    "/api/v1/imports/template",
    opt={**_ISSUE, "also": ("text/csv",)},
    media_type=_XLSX,
    tags=["imports"],
    summary="An empty file with the columns of a result type",
)
async def show_import_template(
    type_code: FromQuery[str],
    caller: NamedDependency[Caller],
    purview: NamedDependency[Purview],
    imports: NamedDependency[Imports],
    file_format: Annotated[TemplateFormat, QueryParameter(name="format")] = "xlsx",
) -> Response[bytes]:
    purview.check_asked(caller.acting_agency, type_code)
    result_type = imports.result_type(type_code, caller.acting_agency)
    return Response(
        make_template(result_type, file_format),
        headers=_download(result_type.code, file_format),
    )


def _view(job: Job) -> ImportView:
    return ImportView(
        import_id=job.import_id,
        type_code=job.type_code,
        state=job.state,
        rows_checked=job.rows_checked,
        rows_total=job.rows_total,
        rows_invalid=job.rows_invalid,
        rows_issued=job.rows_issued,
        created_at=job.created_at,
        finished_at=job.finished_at,
    )


def _download(name: str, file_format: FileFormat) -> dict[str, str]:
    """The headers of a file. As a header its media type stands: the framework prefers the handler's, and adds to it."""
    return {
        "content-type": _MEDIA_TYPES[file_format],
        "content-disposition": f'attachment; filename="{name}.{file_format}"',
    }


HANDLERS = [
    start_import,
    show_import,
    cancel_import,
    list_import_errors,
    show_import_results,
    show_import_template,
]
