"""Reports over HTTP."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.status_codes import HTTP_204_NO_CONTENT

from khoso.caller import Caller
from khoso.http import answering
from khoso.reports.model import MAX_PHOTO_BYTES, Days, ReportPage, ReportRequest
from khoso.reports.service import MAX_PAGE, Reports

MAX_BODY = MAX_PHOTO_BYTES * 4 // 3 + 16_384
"""A photo in base64, and what is said of it."""

READ = {"scope": "monitoring:read"}
_PHOTO = "image/jpeg"
_NOTHING_BUT_A_PICTURE = {
    "content-disposition": "attachment",
    "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Whatever somebody may once have got past the drawing, a browser makes no page of it, and no other site shows it."""


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
    opt=READ,
    tags=["reports"],
    summary="Reports by inspectors of the token's agency, and about its papers, newest first",
)
async def list_reports(
    caller: NamedDependency[Caller],
    reports: NamedDependency[Reports],
    since: Annotated[date | None, QueryParameter(description="The first day, by Vietnam's calendar")] = None,
    until: Annotated[date | None, QueryParameter(description="The last day, not before the first")] = None,
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE)] = 20,
) -> ReportPage:
    return await reports.list_reports(caller.acting_agency, Days(since, until), cursor, limit)


@get(
    "/api/v1/reports/{report_id:uuid}/photo",
    opt=READ,
    tags=["reports"],
    summary="The photo of a report, as JPEG",
    responses=answering(bytes, _PHOTO),
)
async def show_photo(
    report_id: FromPath[UUID], caller: NamedDependency[Caller], reports: NamedDependency[Reports]
) -> Response[bytes]:
    photo = await reports.get_photo(report_id, caller.acting_agency)
    return Response(photo, media_type=_PHOTO, headers=_NOTHING_BUT_A_PICTURE)


HANDLERS = [report, list_reports, show_photo]
