"""Carrying out an import: check the whole file, then issue it in steps that a crash can interrupt anywhere.

A step is one transaction: it locks the job's row, takes the next rows, issues them and records what came of each. So
the rows that are done are exactly those up to `last_row`, and a new run begins after them. A check that was
interrupted begins anew; it has issued nothing. Whoever cancels locks the same row: the step that is under way is done
whole, and none comes after it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from datetime import datetime
from itertools import count, islice
from typing import Any, BinaryIO, Generic, TypeVar
from uuid import UUID

from khoso import db
from khoso.bounds import Bounds
from khoso.db import Connection, Pool
from khoso.errors import DraftNeeded, InputProblem, InvalidInput, NotAuthorisedToIssue, NotPermitted
from khoso.formats.result_type import ResultType
from khoso.imports import store
from khoso.imports.model import MAX_LISTED, BulkIssuer, Fault, Job, Prepared, Record, State, Table, Unreadable
from khoso.imports.rows import check, open_table
from khoso.imports.temporary import temporary_file

CHUNK_ROWS = 1_000
"""Rows in one transaction: the single requests of a counter wait that long for their turn at the status list."""

Item = TypeVar("Item")


class _Chunk(Generic[Item]):
    """Some consecutive rows, checked."""

    def __init__(self) -> None:
        self.last_row = 0
        self.rows = 0
        self.row_numbers: list[int] = []
        self.good: list[Item] = []
        """What became of the good rows, one for each of `row_numbers`."""
        self.faults: list[Fault] = []
        """As many as are listed at most."""

    @property
    def invalid(self) -> int:
        return self.rows - len(self.good)


async def run_import(
    pool: Pool,
    issuer: BulkIssuer[Prepared],
    import_id: UUID,
    now: Callable[[], datetime],
    chunk_rows: int = CHUNK_ROWS,
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Bring an import to its end: begin, go on or do nothing, as it stands.

    Raises Unavailable, IssuingHeld, NoSigningKey, KeyStoreError and RecordBehind: then run it again. So it has to be
    when `stopping`, which is asked before each chunk, has ended it there. A check that did not come to its end begins
    anew.
    """
    async with db.transaction(pool, Bounds(duty="import")) as conn:
        job = await store.find_job(conn, import_id)
    if job is not None and job.finished_at is None:
        with temporary_file() as file:
            run = _Run(pool, issuer, job, file, now, chunk_rows, stopping)
            await run.fetch_file()
            await run.go_on()


