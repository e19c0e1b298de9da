"""How often what was said: kept in memory for a moment, then added to the database in one statement.

Anonymous scans leave nothing else. Killed in that moment, a process loses at most a quarter of a second of counts; an
absent database loses none, they wait.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

from khoso import db
from khoso.db import Pool
from khoso.errors import Unavailable
from khoso.verification import store
from khoso.verification.store import CountedScan

DELAY_SECONDS = 0.25


class ScanCounts:
    """The counts of one process on their way into the database."""

    def __init__(self, pool: Pool, tell: Callable[[str, int], None]) -> None:
        """`tell` hears of every outcome and how often it was given since the last time, database or not."""
        self._pool = pool
        self._tell = tell
        self._waiting: Counter[CountedScan] = Counter()
        self._untold: Counter[str] = Counter()

    def add(self, scan: CountedScan) -> None:
        """Count one scan."""
        self._waiting[scan] += 1
        self._untold[scan.outcome] += 1

    async def flush(self) -> None:
        """Write what waits; what cannot be written, or is cancelled meanwhile, waits on. Raises Unavailable."""
        if not self._waiting:
            return
        taken, self._waiting = self._waiting, Counter()
        written = False
        try:
            async with db.connection(self._pool) as conn:
                await store.add_counts(conn, taken)
            written = True
        finally:
            if not written:
                self._waiting += taken

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
        try:
            await self.flush()
        except Unavailable:
            return
