"""Reports in the database."""

from datetime import datetime
from uuid import UUID

from khoso import db
from khoso.auditing import store as auditing
from khoso.db import Connection
from khoso.paging import Position
from khoso.reports.model import Days, Report

_SELECT = """
        SELECT report_id, reported_at, reporter, reporter_agency, finding, note, result_code, type_code, issuer, code,
               photo IS NOT NULL AS has_photo
          FROM mismatch_report
"""


async def insert_report(conn: Connection, report: Report, photo: bytes | None) -> bool:
    """Keep a report; False if one of that id is there."""
    inserted = await conn.fetchval(
        """
        INSERT INTO mismatch_report (report_id, reported_at, reporter, reporter_agency, finding, note, result_code,
                                     type_code, issuer, code, photo)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            ON CONFLICT (report_id) DO NOTHING
        RETURNING 1
        """,
        report.report_id,
        report.reported_at,
        report.reporter,
        report.reporter_agency,
        report.finding,
        report.note,
        report.result_code,
        report.type_code,
        report.issuer,
        report.code,
        photo,
    )
    return inserted is not None


async def trace(conn: Connection, report: Report) -> None:
    """Write the report into the audit; the last thing in its transaction."""
    entry = auditing.Entry(report.reporter, "report_mismatch", str(report.report_id))
    await auditing.append(conn, [entry], report.reported_at)


async def list_reports(conn: Connection, agency_code: str, days: Days, before: Position, limit: int) -> list[Report]:
    """Those by inspectors of the agency, and those about its papers, newest first, older than `before`."""
    return await db.fetch_all(
        conn,
        Report,
        _SELECT
        + """
         WHERE (reporter_agency = $1 OR issuer = $1)
           AND reported_at >= coalesce($2::date::timestamp AT TIME ZONE INTERVAL '+07:00', '-infinity')
           AND reported_at < coalesce(($3::date + 1)::timestamp AT TIME ZONE INTERVAL '+07:00', 'infinity')
           AND (reported_at, report_id) < ($4, $5)
         ORDER BY reported_at DESC, report_id DESC
         LIMIT $6
        """,
        agency_code,
        days.since,
        days.until,
        *before,
        limit,
    )


async def find_report(conn: Connection, report_id: UUID, agency_code: str) -> Report | None:
    """A report that the agency may see."""
    return await db.fetch_one(
        conn,
        Report,
        _SELECT + "WHERE report_id = $1 AND (reporter_agency = $2 OR issuer = $2)",
        report_id,
        agency_code,
    )


async def forget_reports(conn: Connection, before: datetime, limit: int) -> int:
    """Forget photo, note and unproven code of so many reports that came before that; answers how many there were."""
    return await db.count_touched(
        conn,
        """
        UPDATE mismatch_report SET note = NULL, code = NULL, photo = NULL
         WHERE report_id IN (SELECT report_id FROM mismatch_report WHERE note IS NOT NULL AND reported_at < $1
                              ORDER BY reported_at LIMIT $2)
        """,
        before,
        limit,
    )


async def find_photo(conn: Connection, report_id: UUID, agency_code: str) -> bytes | None:
    """The photo of a report that the agency may see."""
    photo: bytes | None = await conn.fetchval(
        "SELECT photo FROM mismatch_report WHERE report_id = $1 AND (reporter_agency = $2 OR issuer = $2)",
        report_id,
        agency_code,
    )
    return photo
