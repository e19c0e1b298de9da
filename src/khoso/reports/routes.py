"""Reports over HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.status_codes import HTTP_204_NO_CONTENT

from khoso.caller import Caller
from khoso.reports.model import MAX_PHOTO_BYTES, ReportList, ReportRequest
from khoso.reports.service import Reports

MAX_BODY = MAX_PHOTO_BYTES * 4 // 3 + 16_384
"""A photo in base64, and what is said of it."""

_READ = {"scope": "monitoring:read"}
_PRIVATE = {"cache-control": "private, no-store", "vary": "authorization"}


@post(
    "/api/v1/reports",
    opt={"scope": "inspect"},
    status_code=HTTP_204_NO_CONTENT,
    request_max_body_size=MAX_BODY,
    tags=["reports"],
    summary="Report a paper that does not match what the inspector sees",
    description="With a photo or without; sent again under one `report_id` it is kept once. A photo is drawn anew: the "
    "place, time and device that a phone writes into it are not kept.",
)
async def report(
    data: JSONBody[ReportRequest], caller: NamedDependency[Caller], reports: NamedDependency[Reports]
) -> None:
    await reports.receive(data, caller.subject, caller.acting_agency)


@get(
    "/api/v1/reports",
    opt=_READ,
    tags=["reports"],
    summary="Reports by inspectors of the token's agency, and about its papers",
)
async def list_reports(
    caller: NamedDependency[Caller],
    reports: NamedDependency[Reports],
    before: Annotated[datetime | None, QueryParameter(description="Only those that are older")] = None,
) -> Response[ReportList]:
    return Response(await reports.list_reports(caller.acting_agency, before), headers=_PRIVATE)


@get("/api/v1/reports/{report_id:uuid}/photo", opt=_READ, tags=["reports"], summary="The photo of a report, as JPEG")
async def show_photo(
    report_id: FromPath[UUID], caller: NamedDependency[Caller], reports: NamedDependency[Reports]
) -> Response[bytes]:
    photo = await reports.get_photo(report_id, caller.acting_agency)
    headers = {**_PRIVATE, "content-disposition": "attachment", "x-content-type-options": "nosniff"}
    return Response(photo, media_type="image/jpeg", headers=headers)


HANDLERS = [report, list_reports, show_photo]
