"""Counts on their way into the database."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from grounds import Clock
from khoso.db import Connection
from khoso.verification import store
from khoso.verification.counting import ScanCounts
from khoso.verification.spool import Spool
from khoso.verification.store import CountedScan
from khoso.wiring import Services


async def test_counts_whose_writing_is_cancelled_are_written_at_the_end(
    services: Services, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = ScanCounts(services.pool, Spool(tmp_path), clock, lambda _outcome, _scans: None)
    scan = CountedScan(clock().replace(minute=0), "", "malformed", "format_version")
    counts.add(scan)
    writing = asyncio.Event()
    add_counts = store.add_counts

    async def never_ending(_conn: Connection, _counts: Mapping[CountedScan, int]) -> None:
        writing.set()
        await asyncio.sleep(3600)

    monkeypatch.setattr(store, "add_counts", never_ending)
    flushing = asyncio.create_task(counts.keep_flushing())
    async with asyncio.timeout(30):
        await writing.wait()
    monkeypatch.setattr(store, "add_counts", add_counts)
    flushing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await flushing
    async with services.pool.acquire() as conn:
        assert await conn.fetchval("SELECT scans FROM scan_count") == 1
