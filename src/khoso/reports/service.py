"""Taking reports and showing them to the two agencies they concern: the inspector's own, and the paper's issuer."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeAlias, TypeVar
from uuid import UUID

import msgspec

from khoso import db
from khoso.bounds import of_agencies
from khoso.db import Connection, Pool
from khoso.errors import NotFound
from khoso.paging import Position, next_cursor, read_cursor
from khoso.reports import store
from khoso.reports.model import Days, Paper, Report, ReportPage, ReportRequest
from khoso.reports.photo import redraw

MAX_PAGE = 100

Found = TypeVar("Found")
Find: TypeAlias = Callable[[Connection, UUID, str], Awaitable[Found | None]]
"""Of the reports that an agency may see."""


class Reports:
    """Reports of one city."""

    def __init__(self, pool: Pool, prove: Callable[[str], Paper | None], now: Callable[[], datetime]) -> None:
        """`prove` says which paper a code proves; None for none."""
        self._pool = pool
        self._prove = prove
        self._now = now

    async def receive(self, asked: ReportRequest, reporter: str, agency_code: str) -> None:
        """Keep a report, once. Raises InvalidInput for a photo that is none."""
        photo = None if asked.photo is None else await asyncio.to_thread(redraw, asked.photo)
        paper = self._prove(asked.code)
        proven = {} if paper is None else msgspec.structs.asdict(paper)
        report = Report(
            report_id=asked.report_id,
            reported_at=self._now(),
            reporter=reporter,
            reporter_agency=agency_code,
            finding=asked.finding,
            note=asked.note,
            code=None if proven else asked.code,
            has_photo=photo is not None,
            **proven,
        )
        async with db.transaction(self._pool, of_agencies([agency_code])) as conn:
            if await store.insert_report(conn, report, photo):
                await store.trace(conn, report)

    async def list_reports(self, agency_code: str, days: Days, cursor: str | None, limit: int) -> ReportPage:
        """A page of what concerns an agency, newest first. Raises InvalidInput for a bad cursor."""
        before = read_cursor(cursor)
        async with db.transaction(self._pool, of_agencies([agency_code])) as conn:
            found = await store.list_reports(conn, agency_code, days, before, limit + 1)
        return ReportPage(found[:limit], next_cursor(found, limit, _position))

    async def get_report(self, report_id: UUID, agency_code: str) -> Report:
        """Raises NotFound for one that is not there, or does not concern the agency."""
        return await self._get(store.find_report, report_id, agency_code)

    async def get_photo(self, report_id: UUID, agency_code: str) -> bytes:
        """The photo of a report. Raises NotFound for one that is not there, or does not concern the agency."""
        return await self._get(store.find_photo, report_id, agency_code)

    async def _get(self, find: Find[Found], report_id: UUID, agency_code: str) -> Found:
        async with db.transaction(self._pool, of_agencies([agency_code])) as conn:
            found = await find(conn, report_id, agency_code)
        if found is None:
            raise NotFound(str(report_id))
        return found


def _position(report: Report) -> Position:
    return report.reported_at, report.report_id
