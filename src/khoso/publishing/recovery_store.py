"""What bringing the record beyond the published lists reads and writes. The connection comes first."""

from collections.abc import Sequence
from datetime import datetime

from khoso import db
from khoso.db import Connection
from khoso.formats.status_list import SIZE
from khoso.publishing.model import Difference


async def list_differences(conn: Connection, list_id: int, packed: bytes) -> list[Difference]:
    """The papers of a list whose record differs from a published list, as its packed array; in order of their codes."""
    return await db.fetch_all(
        conn,
        Difference,
        """
        SELECT result_code, type_code, agency_code, vault_id, credential_id, entry.status AS recorded, published
          FROM (SELECT vault_id, credential_id, status,
                       get_byte($2, status_index / 4) >> status_index % 4 * 2 & 3 AS published
                  FROM status_entry
                 WHERE list_id = $1) AS entry
          JOIN credential USING (vault_id, credential_id)
         WHERE entry.status <> published
         ORDER BY result_code COLLATE "C"
        """,
        list_id,
        packed,
    )


async def count_known(conn: Connection, list_id: int, packed: bytes) -> int:
    """How many papers are recorded of which a published list says that they were issued and not revoked."""
    known: int = await conn.fetchval(
        """
        SELECT count(*)
          FROM status_entry
         WHERE list_id = $1 AND get_byte($2, status_index / 4) >> status_index % 4 * 2 & 3 <> 1
        """,
        list_id,
        packed,
    )
    return known


async def close_open_lists(conn: Connection, now: datetime) -> list[int]:
    """Hand out no index any more of the lists that are open; answers their numbers."""
    rows = await conn.fetch(
        """
        UPDATE status_list SET closed_at = $1, version = version + 1
         WHERE taken < $2 AND closed_at IS NULL
        RETURNING list_id
        """,
        now,
        SIZE,
    )
    return [row["list_id"] for row in rows]


async def close_lists(
    conn: Connection, list_ids: Sequence[int], above: Sequence[int], seeds: Sequence[bytes], now: datetime
) -> None:
    """Close these lists, the absent ones too, and give each a version above one that was published.

    A list that was closed another time is another one to whoever remembers it, and is read anew.
    """
    await conn.execute(
        """
        INSERT INTO status_list AS standing (list_id, seed, taken, version, closed_at)
        SELECT list_id, seed, 0, above + 1, $4
          FROM unnest($1::integer[], $2::bigint[], $3::bytea[]) AS closed (list_id, above, seed)
            ON CONFLICT (list_id) DO UPDATE
           SET version = greatest(standing.version + 1, excluded.version), closed_at = excluded.closed_at
        """,
        list_ids,
        above,
        seeds,
        now,
    )
