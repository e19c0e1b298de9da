"""What orders keep of themselves. The connection comes first: the service owns the transaction."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec

from khoso import db
from khoso.caller import Purview
from khoso.db import Connection
from khoso.orders.model import Chosen, Fault, ListedFault, Order, OrderedResult, State

MAX_FAULTS = 10_000
"""Faults of one order that are listed."""

_MAX_CODE = 100
"""Characters kept of what a file gave for a result code."""

_TURN = int.from_bytes(hashlib.sha256(b"khoso status orders").digest()[:7])
"""Advisory lock: orders take effect in the order of their times, whoever carries them out."""

_SELECT: LiteralString = """
    SELECT order_id, agency_code, author, idempotency_key, request_hash, act, reason_code, decision_number,
           effective_at, due_at, results, type_codes, order_hash, needs_approval, state, ordered_at, approver,
           approved_at, cancelled_by, cancel_reason, ended_at, faults
      FROM status_order
"""


_IN_PURVIEW: LiteralString = """
     WHERE agency_code = ANY ($1::text[])
       AND type_codes <@ ARRAY (SELECT coalesce(covered.type_code, ordered.type_code)
                                  FROM unnest($1::text[], $2::text[]) AS covered (agency_code, type_code),
                                       unnest(type_codes) AS ordered (type_code)
                                 WHERE covered.agency_code = status_order.agency_code)
