"""What drafts and delegations read and write. The connection comes first: the service owns the transaction.

Lock order: drafts by id; then whatever issuing locks.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec

from khoso import db
from khoso.caller import Purview
from khoso.db import Connection
from khoso.drafts.model import Delegation, Draft, State

_SELECT: LiteralString = """
    SELECT draft_id, agency_code, author, idempotency_key, request_hash, type_code, type_version, request, draft_hash,
           revision, state, drafted_at, revised_at, lapses_at, approver, on_behalf_of, result_code, ended_by,
           end_reason, ended_at
      FROM draft
"""


async def insert_draft(conn: Connection, draft: Draft) -> bool:
    """Record a new draft; False if the author has used this idempotency key before."""
    made = await conn.fetchval(
        """
        INSERT INTO draft (draft_id, agency_code, author, idempotency_key, request_hash, type_code, type_version,
                           request, draft_hash, revision, state, drafted_at, revised_at, lapses_at, approver,
                           on_behalf_of, result_code, ended_by, end_reason, ended_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
            ON CONFLICT (author, idempotency_key) DO NOTHING
        RETURNING true
        """,
        *msgspec.structs.astuple(draft),
    )
    return made is not None


async def find_draft(conn: Connection, draft_id: UUID) -> Draft | None:
    return await db.fetch_one(conn, Draft, _SELECT + "WHERE draft_id = $1", draft_id)


async def find_draft_by_key(conn: Connection, author: str, idempotency_key: str) -> Draft | None:
    return await db.fetch_one(
        conn, Draft, _SELECT + "WHERE author = $1 AND idempotency_key = $2", author, idempotency_key
    )


async def list_drafts(
    conn: Connection, purview: Purview, state: State | None, before: tuple[datetime, UUID], limit: int
) -> list[Draft]:
    """Drafts within the purview, newest first, older than `before`."""
    return await db.fetch_all(
        conn,
        Draft,
        _SELECT
        + """
         WHERE EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS reached (agency_code, type_code)
                        WHERE reached.agency_code = draft.agency_code
                          AND coalesce(reached.type_code, draft.type_code) = draft.type_code)
           AND ($3::text IS NULL OR state = $3)
           AND (drafted_at, draft_id) < ($4, $5)
         ORDER BY drafted_at DESC, draft_id DESC
         LIMIT $6
        """,
        *purview.columns(),
        state,
        *before,
        limit,
    )


async def list_agencies(conn: Connection, draft_ids: Sequence[UUID]) -> list[str]:
    """The agencies for which these drafts are, each once."""
    rows = await conn.fetch("SELECT DISTINCT agency_code FROM draft WHERE draft_id = ANY ($1::uuid[])", draft_ids)
    return [row["agency_code"] for row in rows]


async def lock_drafts(conn: Connection, draft_ids: Sequence[UUID]) -> dict[UUID, Draft]:
    """The drafts, locked until the commit, in the order of their ids."""
    drafts = await db.fetch_all(
        conn,
        Draft,
        _SELECT + "WHERE draft_id = ANY ($1::uuid[]) ORDER BY draft_id FOR NO KEY UPDATE",
        draft_ids,
    )
    return {draft.draft_id: draft for draft in drafts}


async def revise_draft(conn: Connection, draft: Draft) -> None:
    """What a draft says now; it is locked, and waits."""
    await conn.execute(
        """
        UPDATE draft
           SET type_version = $2, request = $3, draft_hash = $4, revision = $5, revised_at = $6, lapses_at = $7
         WHERE draft_id = $1 AND state = 'awaiting_approval'
        """,
        draft.draft_id,
        draft.type_version,
        draft.request,
        draft.draft_hash,
        draft.revision,
        draft.revised_at,
        draft.lapses_at,
    )


async def end_drafts(conn: Connection, drafts: Sequence[Draft]) -> int:
    """How drafts ended, each still saying what its hash is of; answers how many did."""
    ended = await conn.fetch(
        """
        UPDATE draft
           SET state = ended.state, approver = ended.approver, on_behalf_of = ended.on_behalf_of,
               result_code = ended.result_code, ended_by = ended.ended_by, end_reason = ended.end_reason,
               ended_at = ended.ended_at
          FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                      $9::timestamptz[])
               AS ended (draft_id, draft_hash, state, approver, on_behalf_of, result_code, ended_by, end_reason,
                         ended_at)
         WHERE draft.draft_id = ended.draft_id AND draft.draft_hash = ended.draft_hash
           AND draft.state = 'awaiting_approval'
        RETURNING true
        """,
        [draft.draft_id for draft in drafts],
        [draft.draft_hash for draft in drafts],
        [draft.state for draft in drafts],
        [draft.approver for draft in drafts],
        [draft.on_behalf_of for draft in drafts],
        [draft.result_code for draft in drafts],
        [draft.ended_by for draft in drafts],
        [draft.end_reason for draft in drafts],
        [draft.ended_at for draft in drafts],
    )
    return len(ended)


async def lapse_drafts(conn: Connection, now: datetime, limit: int) -> list[Draft]:
    """End drafts that nobody approved in time; one that somebody is at work on is passed over."""
    return await db.fetch_all(
        conn,
        Draft,
        """
        UPDATE draft SET state = 'lapsed', ended_at = $1
         WHERE draft_id IN (SELECT draft_id FROM draft
                             WHERE state = 'awaiting_approval' AND lapses_at <= $1
                             ORDER BY lapses_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING draft_id, agency_code, author, idempotency_key, request_hash, type_code, type_version, request,
                  draft_hash, revision, state, drafted_at, revised_at, lapses_at, approver, on_behalf_of, result_code,
                  ended_by, end_reason, ended_at
        """,
        now,
        limit,
    )


async def forget_requests(conn: Connection, before: datetime, limit: int) -> int:
    """Forget what drafts asked for that ended before that, its hash, and why they were rejected: all tell of citizens.

    Answers of how many.
    """
    return await db.count_touched(
        conn,
        """
        UPDATE draft SET request = NULL, request_hash = NULL, end_reason = NULL
         WHERE draft_id IN (SELECT draft_id FROM draft WHERE request IS NOT NULL AND ended_at < $1
                             ORDER BY ended_at LIMIT $2)
        """,
        before,
        limit,
    )


_SELECT_DELEGATION: LiteralString = """
    SELECT delegation_id, agency_code, delegator, delegate, type_codes, made_at, valid_until, ended_by, ended_at
      FROM delegation
"""


async def insert_delegation(conn: Connection, delegation: Delegation) -> None:
    await conn.execute(
        """
        INSERT INTO delegation (delegation_id, agency_code, delegator, delegate, type_codes, made_at, valid_until,
                                ended_by, ended_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        *msgspec.structs.astuple(delegation),
    )


async def find_delegation(conn: Connection, delegation_id: UUID) -> Delegation | None:
    return await db.fetch_one(conn, Delegation, _SELECT_DELEGATION + "WHERE delegation_id = $1", delegation_id)


async def list_standing(conn: Connection, delegate: str, now: datetime) -> list[Delegation]:
    """What was delegated to somebody and has not ended; locked until the commit, so that none ends meanwhile."""
    return await db.fetch_all(
        conn,
        Delegation,
        _SELECT_DELEGATION
        + """
         WHERE delegate = $1 AND ended_at IS NULL AND made_at <= $2 AND valid_until > $2
         ORDER BY delegation_id
           FOR SHARE
        """,
        delegate,
        now,
    )


async def list_delegations(
    conn: Connection, agency_codes: Sequence[str], subject: str, before: tuple[datetime, UUID], limit: int
) -> list[Delegation]:
    """Delegations of these agencies, and those by or to the subject himself; newest first, older than `before`."""
    return await db.fetch_all(
        conn,
        Delegation,
        _SELECT_DELEGATION
        + """
         WHERE (agency_code = ANY ($1::text[]) OR delegator = $2 OR delegate = $2)
           AND (made_at, delegation_id) < ($3, $4)
         ORDER BY made_at DESC, delegation_id DESC
         LIMIT $5
        """,
        agency_codes,
        subject,
        *before,
        limit,
    )


async def end_delegation(conn: Connection, delegation_id: UUID, ended_by: str, now: datetime) -> bool:
    """End a delegation; False if it was ended before."""
    ended = await conn.fetchval(
        """
        UPDATE delegation SET ended_by = $2, ended_at = $3
         WHERE delegation_id = $1 AND ended_at IS NULL
        RETURNING true
        """,
        delegation_id,
        ended_by,
        now,
    )
    return ended is not None
