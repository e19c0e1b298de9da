"""The rows of the audit, the heads of its chains, and checkpoints. The connection comes first.

Each row is tied by hash to the one before it, so only one transaction at a time can append to a chain; several chains
let several transactions append. In every transaction the audit comes last: whoever holds a chain waits for no lock that
somebody who waits for a chain may hold, so no two wait for each other.
"""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

import asyncpg
import msgspec

from khoso import db
from khoso.db import Connection
from khoso.errors import Unavailable
from khoso.formats import audit_chain
from khoso.formats.audit_chain import Head

_PAGE = 10_000
"""Rows read at a time."""


class Entry(NamedTuple):
    """Who did what to which thing."""

    actor: str
    act: str
    subject: str


class _Head(msgspec.Struct, frozen=True):
    chain: int
    length: int
    hash: bytes


async def append(conn: Connection, entries: Sequence[Entry], now: datetime) -> None:
    """Write entries into the audit in the caller's transaction; the chain taken stays locked until the commit.

    Raises Unavailable if they cannot be written: nothing is done that is not audited.
    """
    if not entries:
        return
    try:
        head = await _take_chain(conn)
        await _insert(conn, head, entries, _links(head, entries, now), now)
    except asyncpg.InsufficientPrivilegeError as error:
        raise Unavailable("the audit cannot be written: khoso_app lacks the right") from error


_FREE_CHAIN: LiteralString = "SELECT chain, length, hash FROM audit_head ORDER BY chain LIMIT 1 FOR UPDATE"


async def _take_chain(conn: Connection) -> _Head:
    """The first chain that nobody holds; if all are held, the first as soon as it is free."""
    head = await db.fetch_one(conn, _Head, _FREE_CHAIN + " SKIP LOCKED")
    if head is None:
        head = await db.fetch_one(conn, _Head, _FREE_CHAIN)
    assert head is not None  # the migration made them, and nobody may delete one
    return head


def _links(head: _Head, entries: Sequence[Entry], now: datetime) -> list[bytes]:
    last, at, hashes = head.hash, audit_chain.microseconds(now), []
    for sequence, entry in enumerate(entries, head.length + 1):
        last = audit_chain.link(last, head.chain, sequence, at, *entry)
        hashes.append(last)
    return hashes


async def _insert(
    conn: Connection, head: _Head, entries: Sequence[Entry], hashes: Sequence[bytes], now: datetime
) -> None:
    """The rows and the new head, in one round trip."""
    actors, acts, subjects = zip(*entries, strict=True)
    await conn.execute(
        """
        WITH moved AS (UPDATE audit_head SET length = $2::bigint + cardinality($7::bytea[]), hash = $8 WHERE chain = $1)
        INSERT INTO audit (chain, sequence, at, actor, act, subject, hash)
        SELECT $1, $2::bigint + number, $3, actor, act, subject, hash
          FROM unnest($4::text[], $5::text[], $6::text[], $7::bytea[])
               WITH ORDINALITY AS entry (actor, act, subject, hash, number)
        """,
        head.chain,
        head.length,
        now,
        actors,
        acts,
        subjects,
        hashes,
        hashes[-1],
    )


class ListedRow(msgspec.Struct, frozen=True):
    """A row as an operator reads it."""

    chain: int
    sequence: int
    at: datetime
    actor: str
    act: str
    subject: str


async def list_newest(
    conn: Connection, limit: int, actor: str | None, act: str | None, subject: str | None
) -> list[ListedRow]:
    """The newest rows that fit, newest first; each chain is read from its end, so no index is needed."""
    return await db.fetch_all(
        conn,
        ListedRow,
        """
        SELECT row.chain, row.sequence, row.at, row.actor, row.act, row.subject
          FROM audit_head
         CROSS JOIN LATERAL (SELECT chain, sequence, at, actor, act, subject
                               FROM audit
                              WHERE chain = audit_head.chain
                                AND actor = coalesce($2, actor)
                                AND act = coalesce($3, act)
                                AND subject = coalesce($4, subject)
                              ORDER BY sequence DESC
                              LIMIT $1) AS row
         ORDER BY row.at DESC, row.chain, row.sequence DESC
         LIMIT $1
        """,
        limit,
        actor,
        act,
        subject,
    )


