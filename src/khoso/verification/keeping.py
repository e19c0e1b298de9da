"""Inspectors' scans while the database is away: in the spool before they are answered, delivered when it is back."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import structlog

from khoso import db
from khoso.bounds import Bounds
from khoso.coalescing import Coalescer
from khoso.db import Pool
from khoso.errors import Unavailable
from khoso.verification import spool as spooling
from khoso.verification import store
from khoso.verification.spool import Batch, DamagedBatch, Spool, SpoolFull
from khoso.verification.store import SpooledScan

MAX_AGE = timedelta(days=30)
"""An older batch is not delivered any more, for its receipt could be forgotten."""

RECEIPTS_KEPT = 2 * MAX_AGE
"""Longer than any batch that may be handed over again: it was made before it was received."""

MAX_BATCH = 256

log = structlog.get_logger(__name__)


class ScanKeeper:
    """Keeps and delivers for one process."""

    def __init__(self, pool: Pool, spool: Spool, now: Callable[[], datetime], tell: Callable[[str, int], None]) -> None:
        """`tell` hears how many inspectors' scans were `spooled`, `delivered` and `lost`."""
        self._pool = pool
        self._spool = spool
        self._now = now
        self._tell = tell
        self._healthy = True
        self._coalescer: Coalescer[SpooledScan, None] = Coalescer(self._write, max_batch=MAX_BATCH)

    async def keep(self, scan: SpooledScan) -> None:
        """Returns when the scan is on the disk, or is lost: counted, with an alarm. Never raises for either."""
        try:
            await self._coalescer.submit(scan)
        except Unavailable as error:
            self._lose(1, error)

    async def deliver(self) -> None:
        """Deliver this process's scans, and everything of processes that ended. Raises Unavailable."""
        own = self._spool.list_own_scans()
        await self._deliver(own)
        with self._spool.dead_trays() as trays:
            left = [path for tray in trays for path in spooling.list_batches(tray)]
            await self._deliver(left)
        if own or left:
            self._spool.measure()

    async def _write(self, scans: Sequence[SpooledScan]) -> list[None]:
        batch = Batch(uuid4(), self._now(), scans=tuple(scans))
        try:
            await asyncio.to_thread(self._spool.write, batch)
        except (SpoolFull, OSError) as error:
            self._lose(len(scans), error)
        else:
            self._healthy = True
            self._tell("spooled", len(scans))
        return [None] * len(scans)

    def _lose(self, scans: int, error: Exception) -> None:
        self._tell("lost", scans)
        if self._healthy:
            log.error("scans of inspectors are being lost", error=type(error).__name__)
        self._healthy = False

    async def _deliver(self, paths: Sequence[Path]) -> None:
        for path in paths:
            try:
                await self._deliver_one(path)
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one batch must not hold up the others
                log.error("batch set aside", batch=path.name, error=type(error).__name__)
                self._spool.set_aside(path)

    async def _deliver_one(self, path: Path) -> None:
        batch = spooling.read(path)
        if batch.made_at < self._now() - MAX_AGE:
            raise DamagedBatch("too old")
        async with db.transaction(self._pool, Bounds(duty="deliver")) as conn:
            if await store.insert_receipt(conn, batch.batch_id, self._now()):
                if batch.scans:
                    await store.insert_spooled_scans(conn, batch.scans)
                if batch.counts:
                    await store.add_counts(conn, dict(batch.counts))
        # Ended here, the batch is handed over again, and its receipt says that it was delivered.
        self._spool.drop(path)
        self._tell("delivered", len(batch.scans))
