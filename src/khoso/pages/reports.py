"""What inspectors report of papers that do not match, as the head of an agency reads it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.types import ExceptionHandlersMap

from khoso.caller import Caller
from khoso.catalogue.service import Catalogue
from khoso.errors import InvalidInput, KhosoError, NotAuthenticated, NotFound, NotPermitted, Unavailable
from khoso.pages.answers import for_one_reader, words_of
from khoso.pages.templates import render
from khoso.problems import STATUS
from khoso.reports.forgetting import FORGOTTEN_AFTER
from khoso.reports.model import Days, Finding, Report
from khoso.reports.routes import READ
from khoso.reports.service import Reports
from khoso.text import Words

PATH = "/reports"
PAGE = 20

_FINDINGS: Mapping[str, Words] = {
    Finding.DIFFERS: Words("Thực tế khác với giấy", "What is seen differs from the paper"),
    Finding.ALTERED: Words("Bản in khác với mã QR", "The print differs from the code"),
    Finding.FORGED: Words("Mã QR không thật", "The code is not genuine"),
    Finding.OTHER: Words("Không khớp vì lý do khác", "Does not match otherwise"),
}
_LOG_IN = Words("Hãy đăng nhập để đọc báo cáo của người kiểm tra.", "Log in to read what inspectors have reported.")
_CHOOSE = Words(
    "Báo cáo dành cho người theo dõi và người quản trị của cơ quan. Nếu đó là bạn, hãy chọn cơ quan ở trang Tài khoản.",
    "Reports are for those who monitor or administer an agency. If you do, choose that agency on the page Account.",
)
_NO_FIRST_DAY = Words("Từ ngày: cần một ngày như 2026-11-23.", "From: give a day such as 2026-11-23.")
_NO_LAST_DAY = Words("Đến hết ngày: cần một ngày như 2026-11-23.", "Until: give a day such as 2026-11-23.")
_LAST_BEFORE_FIRST = Words(
    "Đến hết ngày: không được trước ngày bắt đầu.", "Until: give a day that is not before the first."
)
_NO_SUCH_PAGE = Words(
    "Không có trang báo cáo này: hãy xem lại từ trang mới nhất.",
    "There is no such page of reports: begin with the newest.",
)


class _WronglyAsked(Exception):
    """What was asked for is not to be read. Raised where it is read, with what to tell: nothing is without words."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.en)
        self.words = words


class ReportView(msgspec.Struct, frozen=True, kw_only=True):
    """A report with the names of what it names."""

    report: Report
    finding: Words
    type: Words | None
    issuer: Words | None
    agency: Words
    """The agency of the inspector."""


def on_refused(_: Request[Any, Any, Any], error: KhosoError) -> Response[bytes]:
    """Why there is nothing to read, and what to do."""
    told = {NotAuthenticated: (_LOG_IN, "log in"), NotPermitted: (_CHOOSE, "choose")}
    return _refused(*told.get(type(error), (words_of(error), "again")), STATUS[type(error)])


def on_wrongly_asked(_: Request[Any, Any, Any], error: _WronglyAsked) -> Response[bytes]:
    """What was wrong with what was asked for, and what to do."""
    return _refused(error.words, "again", STATUS[InvalidInput])


_ERRORS: ExceptionHandlersMap = {
    **dict.fromkeys((NotAuthenticated, NotPermitted, NotFound, Unavailable), on_refused),
    _WronglyAsked: on_wrongly_asked,
}


@get(PATH, opt=READ, include_in_schema=False, exception_handlers=_ERRORS)
async def reports_page(
    caller: NamedDependency[Caller],
    reports: NamedDependency[Reports],
    catalogue: NamedDependency[Catalogue],
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
    cursor: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Reports by inspectors of the agency that one acts for, and about its papers, newest first."""
    with _telling(_NO_FIRST_DAY, ValueError):
        first = date.fromisoformat(since) if since else None
    with _telling(_NO_LAST_DAY, ValueError):
        last = date.fromisoformat(until) if until else None
    with _telling(_LAST_BEFORE_FIRST, InvalidInput):
        days = Days(first, last)
    with _telling(_NO_SUCH_PAGE, InvalidInput):
        found = await reports.list_reports(caller.acting_agency, days, cursor, PAGE)
    asked = {"since": since, "until": until}
    page = render(
        "reports.html",
        agency=catalogue.name_agency(caller.acting_agency),
        reports=[_view(catalogue, report) for report in found.items],
        asked=asked,
        newest=cursor and f"{PATH}?{urlencode(asked)}",
        older=found.next_cursor and f"{PATH}?{urlencode(asked | {'cursor': found.next_cursor})}",
    )
    return for_one_reader(page)


@get(f"{PATH}/{{report_id:uuid}}", opt=READ, include_in_schema=False, exception_handlers=_ERRORS)
async def report_page(
    report_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    reports: NamedDependency[Reports],
    catalogue: NamedDependency[Catalogue],
) -> Response[bytes]:
    """One report, with its photo."""
    report = await reports.get_report(report_id, caller.acting_agency)
    return for_one_reader(render("report.html", one=_view(catalogue, report), days=FORGOTTEN_AFTER.days))


HANDLERS = [reports_page, report_page]
"""They need `reports` and `catalogue`."""


@contextmanager
def _telling(words: Words, error: type[Exception]) -> Iterator[None]:
    try:
        yield
    except error:
        raise _WronglyAsked(words) from None


def _refused(words: Words, way: str, status: int) -> Response[bytes]:
    return for_one_reader(render("reports_refused.html", words=words, way=way), status)


def _view(catalogue: Catalogue, report: Report) -> ReportView:
    return ReportView(
        report=report,
        finding=_FINDINGS[report.finding],
        type=None if report.type_code is None else catalogue.name_type(report.type_code),
        issuer=None if report.issuer is None else catalogue.name_agency(report.issuer),
        agency=catalogue.name_agency(report.reporter_agency),
    )