async def list_heads(conn: Connection) -> list[Head]:
    """All heads, by chain."""
    rows = await db.fetch_all(conn, _Head, "SELECT chain, length, hash FROM audit_head ORDER BY chain")
    return [Head(row.chain, row.length, row.hash) for row in rows]


async def list_ends(conn: Connection, heads: Sequence[Head]) -> set[Head]:
    """The rows that lie where these heads point to, as heads; of a head of length 0 none."""
    rows = await db.fetch_all(
        conn,
        _Head,
        """
        SELECT chain, sequence AS length, hash
          FROM audit
          JOIN unnest($1::integer[], $2::bigint[]) AS asked (chain, sequence) USING (chain, sequence)
        """,
        [head.chain for head in heads],
        [head.length for head in heads],
    )
    return {Head(row.chain, row.length, row.hash) for row in rows}


class _Chain(msgspec.Struct, frozen=True):
    chain: int


async def list_chains(conn: Connection) -> list[int]:
    """The chains that rows say they belong to, whether they have a head or not."""
    rows = await db.fetch_all(
        conn,
        _Chain,
        """
        WITH RECURSIVE found (chain) AS (
            SELECT min(chain) FROM audit
             UNION ALL
            SELECT (SELECT min(chain) FROM audit WHERE chain > found.chain) FROM found WHERE chain IS NOT NULL
        )
        SELECT chain FROM found WHERE chain IS NOT NULL ORDER BY chain
        """,
    )
    return [row.chain for row in rows]


class Row(NamedTuple):
    """A row as it was found; of what somebody may have written there, only the sequence is sure to be of its type."""

    sequence: int
    hash: Any
    at: Any
    """Microseconds since 1970; None for a time that no program can have written."""
    actor: Any
    act: Any
    subject: Any


async def read_chain(conn: Connection, chain: int, after: int = -1 << 63) -> AsyncGenerator[list[Row], None]:
    """The rows of a chain in order, in pages; inside a transaction. A bounded number is in memory at a time."""
    cursor = await conn.cursor(
        """
        SELECT sequence, hash,
               CASE WHEN at BETWEEN '0001-01-01 00:00+00' AND '9999-12-31 23:59:59.999999+00'
                    THEN (extract(epoch FROM at) * 1000000)::bigint END,
               actor, act, subject
          FROM audit
         WHERE chain = $1 AND sequence > $2
         ORDER BY sequence
        """,
        chain,
        after,
    )
    while page := await cursor.fetch(_PAGE):
        yield [Row(*record) for record in page]


class StoredCheckpoint(msgspec.Struct, frozen=True):
    """A checkpoint as it stands in the table."""

    number: int
    signed: str


async def find_last_checkpoint(conn: Connection) -> StoredCheckpoint | None:
    return await db.fetch_one(
        conn, StoredCheckpoint, "SELECT number, signed FROM audit_checkpoint ORDER BY number DESC LIMIT 1"
    )


async def read_checkpoints(conn: Connection) -> AsyncGenerator[list[StoredCheckpoint], None]:
    """All of them in order, in pages; inside a transaction."""
    cursor = await conn.cursor("SELECT number, signed FROM audit_checkpoint ORDER BY number")
    while page := await cursor.fetch(_PAGE):
        yield [StoredCheckpoint(*record) for record in page]


async def keep_checkpoint(conn: Connection, number: int, signed: str) -> str:
    """The checkpoint that is kept under a number: this one, or the one that was first."""
    kept: str = await conn.fetchval(
        """
        INSERT INTO audit_checkpoint (number, signed) VALUES ($1, $2)
            ON CONFLICT (number) DO NOTHING
        RETURNING signed
        """,
        number,
        signed,
    )
    return kept or await conn.fetchval("SELECT signed FROM audit_checkpoint WHERE number = $1", number)
