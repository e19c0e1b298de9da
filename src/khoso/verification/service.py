"""One scan from text to answer: judged in memory, compared with the record where memory is not certain, counted.

The verdict itself is `formats.verdict.verify`. What a server can add is the record: a paper that was never recorded, or
whose content is not what was recorded, is told even if its signature is perfect; a withdrawal is named with its act.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from khoso import db
from khoso.bounds import Bounds
from khoso.caller import Caller
from khoso.coalescing import Coalescer
from khoso.db import Connection, Pool
from khoso.errors import TooManyAttempts, Unavailable
from khoso.formats import link, lookup
from khoso.formats.claims import StatusRef
from khoso.formats.malformed import Malformed
from khoso.formats.status_list import Status
from khoso.formats.verdict import GenuinePaper, Outcome, Verdict, verify
from khoso.times import hour_of
from khoso.verification import store
from khoso.verification.counting import ScanCounts
from khoso.verification.model import CatalogueView, Checked, Record, Scan, Withdrawal
from khoso.verification.statuses import StatusSnapshot
from khoso.verification.view import View

LOOKUP_FAILURES_PER_HOUR = 10
MAX_BATCH = 256
IN_FLIGHT = 60
"""Seconds that may lie between the time a paper bears and its commit: the rows of an import are prepared ahead."""

_WITHDRAWN = frozenset({Outcome.REVOKED, Outcome.SUSPENDED, Outcome.SUPERSEDED})
_HELD_BACK: Mapping[int, Outcome] = {Status.SUSPENDED: Outcome.SUSPENDED, Status.SUPERSEDED: Outcome.SUPERSEDED}


class Verifier:
    """Verifies codes for one process."""

    def __init__(
        self,
        pool: Pool,
        catalogue: Callable[[], CatalogueView],
        statuses: StatusSnapshot,
        *,
        origin: str,
        now: Callable[[], datetime],
        counts: ScanCounts,
        keep: Callable[[store.SpooledScan], Awaitable[None]],
        fields_shown_to: Callable[[Caller, str], frozenset[str]],
    ) -> None:
        """`keep` is given the inspectors' scans that could not be recorded because the database was away.

        `fields_shown_to` names the fields of the record of a type that an inspector is shown beyond the code.
        """
        self._pool = pool
        self.catalogue = catalogue
        self.view = View()
        self._statuses = statuses
        self._origin = origin
        self._now = now
        self._counts = counts
        self._keep = keep
        self._fields_shown_to = fields_shown_to
        self._coalescer: Coalescer[Scan, Checked] = Coalescer(self._settle, max_batch=MAX_BATCH)

    async def verify_code(self, text: str, inspector: Caller | None) -> Checked:
        """Judge the text of a scanned code. Never raises for what the text says.

        What memory can answer for certain needs no query: what is no code of ours, and, if nobody in particular asks, a
        paper that is remembered as it is. Everything else is compared with the record.
        """
        verdict = self.judge(text)
        if verdict.paper is None or (inspector is None and self._is_certain(verdict, verdict.paper)):
            return self._counted(Checked(verdict, self._now()))
        scan = Scan(text, verdict, inspector, uuid4())
        try:
            return self._counted(await self._coalescer.submit(scan))
        except Unavailable:
            checked = Checked(self._without_record(verdict, verdict.paper), self._now())
            if inspector is not None:
                await self._keep(_spooled_scan(scan.scan_id, inspector, checked, verdict.paper))
            return self._counted(checked)

    async def verify_lookup(self, typed: str, inspector: Caller | None) -> Checked:
        """Judge a typed look-up code: the same answer as scanning the paper's QR.

        Raises TooManyAttempts after ten wrong codes for one result in an hour, and Unavailable without the database.
        """
        try:
            code = lookup.parse(typed)
        except Malformed as malformed:
            return self._counted(Checked(Verdict(Outcome.MALFORMED, 1, malformed.reason), self._now()))
        found = await self._find_lookup(code)
        if found is None:
            return self._counted(Checked(Verdict(Outcome.NOT_ISSUED, 8, "lookup_unknown"), self._now()))
        return await self.verify_code(link.compose(self._origin, found.signed), inspector)

    def judge(self, text: str) -> Verdict:
        """What memory says of a code, not yet compared with the record."""
        catalogue = self.catalogue()
        now = int(self._now().timestamp())
        return verify(text, self._origin, catalogue.trust, catalogue.types, self._statuses, now)

    def _is_certain(self, verdict: Verdict, paper: GenuinePaper) -> bool:
        ref = paper.claims.status
        return (
            verdict.status is Status.VALID
            and not self._statuses.goes_by_published_list(ref)
            and self._statuses.is_recorded(ref, paper.signed_hash)
        )

    def _without_record(self, verdict: Verdict, paper: GenuinePaper) -> Verdict:
        """The verdict while the database is away: neither green nor red for what may be newer than memory.

        A process that knows published lists only is an offline verifier: it believes signature and list, unless it
        finds on its disk that another content was recorded at this index.
        """
        ref = paper.claims.status
        if verdict.status is Status.VALID and self._statuses.goes_by_published_list(ref):
            decided = not self._statuses.contradicts(ref, paper.signed_hash)
        elif verdict.status is Status.VALID:
            decided = self._is_certain(verdict, paper)
        else:
            decided = verdict.status is not None and paper.claims.issued_at < self._statuses.as_of - IN_FLIGHT
        if decided:
            return verdict
        return verdict._replace(outcome=Outcome.CANNOT_TELL, step=8, reason="database_away")

    def _counted(self, checked: Checked) -> Checked:
        verdict = checked.verdict
        type_code = "" if verdict.paper is None else verdict.paper.claims.type_code
        hour = hour_of(checked.checked_at)
        self._counts.add(store.CountedScan(hour, type_code, verdict.outcome.value, verdict.reason))
        return checked

    async def _find_lookup(self, code: lookup.LookupCode) -> store.Lookup | None:
        """The paper, if the secret is right. The attempt is counted first: many at once cannot pass the limit."""
        hour = hour_of(self._now())
        async with db.transaction(self._pool, Bounds(duty="lookup")) as conn:
            place = await store.find_place(conn, code.result_code)
            if place is None:
                return None  # certain, however often it is asked; nothing is written down for whoever invents codes
            if not await store.count_attempt(conn, code.result_code, hour, LOOKUP_FAILURES_PER_HOUR):
                raise TooManyAttempts(code.result_code)
            found = await store.find_lookup(conn, place)
            if found is None or not hmac.compare_digest(found.lookup_secret, code.secret):
                return None
            await store.forgive_attempt(conn, code.result_code, hour)
            return found

    async def _settle(self, scans: Sequence[Scan]) -> list[Checked]:
        """Compare a batch of verdicts with the record, write down who asked, and only then answer."""
        refs = {scan.verdict.paper.claims.status for scan in scans if scan.verdict.paper is not None}
        async with db.transaction(self._pool, Bounds(duty="verify")) as conn:
            records = await store.list_records(conn, sorted(refs)) if refs else {}
            if any(_is_outdated(scan.verdict, records) for scan in scans):
                await self._statuses.refresh()
                scans = [self._rejudge(scan) if _is_outdated(scan.verdict, records) else scan for scan in scans]
            checked = [await self._check(conn, scan.verdict, records) for scan in scans]
            checked = [await self._show(scan, one, records) for scan, one in zip(scans, checked, strict=True)]
            await self._write(conn, scans, checked, records)
        return checked

    def _rejudge(self, scan: Scan) -> Scan:
        return Scan(scan.text, self.judge(scan.text), scan.inspector, scan.scan_id)

    async def _check(self, conn: Connection, verdict: Verdict, records: Mapping[StatusRef, Record]) -> Checked:
        if verdict.paper is None:
            return Checked(verdict, self._now())
        ref = verdict.paper.claims.status
        record = records.get(ref)
        if record is None and self._statuses.goes_by_published_list(ref):
            return Checked(verdict, self._now())  # recorded, it may be, in the time that the record has lost
        if record is not None:
            self._statuses.remember(ref, record.signed_hash)
        verdict = _against_record(verdict, verdict.paper.signed_hash, record)
        withdrawal: Withdrawal | None = None
        if verdict.outcome in _WITHDRAWN and record is not None:
            withdrawal = await store.find_withdrawal(conn, record)
        return Checked(verdict, self._now(), withdrawal)

    async def _show(self, scan: Scan, checked: Checked, records: Mapping[StatusRef, Record]) -> Checked:
        """With the fields that this inspector is shown beyond the code, of a paper that is what was recorded."""
        paper, record = checked.verdict.paper, _own_record(checked, records)
        if scan.inspector is None or paper is None or record is None:
            return checked
        names = self._fields_shown_to(scan.inspector, paper.claims.type_code)
        if not names:
            return checked
        async with db.transaction(self._pool, Bounds(duty="verify")) as conn:
            fields = await store.get_fields(conn, record)
        shown = {name: value for name, value in fields.items() if name in names}
        return msgspec.structs.replace(checked, recorded=shown)

    async def _write(
        self, conn: Connection, scans: Sequence[Scan], checked: Sequence[Checked], records: Mapping[StatusRef, Record]
    ) -> None:
        named = [
            _inspector_scan(scan.scan_id, scan.inspector, one, records)
            for scan, one in zip(scans, checked, strict=True)
            if scan.inspector is not None
        ]
        shown = [scan for scan in named if scan is not None]
        if shown:
            await store.insert_scans(conn, shown)


def _is_outdated(verdict: Verdict, records: Mapping[StatusRef, Record]) -> bool:
    """Whether the record says something newer than the memory by which the verdict was given."""
    record = None if verdict.paper is None else records.get(verdict.paper.claims.status)
    return record is not None and verdict.status != record.status


def _against_record(verdict: Verdict, signed_hash: bytes, record: Record | None) -> Verdict:
    """The verdict with what only the record can tell."""
    if record is None:
        return verdict._replace(outcome=Outcome.NOT_ISSUED, step=8, reason="never_recorded")
    if record.signed_hash != signed_hash:
        return verdict._replace(outcome=Outcome.NOT_ISSUED, step=8, reason="content_differs_from_record")
    if Status.INVALID in (record.status, verdict.status):  # issued it was, so the list does not mean "never"
        return verdict._replace(outcome=Outcome.REVOKED, reason="revoke")
    if verdict.status is Status.VALID and record.status != Status.VALID:
        return verdict._replace(outcome=_HELD_BACK[record.status], step=8, reason="status")
    return verdict


def _inspector_scan(
    scan_id: UUID, inspector: Caller, checked: Checked, records: Mapping[StatusRef, Record]
) -> store.InspectorScan | None:
    """The row for the holder's log; None where no vault is concerned."""
    paper, record = checked.verdict.paper, _own_record(checked, records)
    if paper is None or record is None:
        return None
    return store.InspectorScan(
        record.vault_id,
        scan_id,
        paper.claims.result_code,
        checked.checked_at,
        inspector.subject,
        inspector.agency_code,
        checked.verdict.outcome.value,
        checked.verdict.reason,
        sorted(checked.recorded),
    )


def _own_record(checked: Checked, records: Mapping[StatusRef, Record]) -> Record | None:
    """The record of the paper, if it is of exactly this one."""
    paper = checked.verdict.paper
    record = None if paper is None else records.get(paper.claims.status)
    return record if record is not None and paper is not None and record.signed_hash == paper.signed_hash else None


def _spooled_scan(scan_id: UUID, inspector: Caller, checked: Checked, paper: GenuinePaper) -> store.SpooledScan:
    """The same scan while nobody can say whose paper it is. Under the same id: its commit may have gone unheard."""
    ref = paper.claims.status
    return store.SpooledScan(
        scan_id,
        ref.list_id,
        ref.status_index,
        paper.signed_hash,
        checked.checked_at,
        inspector.subject,
        inspector.agency_code,
        checked.verdict.outcome.value,
        checked.verdict.reason,
    )
