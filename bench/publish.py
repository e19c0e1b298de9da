"""What publishing costs: 10 million papers, a thousand of them withdrawn since the last time.

    python -m bench.publish [lists]

The record is written as rows, for nothing of this looks at a paper: full lists with one paper in a hundred revoked, on
a PostgreSQL of its own with fsync on. Then the size of the bundle of a city of a million papers, as four writers fill
its lists.
"""

import asyncio
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import asyncpg

from bench.load import cpu_seconds
from bench.town import town
from khoso.config import Config
from khoso.formats import bundle
from khoso.formats.status_list import SIZE
from khoso.wiring import Services, open_services

LISTS = 77
CHANGES = 1_000

_FILL = """
    INSERT INTO status_entry (list_id, status_index, status, list_version, signed_hash, vault_id, credential_id, kid)
    SELECT $1, index, (index % 100 = 0)::integer, 1, $2, $6, $6, $3
      FROM generate_series(0, $4 - 1) AS index
     WHERE abs(hashint4(index)) % 100 < $5
"""


def main() -> None:
    lists = int(sys.argv[1]) if len(sys.argv) > 1 else LISTS
    with town() as config:
        asyncio.run(_measure_bundle(config))
    with town() as config:
        asyncio.run(_measure(config, lists))


async def _measure(config: Config, lists: int) -> None:
    await _fill(config, [100] * lists)
    async with open_services(config, verifying=False) as services:
        before = _resident_mb()
        with _timed(f"first publication of {lists} lists, {lists * SIZE:,} papers"):
            await _publish(services, lists)
        print(f"  {_resident_mb() - before:.0f} MB more than before, {_peak_mb():.0f} MB at its highest")
        await _revoke(config, lists)
        with _timed(f"publication after {CHANGES:,} changes in {lists} lists"):
            await _publish(services, lists)
        with _timed("a round in which nothing changed, one list compared with its record"):
            await _publish(services, 0)
        print(f"  {_resident_mb() - before:.0f} MB more than before, {_peak_mb():.0f} MB at its highest")


async def _measure_bundle(config: Config) -> None:
    await _fill(config, [100] * 4 + [91] * 4)
    async with open_services(config) as services:
        await _publish(services, 8)
        await services.published.refresh()
        papers = sum(4 * SIZE * percent // 100 for percent in (100, 91))
        data = services.published.get_bundle().body
        rest = len(bundle.encode(replace(bundle.decode(data), statuses=())))
        print(f"bundle of {papers:,} papers: {len(data):,} bytes, {rest:,} of them trust and types")


async def _publish(services: Services, expected: int) -> None:
    report = await services.publisher.publish()
    published = [one for one in report.published if one.startswith("status list")]
    if report.refused or len(published) != expected:
        raise SystemExit(f"wrong: {report}")


async def _fill(config: Config, percents: list[int]) -> None:
    """Lists filled to so many hundredths."""
    began = time.perf_counter()
    conn = await asyncpg.connect(config.database_owner_url)
    await conn.execute("ALTER TABLE status_entry DROP CONSTRAINT status_entry_pkey; DROP INDEX status_entry_changes")
    for list_id, percent in enumerate(percents):
        made = await conn.execute(_FILL, list_id, os.urandom(32), os.urandom(8), SIZE, percent, uuid4())
        taken = int(made.split()[-1])
        await conn.execute("INSERT INTO status_list VALUES ($1, $2, $3, 1)", list_id, os.urandom(32), taken)
    await conn.execute("ALTER TABLE status_entry ADD PRIMARY KEY (list_id, status_index)")
    await conn.execute("CREATE INDEX status_entry_changes ON status_entry (list_id, list_version)")
    await conn.execute("VACUUM ANALYZE status_entry")
    await conn.close()
    print(f"{len(percents)} lists written in {time.perf_counter() - began:.0f} s")


async def _revoke(config: Config, lists: int) -> None:
    """So many papers, over all lists."""
    conn = await asyncpg.connect(config.database_owner_url)
    async with conn.transaction():
        await conn.execute("UPDATE status_list SET version = 2")
        for number in range(CHANGES):
            await conn.execute(
                "UPDATE status_entry SET status = 1, list_version = 2 WHERE list_id = $1 AND status_index = $2",
                number % lists,
                number * 7 + 1,
            )
    await conn.close()


@contextmanager
def _timed(what: str) -> Iterator[None]:
    began, cpu_began = time.perf_counter(), cpu_seconds(os.getpid())
    yield
    seconds, cpu = time.perf_counter() - began, cpu_seconds(os.getpid()) - cpu_began
    print(f"{what}: {seconds:.2f} s, its own processor time {cpu:.2f} s")


def _resident_mb() -> float:
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
