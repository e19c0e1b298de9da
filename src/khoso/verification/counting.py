"""How often what was said: kept in memory for a moment, then added to the database in one statement.

Anonymous scans leave nothing else. While the database is away the counts stand in the spool too, so that a killed
process loses at most a quarter of a second of them. A batch has a receipt from its first attempt on: it is counted
once, even if nobody heard of its commit.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid4

import structlog

from khoso import db
from khoso.db import Pool
from khoso.errors import Unavailable
from khoso.verification import store
from khoso.verification.spool import Batch, Spool, SpoolFull
from khoso.verification.store import CountedScan

DELAY_SECONDS = 0.25
_WRITE_SECONDS = 2.0
"""How long a database may take for a batch before that is put into the spool meanwhile."""

log = structlog.get_logger(__name__)


class _Gathered:
    """Counts under the one id by which they will be delivered."""

    def __init__(self) -> None:
        self.batch_id = uuid4()
        self.counts: Counter[CountedScan] = Counter()
        self.spooled = 0
        """How many of them are in the spool for certain."""
        self.in_spool = False
        """Whether some may be: a file whose writing was cancelled is written all the same."""


class ScanCounts:
    """The counts of one process on their way into the database."""

    def __init__(self, pool: Pool, spool: Spool, now: Callable[[], datetime], tell: Callable[[str, int], None]) -> None:
        """`tell` hears of every outcome and how often it was given since the last time, database or not."""
        self._pool = pool
        self._spool = spool
        self._now = now
        self._tell = tell
        self._waiting = _Gathered()
        self._tried: _Gathered | None = None
        """What the database was given without being heard to take it. Nothing is added to it any more."""
        self._settled: UUID | None = None
        self._untold: Counter[str] = Counter()
        self._healthy = True

    def add(self, scan: CountedScan) -> None:
        """Count one scan."""
        self._waiting.counts[scan] += 1
        self._untold[scan.outcome] += 1

    async def flush(self) -> None:
        """Write what waits; what cannot be written, or is cancelled meanwhile, waits on.

        Raises Unavailable, or TimeoutError if the database has not answered.
        """
        if self._tried is not None:
            await self._settle(self._tried)
        if self._waiting.counts:
            self._tried, self._waiting = self._waiting, _Gathered()
            await self._settle(self._tried)

    async def keep_flushing(self) -> None:
        """Flush again and again until cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(DELAY_SECONDS)
                await self._try_to_flush()
        finally:
            await self._try_to_flush()

    async def _try_to_flush(self) -> None:
        untold, self._untold = self._untold, Counter()
        for outcome, scans in untold.items():
            self._tell(outcome, scans)
        if self._tried is not None:  # the database was away a moment ago: do not wait for it first
            await self._spool_all()
        try:
            await self.flush()
        except (Unavailable, OSError):  # TimeoutError is an OSError
            await self._spool_all()

    async def _settle(self, gathered: _Gathered) -> None:
        async with asyncio.timeout(_WRITE_SECONDS), db.transaction(self._pool) as conn:
            if await store.insert_receipt(conn, gathered.batch_id, self._now(), replacing=self._settled):
                await store.add_counts(conn, gathered.counts)
        self._tried = None
        # A receipt is needed no longer than its batch may be handed over again: of one in the spool, for long.
        self._settled = None if gathered.in_spool else gathered.batch_id
        if gathered.in_spool:
            self._spool.remove_counts(gathered.batch_id)

    async def _spool_all(self) -> None:
        """Keep what is not in the database where it outlives this process. What finds no room there waits here."""
        for gathered in (self._tried, self._waiting):
            if gathered is not None and gathered.counts.total() > gathered.spooled:
                await self._spool_one(gathered)

    async def _spool_one(self, gathered: _Gathered) -> None:
        batch = Batch(gathered.batch_id, self._now(), counts=tuple(gathered.counts.items()))
        total, gathered.in_spool = gathered.counts.total(), True
        try:
            await asyncio.to_thread(self._spool.write, batch)
        except (SpoolFull, OSError) as error:
            if self._healthy:
                log.error("counts are in memory only", error=type(error).__name__)
            self._healthy = False
        else:
            gathered.spooled, self._healthy = total, True
