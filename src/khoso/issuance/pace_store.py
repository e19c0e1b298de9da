"""How many papers a subject issues in an hour, and who is held for issuing too many. The connection comes first."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec

from khoso import db
from khoso.db import Connection
from khoso.ids import draw_ids
from khoso.issuance.model import Hold, IssuingRule
from khoso.times import hour_of

Place = tuple[UUID, UUID]
"""The vault and the credential of a paper."""


class Share(msgspec.Struct, frozen=True):
    """How many papers of a transaction are whose."""

    subject: str
    agency_code: str
    papers: int


class Pace(msgspec.Struct, frozen=True):
    """A subject's hour, with the papers of this transaction."""

    subject: str
    papers: int
    """But for those that a second person has looked at."""
    least: int
    """So many are too many nowhere."""


class Allowance(msgspec.Struct, frozen=True):
    """What a subject may issue in an hour for an agency."""

    papers: int


async def get_allowance(conn: Connection, subject: str, agency_code: str, since: datetime, until: datetime) -> int:
    """How many papers in an hour are not too many, by the agency's rule and what was usual between those times."""
    allowance = await db.fetch_one(
        conn,
        Allowance,
        """
        SELECT least(greatest(per_hour,
                              times_usual * (SELECT max(papers)::bigint FROM issuing_hour
                                              WHERE subject = $1 AND hour >= $3 AND hour < $4)),
                     2147483647)::integer AS papers
          FROM issuing_rule
         WHERE agency_code IN ($2, '')
         ORDER BY agency_code DESC
         LIMIT 1
        """,
        subject,
        agency_code,
        since,
        until,
    )
    assert allowance is not None  # the migration wrote the rule of all, and nobody may delete it
    return allowance.papers


async def count_papers(conn: Connection, shares: Sequence[Share], papers: Sequence[Place], now: datetime) -> list[Pace]:
    """Count papers for whoever is not held; whoever is held is left out. Subjects in rising order.

    The subjects stay locked until the commit, so that of those who are counted none can be held by others meanwhile.
    The same statement writes the event of each paper: counting costs no round trip.
    """
    return await db.fetch_all(
        conn,
        Pace,
        """
        WITH asked AS (
            SELECT subject, papers FROM unnest($1::text[], $2::integer[]) AS share (subject, papers)
        ), told AS (
            INSERT INTO outbox (event_id, kind, vault_id, credential_id, created_at)
            SELECT event_id, 'issue', vault_id, credential_id, $4
              FROM unnest($5::uuid[], $6::uuid[], $7::uuid[]) AS paper (event_id, vault_id, credential_id)
        ), free AS (
            INSERT INTO issuing_subject AS standing (subject, held)
            SELECT subject, false FROM asked
                ON CONFLICT (subject) DO UPDATE SET held = false WHERE NOT standing.held
            RETURNING subject
        ), counted AS (
            INSERT INTO issuing_hour AS standing (subject, hour, papers, cleared)
            SELECT subject, $3, papers, 0 FROM asked JOIN free USING (subject)
                ON CONFLICT (subject, hour) DO UPDATE SET papers = standing.papers + excluded.papers
            RETURNING subject, papers, cleared
        )
        SELECT subject, papers - cleared AS papers, (SELECT min(per_hour) FROM issuing_rule) AS least FROM counted
        """,
        [share.subject for share in shares],
        [share.papers for share in shares],
        hour_of(now),
        now,
        draw_ids(len(papers)),
        [vault_id for vault_id, _ in papers],
        [credential_id for _, credential_id in papers],
    )


async def forget_hours(conn: Connection, before: datetime, limit: int) -> int:
    """Drop so many hours that are no part of what is usual any more; answers how many there were."""
    return await db.count_touched(
        conn,
        """
        DELETE FROM issuing_hour
         WHERE (subject, hour) IN (SELECT subject, hour FROM issuing_hour WHERE hour < $1 LIMIT $2)
        """,
        before,
        limit,
    )


async def is_held(conn: Connection, subject: str) -> bool:
    held: bool = await conn.fetchval("SELECT EXISTS (SELECT FROM issuing_subject WHERE subject = $1 AND held)", subject)
    return held


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