"""
"""What the columns of a purview cover, with all its types."""


async def insert_order(conn: Connection, order: Order) -> bool:
    """Record a new order; False if the author has used this idempotency key before."""
    made = await conn.fetchval(
        """
        INSERT INTO status_order (order_id, agency_code, author, idempotency_key, request_hash, act, reason_code,
                                  decision_number, effective_at, due_at, results, type_codes, order_hash,
                                  needs_approval, state, ordered_at, approver, approved_at, cancelled_by,
                                  cancel_reason, ended_at, faults)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
            ON CONFLICT (author, idempotency_key) DO NOTHING
        RETURNING true
        """,
        *msgspec.structs.astuple(order),
    )
    return made is not None


async def lock_key(conn: Connection, author: str, idempotency_key: str) -> None:
    """Until the end of the transaction no other request of that author with that key goes on.

    The seed keeps these locks apart from those of other kinds.
    """
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 9))", f"{author}\n{idempotency_key}")


async def find_order(conn: Connection, order_id: UUID) -> Order | None:
    return await db.fetch_one(conn, Order, _SELECT + "WHERE order_id = $1", order_id)


async def find_order_by_key(conn: Connection, author: str, idempotency_key: str) -> Order | None:
    return await db.fetch_one(
        conn, Order, _SELECT + "WHERE author = $1 AND idempotency_key = $2", author, idempotency_key
    )


async def list_orders(
    conn: Connection, purview: Purview, state: State | None, before: tuple[datetime, UUID], limit: int
) -> list[Order]:
    """The orders in a purview, each with all its types, newest first, older than `before`."""
    return await db.fetch_all(
        conn,
        Order,
        _SELECT
        + _IN_PURVIEW
        + """
           AND ($3::text IS NULL OR state = $3)
           AND (ordered_at, order_id) < ($4, $5)
         ORDER BY ordered_at DESC, order_id DESC
         LIMIT $6
        """,
        *purview.columns(),
        state,
        *before,
        limit,
    )


async def list_due(conn: Connection, now: datetime, limit: int) -> list[UUID]:
    """Orders whose time has come, the longest due first."""
    rows = await conn.fetch(
        "SELECT order_id FROM status_order WHERE state = 'scheduled' AND due_at <= $1 ORDER BY due_at LIMIT $2",
        now,
        limit,
    )
    return [row["order_id"] for row in rows]


async def list_agencies(conn: Connection, order_id: UUID) -> list[str]:
    """Whose an order is, and who issued its results: former bodies of that agency too."""
    rows = await conn.fetch(
        """
        SELECT agency_code FROM status_order WHERE order_id = $1
         UNION
        SELECT agency_code FROM status_order_result JOIN result_code USING (result_code) WHERE order_id = $1
        """,
        order_id,
    )
    return [row["agency_code"] for row in rows]


async def take_turn(conn: Connection) -> bool:
    """Be the one who carries out what is due, until the commit. False if another worker is."""
    taken: bool = await conn.fetchval("SELECT pg_try_advisory_xact_lock($1)", _TURN)
    return taken


async def claim_due(conn: Connection, order_id: UUID, now: datetime) -> Order | None:
    """The order, locked until the commit; None if it waits no more."""
    waiting = "WHERE order_id = $1 AND state = 'scheduled' AND due_at <= $2 FOR NO KEY UPDATE"
    return await db.fetch_one(conn, Order, _SELECT + waiting, order_id, now)


async def approve_order(conn: Connection, order_id: UUID, order_hash: bytes, approver: str, now: datetime) -> bool:
    """Approve exactly what this hash is of; the row is locked until the commit. False if it waits for no approval."""
    approved = await conn.fetchval(
        """
        UPDATE status_order SET state = 'scheduled', approver = $3, approved_at = $4
         WHERE order_id = $1 AND order_hash = $2 AND state = 'awaiting_approval'
        RETURNING true
        """,
        order_id,
        order_hash,
        approver,
        now,
    )
    return approved is not None


async def cancel_order(conn: Connection, order_id: UUID, cancelled_by: str, reason: str, now: datetime) -> bool:
    """Cancel an order; the row stays locked until the commit. False if it has ended."""
    cancelled = await conn.fetchval(
        """
        UPDATE status_order SET state = 'cancelled', cancelled_by = $2, cancel_reason = $3, ended_at = $4
         WHERE order_id = $1 AND ended_at IS NULL
        RETURNING true
        """,
        order_id,
        cancelled_by,
        reason,
        now,
    )
    return cancelled is not None


async def end_order(conn: Connection, order_id: UUID, state: State, faults: int, now: datetime) -> None:
    """What became of an order that this transaction holds."""
    await conn.execute(
        "UPDATE status_order SET state = $2, faults = faults + $3, ended_at = $4 WHERE order_id = $1",
        order_id,
        state,
        faults,
        now,
    )


async def insert_results(conn: Connection, order_id: UUID, chosen: Sequence[Chosen]) -> None:
    """The results of a new order, in the order of their codes."""
    await db.insert_rows(
        conn,
        """
        INSERT INTO status_order_result (position, result_code, vault_id, credential_id, superseded_by, successor_id,
                                         order_id)
        SELECT *, $7 FROM unnest($1::integer[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::uuid[])
        """,
        [(position, *one) for position, one in enumerate(chosen)],
        order_id,
    )


async def list_chosen(conn: Connection, order_id: UUID) -> list[Chosen]:
    """All results of an order, in the order of their codes."""
    rows = await conn.fetch(
        """
        SELECT result_code, vault_id, credential_id, superseded_by, successor_id
          FROM status_order_result
         WHERE order_id = $1
         ORDER BY position
        """,
        order_id,
    )
    return list(map(Chosen._make, rows))


async def list_results(conn: Connection, order_id: UUID, first: int, limit: int) -> list[OrderedResult]:
    """A page of an order's results."""
    return await db.fetch_all(
        conn,
        OrderedResult,
        """
        SELECT position, result_code, superseded_by
          FROM status_order_result
         WHERE order_id = $1 AND position >= $2
         ORDER BY position
         LIMIT $3
        """,
        order_id,
        first,
        limit,
    )


async def insert_faults(conn: Connection, order_id: UUID, faults: Sequence[Fault], first: int) -> None:
    """List faults, the first at that position, as far as they are listed."""
    await db.insert_rows(
        conn,
        """
        INSERT INTO status_order_fault (position, line_number, result_code, code, order_id)
        SELECT *, $5 FROM unnest($1::integer[], $2::integer[], $3::text[], $4::text[])
        """,
        [
            (position, fault.wanted.line_number, fault.wanted.result_code[:_MAX_CODE], fault.code)
            for position, fault in enumerate(faults, first)
            if position < MAX_FAULTS
        ],
        order_id,
    )


async def list_faults(conn: Connection, order_id: UUID, first: int, limit: int) -> list[ListedFault]:
    """A page of an order's faults."""
    return await db.fetch_all(
        conn,
        ListedFault,
        """
        SELECT position, line_number, result_code, code
          FROM status_order_fault
         WHERE order_id = $1 AND position >= $2
         ORDER BY position
         LIMIT $3
        """,
        order_id,
        first,
        limit,
    )
