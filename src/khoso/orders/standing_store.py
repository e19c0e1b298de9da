"""What orders read and change of the results themselves, a part of `PART` rows at a time.

Lock order, so that acts and issues cannot deadlock: the order; credentials by vault and id; status lists by number;
the audit.
Issuing locks no credential, and waits for a status list only if its number is above those that it holds.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from khoso import db
from khoso.caller import Purview
from khoso.db import Connection
from khoso.ids import draw_ids
from khoso.orders.model import Chosen, Order, Place, Query

PART = 10_000

Item = TypeVar("Item")

Key = tuple[UUID, UUID]
"""Vault and credential."""


class Standing(NamedTuple):
    """A credential as an act finds it, locked."""

    vault_id: UUID
    credential_id: UUID
    status: int
    status_since: datetime
    list_id: int
    status_index: int
    agency_code: str
    """Who issued it."""


def parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """`PART` of them at a time."""
    return (items[first : first + PART] for first in range(0, len(items), PART))


async def find_places(conn: Connection, purview: Purview, result_codes: Sequence[str]) -> dict[str, Place]:
    """Where those codes lead that are in the purview."""
    found: dict[str, Place] = {}
    for part in parts(result_codes):
        rows = await conn.fetch(
            """
            SELECT result_code, vault_id, credential_id, type_code
              FROM result_code
              JOIN unnest($3::text[]) AS asked (result_code) USING (result_code)
             WHERE EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS covered (agency_code, type_code)
                            WHERE covered.agency_code = result_code.agency_code
                              AND (covered.type_code IS NULL OR covered.type_code = result_code.type_code))
            """,
            *purview.columns(),
            part,
        )
        found |= {row["result_code"]: Place._make(row) for row in rows}
    return found


async def list_places(conn: Connection, purview: Purview, query: Query, limit: int) -> list[Place]:
    """What is in the purview and the query describes, its status left aside, in the order of the codes."""
    rows = await conn.fetch(
        """
        SELECT result_code, vault_id, credential_id, type_code
          FROM result_code
         WHERE agency_code = ANY ($1::text[])
           AND EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS covered (agency_code, type_code)
                        WHERE covered.agency_code = result_code.agency_code
                          AND (covered.type_code IS NULL OR covered.type_code = result_code.type_code))
           AND ($3::text IS NULL OR issued_by = $3 OR drafted_by = $3)
           AND ($4::text IS NULL OR type_code = $4)
           AND ($5::timestamptz IS NULL OR issued_at >= $5)
           AND ($6::timestamptz IS NULL OR issued_at < $6)
         LIMIT $7
        """,
        *purview.columns(),
        query.issued_by,
        query.type_code,
        query.issued_from,
        query.issued_until,
        limit,
    )
    return sorted(map(Place._make, rows))


async def list_statuses(conn: Connection, keys: Sequence[Key]) -> dict[UUID, int]:
    """The present status of each credential."""
    found: dict[UUID, int] = {}
    for part in parts(keys):
        rows = await conn.fetch(
            """
            SELECT credential_id, status
              FROM credential
              JOIN unnest($1::uuid[], $2::uuid[]) AS asked (vault_id, credential_id) USING (vault_id, credential_id)
            """,
            *_columns(part),
        )
        found |= {row["credential_id"]: row["status"] for row in rows}
    return found


async def lock_standings(conn: Connection, keys: Sequence[Key]) -> dict[UUID, Standing]:
    """The credentials, locked until the commit: acts on one follow one another. Keys in rising order."""
    found: dict[UUID, Standing] = {}
    for part in parts(keys):
        rows = await conn.fetch(
            """
            SELECT vault_id, credential_id, status, status_since, list_id, status_index, agency_code
              FROM credential
              JOIN unnest($1::uuid[], $2::uuid[]) AS asked (vault_id, credential_id) USING (vault_id, credential_id)
             ORDER BY vault_id, credential_id
               FOR NO KEY UPDATE OF credential
            """,
            *_columns(part),
        )
        found |= {row["credential_id"]: Standing._make(row) for row in rows}
    return found


async def change_statuses(conn: Connection, keys: Sequence[Key], status: int, now: datetime) -> None:
    """The status of locked credentials."""
    for part in parts(keys):
        await conn.execute(
            """
            UPDATE credential SET status = $3, status_since = $4
              FROM unnest($1::uuid[], $2::uuid[]) AS changed (vault_id, credential_id)
             WHERE credential.vault_id = changed.vault_id AND credential.credential_id = changed.credential_id
            """,
            *_columns(part),
            status,
            now,
        )


async def insert_acts(
    conn: Connection, order: Order, chosen: Sequence[Chosen], standings: Sequence[Standing], now: datetime
) -> None:
    """An act for each result, and an event to deliver; `standings` are those of the results, in their order."""
    decided = (
        *(order.act, order.reason_code, order.decision_number, order.author, order.approver),
        *(now, order.effective_at or now, order.order_id),
    )
    for part in parts(list(zip(chosen, standings, strict=True))):
        await db.insert_rows(
            conn,
            """
            INSERT INTO status_act (vault_id, act_id, credential_id, superseded_by, agency_code, act, reason_code,
                                    decision_number, actor, approver, acted_at, effective_at, order_id)
            SELECT *, $6, $7, $8, $9, $10, $11, $12, $13
              FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[])
            """,
            [
                (c.vault_id, act_id, c.credential_id, c.superseded_by, found.agency_code)
                for (c, found), act_id in zip(part, draw_ids(len(part)), strict=True)
            ],
            *decided,
        )
        await db.insert_rows(
            conn,
            """
            INSERT INTO outbox (event_id, vault_id, credential_id, kind, created_at)
            SELECT *, $4, $5 FROM unnest($1::uuid[], $2::uuid[], $3::uuid[])
            """,
            [
                (event_id, c.vault_id, c.credential_id)
                for (c, _), event_id in zip(part, draw_ids(len(part)), strict=True)
            ],
            order.act,
            now,
        )


async def raise_list_versions(conn: Connection, list_ids: Sequence[int]) -> dict[int, int]:
    """The versions under which changes of these lists become visible; the lists stay locked until the commit."""
    rows = await conn.fetch(
        """
        WITH held AS MATERIALIZED (
            SELECT list_id FROM status_list WHERE list_id = ANY ($1::integer[]) ORDER BY list_id FOR NO KEY UPDATE
        )
        UPDATE status_list SET version = version + 1
          FROM held
         WHERE status_list.list_id = held.list_id
        RETURNING status_list.list_id, version
        """,
        list_ids,
    )
    return {row["list_id"]: row["version"] for row in rows}


async def change_entries(
    conn: Connection, standings: Sequence[Standing], status: int, versions: Mapping[int, int]
) -> None:
    """From the commit on, these indexes read so."""
    for part in parts(standings):
        await conn.execute(
            """
            UPDATE status_entry SET status = $4, list_version = changed.version
              FROM unnest($1::integer[], $2::integer[], $3::bigint[]) AS changed (list_id, status_index, version)
             WHERE status_entry.list_id = changed.list_id AND status_entry.status_index = changed.status_index
            """,
            [one.list_id for one in part],
            [one.status_index for one in part],
            [versions[one.list_id] for one in part],
            status,
        )


async def announce(conn: Connection, list_ids: Sequence[int]) -> None:
    """Hint to every worker that these lists changed; polling is the promise."""
    await conn.execute(
        "SELECT pg_notify('khoso_status', list_id::text) FROM unnest($1::integer[]) AS list_id", list_ids
    )


def _columns(keys: Sequence[Key]) -> tuple[list[UUID], list[UUID]]:
    return [vault_id for vault_id, _ in keys], [credential_id for _, credential_id in keys]
