"""What publishing reads of the record, and what it writes: the newest publication of each list."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import msgspec

from khoso import db
from khoso.db import Connection
from khoso.publishing.model import (
    Change,
    Comparison,
    RecordHeads,
    Standing,
    StatusHead,
    StatusPublication,
    StatusSize,
    TypeHead,
    TypePublication,
)

CHANNEL = "khoso_publication"
_PUBLISHER = int.from_bytes(hashlib.sha256(b"khoso publish").digest()[:7])
_CHUNK = 5_000


async def take_turn(conn: Connection) -> bool:
    """Whether nobody else publishes until the end of this transaction."""
    taken: bool = await conn.fetchval("SELECT pg_try_advisory_xact_lock($1)", _PUBLISHER)
    return taken


async def wait_for_turn(conn: Connection) -> None:
    """Let nobody else publish until the end of this transaction."""
    await conn.execute("SELECT pg_advisory_xact_lock($1)", _PUBLISHER)


async def announce(conn: Connection) -> None:
    """Hint to every web worker that something was published; polling is the promise."""
    await conn.execute("SELECT pg_notify($1, '')", CHANNEL)


async def list_standings(conn: Connection) -> list[Standing]:
    """All lists that are recorded or published, by number."""
    return await db.fetch_all(
        conn,
        Standing,
        """
        SELECT list_id, listed.version, listed.taken AS recorded, published.version AS published_version,
               published.recorded AS published_recorded, published.issued_at
          FROM status_list AS listed
          FULL JOIN status_publication AS published USING (list_id)
         ORDER BY list_id
        """,
    )


async def get_standing(conn: Connection, list_id: int) -> Standing:
    """One list that is recorded or published, as it is now."""
    standing = await db.fetch_one(
        conn,
        Standing,
        """
        SELECT asked.list_id, listed.version, listed.taken AS recorded, published.version AS published_version,
               published.recorded AS published_recorded, published.issued_at
          FROM (SELECT $1::integer AS list_id) AS asked
          LEFT JOIN status_list AS listed USING (list_id)
          LEFT JOIN status_publication AS published USING (list_id)
        """,
        list_id,
    )
    assert standing is not None  # a row for whatever is asked
    return standing


async def list_changes(conn: Connection, list_id: int, after: int, until: int) -> AsyncIterator[list[Change]]:
    """The entries of a list whose newest change lies after one version and not after another, in pieces.

    A list's versions are committed in order. What changed again since `until` comes with that later version.
    """
    cursor = await conn.cursor(
        """
        SELECT status_index, status, vault_id, credential_id
          FROM status_entry
         WHERE list_id = $1 AND list_version > $2 AND list_version <= $3
        """,
        list_id,
        after,
        until,
    )
    while rows := await cursor.fetch(_CHUNK):
        yield list(map(Change._make, rows))


class _NewestAct(msgspec.Struct, frozen=True):
    credential_id: UUID
    act: str


async def list_newest_acts(conn: Connection, changes: Sequence[Change]) -> dict[UUID, str]:
    """The newest act on each of these credentials; nothing for one on which there was none."""
    rows = await db.fetch_all(
        conn,
        _NewestAct,
        """
        SELECT DISTINCT ON (acted.vault_id, acted.credential_id) acted.credential_id, acted.act
          FROM status_act AS acted
          JOIN unnest($1::uuid[], $2::uuid[]) AS asked (vault_id, credential_id) USING (vault_id, credential_id)
         ORDER BY acted.vault_id, acted.credential_id, acted.acted_at DESC, acted.act_id DESC
        """,
        [change.vault_id for change in changes],
        [change.credential_id for change in changes],
    )
    return {row.credential_id: row.act for row in rows}


async def compare(conn: Connection, list_id: int, version: int, packed: bytes) -> Comparison:
    """A published list, as its packed array, beside the whole record of it."""
    comparison = await db.fetch_one(
        conn,
        Comparison,
        """
        SELECT count(*) AS recorded,
               count(*) FILTER (WHERE published = 0) AS covered,
               count(*) FILTER (WHERE published <> status AND list_version <= $2) AS differing
          FROM (SELECT status, list_version,
                       get_byte($3, status_index / 4) >> status_index % 4 * 2 & 3 AS published
                  FROM status_entry
                 WHERE list_id = $1) AS entry
        """,
        list_id,
        version,
        packed,
    )
    assert comparison is not None  # counting always answers
    return comparison


async def get_record_heads(conn: Connection) -> RecordHeads:
    """How far the record is."""
    trust = await conn.fetchval("SELECT coalesce(max(version), 0) FROM trust_list")
    types = await conn.fetchval("SELECT version FROM catalogue_version")
    statuses = await conn.fetch("SELECT list_id, version FROM status_list")
    return RecordHeads(trust, types, {row["list_id"]: row["version"] for row in statuses})


async def list_heads(conn: Connection) -> list[StatusHead]:
    """Which publication of each list is the newest, by number."""
    return await db.fetch_all(
        conn, StatusHead, "SELECT list_id, version, issued_at FROM status_publication ORDER BY list_id"
    )


async def list_sizes(conn: Connection) -> list[StatusSize]:
    """What is published of each list, by number, without its content."""
    return await db.fetch_all(
        conn,
        StatusSize,
        """
        SELECT list_id, version, issued_at, expires_at, octet_length(cwt) AS cwt_bytes
          FROM status_publication
         ORDER BY list_id
        """,
    )


async def find_status(conn: Connection, list_id: int) -> StatusPublication | None:
    return await db.fetch_one(
        conn,
        StatusPublication,
        """
        SELECT list_id, version, recorded, issued_at, expires_at, cwt, jwt
          FROM status_publication
         WHERE list_id = $1
        """,
        list_id,
    )


async def get_status(conn: Connection, list_id: int) -> StatusPublication:
    """The newest publication of a list that has one: none ever vanishes."""
    publication = await find_status(conn, list_id)
    assert publication is not None
    return publication


async def replace_status(conn: Connection, new: StatusPublication) -> bool:
    """Publish a list; False, and nothing done, if what is published is newer in any respect."""
    replaced = await conn.fetchval(
        """
        INSERT INTO status_publication AS standing (list_id, version, recorded, issued_at, expires_at, cwt, jwt)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (list_id) DO UPDATE
           SET version = excluded.version, recorded = excluded.recorded, issued_at = excluded.issued_at,
               expires_at = excluded.expires_at, cwt = excluded.cwt, jwt = excluded.jwt
         WHERE standing.version <= excluded.version AND standing.issued_at <= excluded.issued_at
           AND standing.recorded <= excluded.recorded
        RETURNING true
        """,
        *msgspec.structs.astuple(new),
    )
    return replaced is True


async def find_types(conn: Connection) -> TypePublication | None:
    return await db.fetch_one(conn, TypePublication, "SELECT version, issued_at, cwt FROM type_publication")


async def find_types_head(conn: Connection) -> TypeHead | None:
    return await db.fetch_one(conn, TypeHead, "SELECT version, issued_at FROM type_publication")


async def get_types(conn: Connection) -> TypePublication:
    """The newest publication of the type list, if there is one: it never vanishes."""
    publication = await find_types(conn)
    assert publication is not None
    return publication


async def replace_types(conn: Connection, new: TypePublication) -> bool:
    """Publish the type list; False, and nothing done, if what is published is newer."""
    replaced = await conn.fetchval(
        """
        INSERT INTO type_publication AS standing (singleton, version, issued_at, cwt)
        VALUES (true, $1, $2, $3)
            ON CONFLICT (singleton) DO UPDATE
           SET version = excluded.version, issued_at = excluded.issued_at, cwt = excluded.cwt
         WHERE standing.version <= excluded.version AND standing.issued_at <= excluded.issued_at
        RETURNING true
        """,
        *msgspec.structs.astuple(new),
    )
    return replaced is True
