"""How many papers a subject issues in an hour, and who is held for issuing too many. The connection comes first."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec

from khoso import db
from khoso.db import Connection
from khoso.issuance.model import Hold, IssuingRule


class Share(msgspec.Struct, frozen=True):
    """How many papers of a transaction are whose."""

    subject: str
    agency_code: str
    papers: int


class Pace(msgspec.Struct, frozen=True):
    """A subject's hour, with the papers of this transaction."""

    subject: str
    agency_code: str
    papers: int
    cleared: int
    most: int
    """Of any other hour since the beginning of what is usual."""
    per_hour: int
    times_usual: int


async def count_papers(conn: Connection, shares: Sequence[Share], hour: datetime, since: datetime) -> list[Pace]:
    """Count papers for whoever is not held; whoever is held is left out. Subjects in rising order.

    The subjects stay locked until the commit, so that of those who are counted none can be held by others meanwhile.
    """
    return await db.fetch_all(
        conn,
        Pace,
        """
        WITH asked AS (
            SELECT subject, agency_code, papers
              FROM unnest($1::text[], $2::text[], $3::integer[]) AS share (subject, agency_code, papers)
        ), free AS (
            INSERT INTO issuing_subject AS standing (subject, held)
            SELECT subject, false FROM asked
                ON CONFLICT (subject) DO UPDATE SET held = false WHERE NOT standing.held
            RETURNING subject
        ), counted AS (
            INSERT INTO issuing_hour AS standing (subject, hour, papers, cleared)
            SELECT subject, $4, papers, 0 FROM asked JOIN free USING (subject)
                ON CONFLICT (subject, hour) DO UPDATE SET papers = standing.papers + excluded.papers
            RETURNING subject, papers, cleared
        )
        SELECT subject, agency_code, counted.papers, cleared, per_hour, times_usual,
               coalesce((SELECT max(past.papers) FROM issuing_hour AS past
                          WHERE past.subject = counted.subject AND past.hour >= $5 AND past.hour < $4), 0) AS most
          FROM counted
          JOIN asked USING (subject)
         CROSS JOIN LATERAL (SELECT per_hour, times_usual FROM issuing_rule
                              WHERE issuing_rule.agency_code IN (asked.agency_code, '')
                              ORDER BY issuing_rule.agency_code DESC LIMIT 1) AS rule
        """,
        [share.subject for share in shares],
        [share.agency_code for share in shares],
        [share.papers for share in shares],
        hour,
        since,
    )


async def forget_hours(conn: Connection, before: datetime) -> None:
    """Drop hours that are no part of what is usual any more."""
    await conn.execute("DELETE FROM issuing_hour WHERE hour < $1", before)


async def is_held(conn: Connection, subject: str) -> bool:
    held: bool = await conn.fetchval("SELECT EXISTS (SELECT FROM issuing_subject WHERE subject = $1 AND held)", subject)
    return held


async def list_held(conn: Connection, subjects: Sequence[str]) -> set[str]:
    """Those of the subjects who are held."""
    rows = await conn.fetch("SELECT subject FROM issuing_subject WHERE subject = ANY ($1::text[]) AND held", subjects)
    return {row["subject"] for row in rows}


async def insert_hold(conn: Connection, hold: Hold, told: Sequence[tuple[UUID, str]]) -> None:
    """Hold a subject whose row is locked; `told` are events and whom they are for."""
    await conn.execute("UPDATE issuing_subject SET held = true WHERE subject = $1", hold.subject)
    await conn.execute(
        """
        INSERT INTO issuing_hold (hold_id, subject, agency_code, held_at, papers, allowed)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        hold.hold_id,
        hold.subject,
        hold.agency_code,
        hold.held_at,
        hold.papers,
        hold.allowed,
    )
    await conn.executemany(
        "INSERT INTO outbox (event_id, kind, hold_id, recipient, created_at) VALUES ($1, 'issuing_held', $2, $3, $4)",
        [(event_id, hold.hold_id, recipient, hold.held_at) for event_id, recipient in told],
    )


_SELECT: LiteralString = """
    SELECT hold_id, subject, agency_code, held_at, papers, allowed, released_by, release_reason, released_at
      FROM issuing_hold
"""


async def list_holds(
    conn: Connection, agency_codes: Sequence[str], subject: str, before: tuple[datetime, UUID], limit: int
) -> list[Hold]:
    """These agencies' holds, and the subject's own; newest first, older than `before`."""
    return await db.fetch_all(
        conn,
        Hold,
        _SELECT
        + """
         WHERE (agency_code = ANY ($1::text[]) OR subject = $2)
           AND (held_at, hold_id) < ($3, $4)
         ORDER BY held_at DESC, hold_id DESC
         LIMIT $5
        """,
        agency_codes,
        subject,
        *before,
        limit,
    )


async def find_hold(conn: Connection, hold_id: UUID) -> Hold | None:
    return await db.fetch_one(conn, Hold, _SELECT + "WHERE hold_id = $1", hold_id)


async def release_hold(conn: Connection, hold: Hold, released_by: str, reason: str, now: datetime) -> bool:
    """Release a hold; False if it was. What he issued in this hour so far is not counted against him any more."""
    released = await conn.fetchval(
        """
        WITH released AS (
            UPDATE issuing_hold SET released_by = $2, release_reason = $3, released_at = $4
             WHERE hold_id = $1 AND released_at IS NULL
            RETURNING subject
        ), cleared AS (
            UPDATE issuing_hour SET cleared = papers FROM released WHERE issuing_hour.subject = released.subject
        )
        UPDATE issuing_subject SET held = false FROM released WHERE issuing_subject.subject = released.subject
        RETURNING true
        """,
        hold.hold_id,
        released_by,
        reason,
        now,
    )
    return released is not None


async def list_rules(conn: Connection) -> list[IssuingRule]:
    """By agency; the rule of all that have none comes first."""
    return await db.fetch_all(
        conn, IssuingRule, "SELECT agency_code, per_hour, times_usual FROM issuing_rule ORDER BY agency_code"
    )


async def set_rule(conn: Connection, rule: IssuingRule) -> None:
    """What is too fast in an agency; '' for every agency that has no rule of its own."""
    await conn.execute(
        """
        INSERT INTO issuing_rule (agency_code, per_hour, times_usual) VALUES ($1, $2, $3)
            ON CONFLICT (agency_code) DO UPDATE SET per_hour = excluded.per_hour, times_usual = excluded.times_usual
        """,
        *msgspec.structs.astuple(rule),
    )
