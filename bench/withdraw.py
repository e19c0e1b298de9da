"""How long one order takes to revoke everything that an officer issued, and what a counter that issues feels of it.

    python -m bench.withdraw [results]

Runs on a PostgreSQL of its own with fsync on: the papers are issued, previewed, ordered by query and carried out by one
process, while another issues one paper after the other. Counts at the end what really is in the database.
"""

import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import msgspec

from khoso import db
from khoso.caller import everything_of
from khoso.config import Config
from khoso.issuance.model import IssueRequest
from khoso.orders.model import Orderer, OrderRequest, PreviewRequest, Query
from khoso.wiring import Services, open_services

from . import town
from .load import cpu_seconds

RESULTS = 100_000
_OFFICER = "bench"
_COUNTER = "counter"
_BY_OFFICER = f"WHERE issued_by = '{_OFFICER}'"


def main() -> None:
    results = int(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    with town.town() as config:
        subprocess.run([sys.executable, "-c", _ISSUING, *_given(config), str(results)], check=True)
        asyncio.run(_measure(config, results))
    print(f"peak RSS {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


_ISSUING = """
import sys
from pathlib import Path
from bench import town
from khoso.config import Config
url, owner, origin, keys, data, results = sys.argv[1:]
config = Config(database_url=url, database_owner_url=owner, public_url=origin, keys_dir=Path(keys), data_dir=Path(data))
town.issue_corpus(config, int(results))
"""
"""In a process of its own: the memory that issuing takes is not the order's."""


def _given(config: Config) -> list[str]:
    return [
        config.database_url,
        config.database_owner_url,
        config.public_url,
        str(config.keys_dir),
        str(config.data_dir),
    ]


async def _measure(config: Config, results: int) -> None:
    async with open_services(config, verifying=False) as services:
        query = Query(issued_by=_OFFICER)
        began, cpu_began = time.perf_counter(), cpu_seconds(os.getpid())
        preview = await services.orders.preview(PreviewRequest(act="revoke", query=query), everything_of(town.AGENCY))
        previewed = time.perf_counter()
        request = OrderRequest(
            act="revoke", reason_code="R1", decision_number="1/QĐ", query=query, expected_count=preview.count
        )
        order = await services.orders.place(request, Orderer.of(town.AGENCY, _OFFICER), "bench")
        placed = time.perf_counter()
        async with _issuing(services) as waits:
            await asyncio.sleep(1)
            if not waits:
                raise SystemExit("nobody could issue before the order was carried out")
            started = time.perf_counter()
            await services.orders.carry_out_order(order.order_id)
            done, cpu_done = time.perf_counter(), cpu_seconds(os.getpid())
    print(f"{results} results: previewed {previewed - began:.1f} s, ordered {placed - previewed:.1f} s")
    print(f"carried out {done - started:.1f} s; {placed - began + done - started:.1f} s in all")
    print(f"CPU {cpu_done - cpu_began:.1f} s, the counter included")
    print(f"issuing meanwhile: {len(waits)} papers, the slowest {max(waits):.2f} s")
    await _check(config.database_owner_url, results)


@asynccontextmanager
async def _issuing(services: Services) -> AsyncIterator[list[float]]:
    """Somebody at a counter, all the while."""
    waits: list[float] = []
    serials = count(500_000)

    async def issue() -> None:
        while True:
            request = msgspec.convert(town.house_permit(next(serials)), IssueRequest)
            began = time.perf_counter()
            await services.issuer.issue(request, town.AGENCY, _COUNTER, f"counter-{len(waits)}")
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0.01)

    issuing = asyncio.create_task(issue())
    try:
        yield waits
    finally:
        issuing.cancel()
        await asyncio.gather(issuing, return_exceptions=True)


async def _check(owner_url: str, results: int) -> None:
    """Every result exactly once, in every table that says so, and no paper of the counter."""
    conn = await db.connect(owner_url)
    async with conn.transaction():
        for query, expected in (
            ("SELECT count(*) FROM status_order WHERE state = 'carried_out'", 1),
            ("SELECT count(*) FROM credential WHERE status = 1", results),
            ("SELECT count(*) FROM status_entry WHERE status = 1", results),
            ("SELECT count(*) FROM status_act WHERE act = 'revoke'", results),
            ("SELECT count(DISTINCT credential_id) FROM outbox WHERE kind = 'revoke'", results),
            (
                "SELECT count(*) FROM status_act JOIN result_code USING (credential_id) WHERE issued_by = 'bench'",
                results,
            ),
        ):
            counted = await conn.fetchval(query)
            if counted != expected:
                raise SystemExit(f"wrong: {counted} instead of {expected}: {query}")


if __name__ == "__main__":
    main()
