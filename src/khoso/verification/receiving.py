"""Scans that an inspector's phone made without a network, handed over when it has one again.

Each comes under an id that the phone made, and with the code it read. The code is judged anew: only what an agency has
signed can be recorded as a check of somebody's paper. Handed over again, a scan is taken for the one that stands there.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from khoso import db
from khoso.bounds import Bounds
from khoso.caller import Caller
from khoso.db import Pool
from khoso.formats.verdict import Verdict
from khoso.verification import store
from khoso.verification.keeping import MAX_AGE
from khoso.verification.model import HandedOver, OfflineScan, RefusedScan

MAX_CLOCK_SKEW = timedelta(minutes=5)


class ScanReceiver:
    """Takes over what phones have kept."""

    def __init__(self, pool: Pool, judge: Callable[[str], Verdict], now: Callable[[], datetime]) -> None:
        """`judge` says what a code is worth now."""
        self._pool = pool
        self._judge = judge
        self._now = now

    async def receive(self, scans: Sequence[OfflineScan], inspector: Caller) -> HandedOver:
        """Record the scans, each once; what it answers as taken or refused is settled. Raises Unavailable."""
        prepared = {scan.scan_id: self._prepare(scan, inspector) for scan in scans}
        good = [one for one in prepared.values() if isinstance(one, store.SpooledScan)]
        if good:
            async with db.transaction(self._pool, Bounds(duty="deliver")) as conn:
                await store.insert_spooled_scans(conn, good)
        return _answer(prepared.values())

    def _prepare(self, scan: OfflineScan, inspector: Caller) -> store.SpooledScan | RefusedScan:
        now = self._now()
        if scan.scanned_at > now + MAX_CLOCK_SKEW:
            return RefusedScan(scan.scan_id, "in_the_future")
        if scan.scanned_at < now - MAX_AGE:
            return RefusedScan(scan.scan_id, "too_old")
        paper = self._judge(scan.code).paper
        if paper is None:
            return RefusedScan(scan.scan_id, "no_genuine_paper")
        ref = paper.claims.status
        return store.SpooledScan(
            scan.scan_id,
            ref.list_id,
            ref.status_index,
            paper.signed_hash,
            scan.scanned_at,
            inspector.subject,
            inspector.agency_code,
            scan.outcome.value,
            scan.reason,
        )


def _answer(settled: Collection[store.SpooledScan | RefusedScan]) -> HandedOver:
    return HandedOver(
        taken=[one.scan_id for one in settled if isinstance(one, store.SpooledScan)],
        refused=[one for one in settled if isinstance(one, RefusedScan)],
    )