class _Run(Generic[Prepared]):
    """One attempt to bring an import to its end."""

    def __init__(
        self,
        pool: Pool,
        issuer: BulkIssuer[Prepared],
        job: Job,
        file: BinaryIO,
        now: Callable[[], datetime],
        chunk_rows: int,
        stopping: Callable[[], bool],
    ) -> None:
        self._pool = pool
        self._issuer = issuer
        self._job = job
        self._import_id = job.import_id
        self._bounds = Bounds(agencies=(job.agency_code,), duty="issue")
        self._file = file
        self._now = now
        self._chunk_rows = chunk_rows
        self._stopping = stopping
        self._last_row = job.last_row

    async def fetch_file(self) -> None:
        """The uploaded file, from its pieces."""
        for piece in count():
            async with db.transaction(self._pool, self._bounds) as conn:
                content = await store.find_piece(conn, self._import_id, piece)
            if content is None:
                break
            self._file.write(content)

    async def go_on(self) -> None:
        """From where the job stands to its end, or until it is to stop, or another worker has gone on with it."""
        try:
            async with db.transaction(self._pool, self._bounds) as conn:
                await self._check_right(conn)  # of one that waits, too
            if self._job.state == "issuing" or await self._validate():
                await self._issue()
        except Unreadable as unreadable:
            await self._end("cancelled", unreadable.faults)

    async def _validate(self) -> bool:
        """Read the whole file, and check every row unless only the good ones are asked for. True: issue it.

        False as well if it is to stop, or was cancelled, or another worker has begun to issue.
        """
        total = invalid = 0
        faults: list[Fault] = []
        chunks: Iterator[_Chunk[Any]] = self._chunks(_pass_over) if self._job.issue_valid else self._chunks(self._check)
        async with aclosing(_ahead(chunks)) as checked:
            async for chunk in checked:
                if self._stopping():
                    return False
                total += chunk.rows
                invalid += chunk.invalid
                if len(faults) < MAX_LISTED:
                    faults += chunk.faults
                async with db.transaction(self._pool, self._bounds) as conn:
                    await self._check_right(conn)
                    if not await store.note_checked(conn, self._import_id, total):
                        return False
        if invalid and not self._job.issue_valid:
            await self._end("rejected", faults, total, invalid)
            return False
        async with db.transaction(self._pool, self._bounds) as conn:
            await store.start_issuing(conn, self._import_id, total)
        return True

    async def _issue(self) -> None:
        """Issue the good rows step by step. One that was good before and is no more, at midnight say, is reported."""
        async with aclosing(_ahead(self._chunks(self._check))) as chunks:
            async for chunk in chunks:
                if self._stopping() or not await self._issue_chunk(chunk):
                    return
                self._last_row = chunk.last_row
        await self._end("finished")

    async def _issue_chunk(self, chunk: _Chunk[Prepared]) -> bool:
        """One step. False, with nothing done, if another worker has gone on with this import, or it was cancelled."""
        async with db.transaction(self._pool, self._bounds) as conn:
            taken = await store.take_rows(
                conn, self._import_id, self._last_row, chunk.last_row, len(chunk.good), chunk.invalid
            )
            if taken:
                await self._check_right(conn)
                issued = await self._issuer.issue_in(conn, chunk.good, self._job.client)
                await store.insert_results(conn, self._import_id, zip(chunk.row_numbers, issued, strict=True))
                await store.insert_faults(conn, self._import_id, chunk.faults)
            return taken

    async def _check_right(self, conn: Connection) -> None:
        """Raise Unreadable if the agency, or whoever sent the file, may not issue it any more."""
        self._result_type()
        try:
            await self._issuer.check_right(conn, self._job)
        except NotPermitted:
            raise Unreadable(
                Fault(
                    "right_ended",
                    "quyền cấp của người gửi tệp đã chấm dứt: người đang có quyền hãy gửi lại các dòng chưa cấp"
                    " | the right of whoever sent the file has ended: somebody who has it sends what is not issued",
                )
            ) from None

    async def _end(
        self, state: State, faults: Sequence[Fault] = (), total: int | None = None, invalid: int = 0
    ) -> None:
        """As it is said, or rejected if no step was done; not at all if another worker has gone on with it."""
        state = state if self._last_row else "rejected"
        async with db.transaction(self._pool, self._bounds) as conn:
            if await store.end_job(conn, self._import_id, state, self._last_row, total, invalid, self._now()):
                await store.insert_faults(conn, self._import_id, faults)
                await store.delete_file(conn, self._import_id)

    def _check(self, record: Record) -> Prepared | list[InputProblem]:
        return check(record, self._issuer, self._job.type_code, self._job.agency_code)

    def _chunks(self, check_row: Callable[[Record], Item | list[InputProblem]]) -> Iterator[_Chunk[Item]]:
        """The rows that are not done yet, checked; runs in a thread."""
        table = self._open()
        waiting = (record for record in table.records if record.row_number > self._job.last_row)
        while True:
            chunk = _Chunk[Item]()
            for record in islice(waiting, self._chunk_rows):  # one at a time: a row may hold thousands of values
                chunk.last_row = record.row_number
                chunk.rows += 1
                outcome = check_row(record)
                if isinstance(outcome, list):
                    chunk.faults += islice(_faults(record, outcome, table), MAX_LISTED - len(chunk.faults))
                else:
                    chunk.row_numbers.append(record.row_number)
                    chunk.good.append(outcome)
            if not chunk.rows:
                break
            yield chunk

    def _open(self) -> Table:
        return open_table(self._file, self._job.file_format, self._result_type())

    def _result_type(self) -> ResultType:
        """What the agency may issue by a file. Raises Unreadable if it may not, or not any more."""
        try:
            return self._issuer.result_type(self._job.type_code, self._job.agency_code)
        except (InvalidInput, NotAuthorisedToIssue):
            raise Unreadable(
                Fault(
                    "not_authorised",
                    "cơ quan không được cấp loại kết quả này | the agency may not issue this result type",
                )
            ) from None
        except DraftNeeded:
            raise Unreadable(
                Fault(
                    "draft_needed",
                    "loại kết quả này nay cần hai người: hãy lập dự thảo"
                    " | this result type takes two persons now: file drafts",
                )
            ) from None


def _pass_over(_: Record) -> None:
    """For reading only."""


def _faults(record: Record, problems: Sequence[InputProblem], table: Table) -> Iterator[Fault]:
    for problem in problems:
        heading = table.headings.get(problem.field, problem.field)
        yield Fault(problem.code, problem.message, record.row_number, heading)


async def _ahead(items: Iterator[Item]) -> AsyncGenerator[Item, None]:
    """The items, each made in a thread while the one before is in use. Closing waits for the thread."""
    upcoming = asyncio.ensure_future(asyncio.to_thread(next, items, None))
    try:
        while (item := await asyncio.shield(upcoming)) is not None:
            upcoming = asyncio.ensure_future(asyncio.to_thread(next, items, None))
            yield item
    finally:
        await asyncio.wait([upcoming])
        upcoming.exception()  # seen: whoever closes early has a reason of his own
