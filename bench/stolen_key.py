"""How long it takes from the report of a stolen key to the list that verifiers judge by, and how large its set is.

    python -m bench.stolen_key [papers]

On a PostgreSQL of its own with fsync on and the root at hand. The papers are rows as issuing leaves them, written
directly: half as many again were signed by other keys of the same lists.
"""

import asyncio
import os
import secrets
import sys
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import asyncpg

from khoso import db
from khoso.config import Config
from khoso.formats.claims import StatusRef
from khoso.formats.status_list import SIZE
from khoso.formats.trust import KeyState
from khoso.issuance.indexes import index_at
from khoso.wiring import open_services, utc_now

from .town import AGENCY, town

PAPERS = 100_000


def main() -> None:
    papers = int(sys.argv[1]) if len(sys.argv) > 1 else PAPERS
    with town() as config:
        asyncio.run(_measure(config, papers))


async def _measure(config: Config, papers: int) -> None:
    async with open_services(config, verifying=False) as services:
        kid = services.catalogue.snapshot.active_keys[AGENCY]
        samples = await _write_papers(config, kid, papers)
        began = time.perf_counter()
        await services.custody.stop_key(kid, utc_now(), "bench")
        stopped = time.perf_counter()
        await services.custody.add_key(AGENCY, services.keys.make_agency_key(), "bench")
        saved = await services.custody.save_honest_papers(kid, "bench")
        published = time.perf_counter()
        trust = services.catalogue.snapshot.trust
        tracemalloc.start()
        await services.custody.save_honest_papers(kid, "bench")  # again, and the same: to see what it holds in memory
        peak_mb = tracemalloc.get_traced_memory()[1] / (1 << 20)
    key = trust.keys[kid]
    opened = trust.honest_sets[saved.digest]
    if key.state is not KeyState.COMPROMISED or len(opened) != papers or not all(opened.holds(*one) for one in samples):
        raise SystemExit("wrong")
    print(f"{papers} papers: stopped {stopped - began:.2f} s, set named in the list {published - began:.2f} s")
    print(f"set {len(saved.content)} bytes, {len(saved.content) / papers:.2f} a paper")
    print(f"at most {peak_mb:.0f} MB of memory for it")


_INSERT = """
    INSERT INTO status_entry (list_id, status_index, status, list_version, signed_hash, vault_id, credential_id, kid)
    SELECT * FROM unnest($1::integer[], $2::integer[], $3::smallint[], $4::bigint[], $5::bytea[], $6::uuid[],
                         $7::uuid[], $8::bytea[])
"""


async def _write_papers(config: Config, kid: bytes, papers: int) -> list[tuple[StatusRef, bytes]]:
    """The rows; answers some of the papers that the key has signed."""
    samples: list[tuple[StatusRef, bytes]] = []
    conn = await asyncpg.connect(config.database_owner_url)
    lists = -(-papers * 3 // 2 // SIZE)
    for list_id in range(lists):
        seed, taken = secrets.token_bytes(32), min(SIZE, papers * 3 // 2 - list_id * SIZE)
        await conn.execute("INSERT INTO status_list VALUES ($1, $2, $3, 1)", list_id, seed, taken)
        rows = list(_rows(list_id, seed, taken, kid))
        await db.insert_rows(conn, _INSERT, rows)
        samples += [(StatusRef(row[0], row[1]), row[4]) for row in rows if row[7] == kid][:100]
    excess = await conn.fetchval("SELECT count(*) FROM status_entry WHERE kid = $1", kid) - papers
    await conn.execute(
        """
        UPDATE status_entry SET kid = '\\x0000000000000000'
         WHERE (list_id, status_index) IN (
               SELECT list_id, status_index FROM status_entry WHERE kid = $1
                ORDER BY list_id DESC, status_index DESC LIMIT $2)
        """,
        kid,
        max(excess, 0),
    )
    await conn.execute("ANALYZE status_entry")
    await conn.close()
    return samples[:100]


def _rows(list_id: int, seed: bytes, taken: int, kid: bytes) -> Iterator[tuple[Any, ...]]:
    other = os.urandom(8)
    for position in range(taken):
        signer = other if position % 3 == 2 else kid
        yield list_id, index_at(seed, position), 0, 1, os.urandom(32), uuid4(), uuid4(), signer


if __name__ == "__main__":
    main()
