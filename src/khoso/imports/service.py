"""Receiving files of results and telling what became of them."""

import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID, uuid4

import msgspec

from khoso import db
from khoso.auditing import store as auditing
from khoso.bounds import of_agencies
from khoso.caller import Purview
from khoso.db import Pool
from khoso.errors import IdempotencyKeyReused, ImportEnded, InputProblem, InvalidInput, NotFound
from khoso.formats.result_type import ResultType
from khoso.imports import store
from khoso.imports.model import JOB_NAME, BulkIssuer, Enqueue, FaultPage, Job, Result, Upload
from khoso.imports.temporary import temporary_file

MAX_PAGE = 1_000
_RESULTS_A_READ = 5_000


class Imports:
    """All imports, each seen by those in whose purview it is."""

    def __init__(self, pool: Pool, issuer: BulkIssuer[Any], enqueue: Enqueue, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._issuer = issuer
        self._enqueue = enqueue
        self._now = now

    async def receive(self, upload: Upload, agency_code: str, client: str, body: AsyncIterator[bytes]) -> Job:
        """Keep a file and queue its import, once for all uploads of `client` with this idempotency key.

        Raises InvalidInput for an unknown result type or an empty file, NotAuthorisedToIssue, IdempotencyKeyReused if
        the key came with another file or request, and Unavailable where there is no room for the file.
        """
        began = self._now()  # when he was let in: he may have lost his right by the time that all of it is here
        self._issuer.result_type(upload.type_code, agency_code)
        digest = hashlib.sha256(msgspec.json.encode((agency_code, upload)))
        with temporary_file() as file:
            # A slow client keeps a file waiting, not a transaction.
            async for part in body:
                digest.update(part)
                file.write(part)
            if file.tell() == 0:
                raise InvalidInput(InputProblem("body", "empty", "tệp rỗng: chọn tệp có dữ liệu | the file is empty"))
            return await self._record(_new_job(upload, agency_code, client, digest.digest(), began), file)

    async def get_import(self, import_id: UUID, purview: Purview) -> Job:
        """Raises NotFound alike for one that is absent and one outside of the purview."""
        async with db.transaction(self._pool, of_agencies(purview.agencies)) as conn:
            return await _get_job(conn, import_id, purview)

    async def cancel(self, import_id: UUID, purview: Purview, actor: str) -> Job:
        """Issue nothing more of a file; again changes nothing. What is issued stays so, the step that is under way too.

        Raises NotFound, and ImportEnded if it was rejected, or all of it is done.
        """
        async with db.transaction(self._pool, of_agencies(purview.agencies, "issue")) as conn:
            await _get_job(conn, import_id, purview)
            now = self._now()
            cancelled = await store.cancel_job(conn, import_id, now)
            job = await _get_job(conn, import_id, purview)
            if job.state != "cancelled":
                raise ImportEnded(import_id)
            if cancelled:
                await store.delete_file(conn, import_id)
                await auditing.append(conn, [auditing.Entry(actor, "cancel_import", str(import_id))], now)
            return job

    async def list_faults(self, import_id: UUID, purview: Purview, cursor: int, limit: int) -> FaultPage:
        """A page of what is wrong with the file. Raises NotFound."""
        async with db.transaction(self._pool, of_agencies(purview.agencies)) as conn:
            await _get_job(conn, import_id, purview)
            faults = await store.list_faults(conn, import_id, cursor, limit + 1)
        return FaultPage(faults[:limit], faults[limit].position if len(faults) > limit else None)

    async def results(self, job: Job) -> AsyncIterator[list[Result]]:
        """The issued rows in the order of the file, some thousands at a time; no connection is held between them."""
        after = 0
        while True:
            async with db.transaction(self._pool, of_agencies([job.agency_code])) as conn:
                results = await store.list_results(conn, job.import_id, after, _RESULTS_A_READ)
            if not results:
                return
            yield results
            after = results[-1].row_number

    def result_type(self, type_code: str, agency_code: str) -> ResultType:
        """What a template is made from. Raises InvalidInput, NotAuthorisedToIssue."""
        return self._issuer.result_type(type_code, agency_code)

    async def _record(self, job: Job, file: BinaryIO) -> Job:
        async with db.transaction(self._pool, of_agencies([job.agency_code])) as conn:
            if await store.insert_job(conn, job):
                await _insert_pieces(conn, job.import_id, file)
                await self._enqueue(conn, JOB_NAME, str(job.import_id).encode())
                return job
            standing = await store.find_job_by_key(conn, job.client, job.idempotency_key)
        if standing is None or standing.request_hash != job.request_hash:
            raise IdempotencyKeyReused(job.idempotency_key)
        return standing


async def _get_job(conn: db.Connection, import_id: UUID, purview: Purview) -> Job:
    job = await store.find_job(conn, import_id)
    if job is None:
        raise NotFound(import_id)
    purview.check_shown(job.agency_code, job.type_code)
    return job


async def _insert_pieces(conn: db.Connection, import_id: UUID, file: BinaryIO) -> None:
    file.seek(0)
    piece = 0
    while content := file.read(store.PIECE_BYTES):
        await store.insert_piece(conn, import_id, piece, content)
        piece += 1


def _new_job(upload: Upload, agency_code: str, client: str, request_hash: bytes, now: datetime) -> Job:
    return Job(
        import_id=uuid4(),
        agency_code=agency_code,
        client=client,
        idempotency_key=upload.idempotency_key,
        request_hash=request_hash,
        type_code=upload.type_code,
        file_format=upload.file_format,
        issue_valid=upload.issue_valid,
        state="validating",
        rows_checked=0,
        rows_total=None,
        rows_invalid=0,
        rows_issued=0,
        last_row=0,
        created_at=now,
        finished_at=None,
    )
