"""`khoso import`: a file from disk, issued here and now with a progress bar."""

import asyncio
import hashlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from khoso.caller import everything_of
from khoso.config import Config
from khoso.db import Connection
from khoso.errors import ImportEnded, InputProblem, InvalidInput, KhosoError, Unavailable
from khoso.imports.model import FileFormat, Job, ListedFault, Upload
from khoso.imports.running import run_import
from khoso.imports.service import MAX_PAGE, Imports
from khoso.wiring import Services, open_services, utc_now

_PART_BYTES = 1 << 20
_LOOK_SECONDS = 0.2
_ENDING = (signal.SIGINT, signal.SIGTERM)
_FORMATS: dict[str, FileFormat] = {".csv": "csv", ".xlsx": "xlsx", ".ndjson": "ndjson", ".jsonl": "ndjson"}


def describe_upload(file: Path, type_code: str, idempotency_key: str, issue_valid: bool) -> Upload:
    """What is asked with a file. Raises InvalidInput if there is none, or none of a kind that can be read.

    Without a key, `import_from_disk` finds one.
    """
    file_format = _FORMATS.get(file.suffix.lower())
    if file_format is None or not file.is_file() or not os.access(file, os.R_OK):
        raise InvalidInput(
            InputProblem(
                "file",
                "format",
                "chọn tệp có sẵn và đọc được, đuôi .csv, .xlsx hoặc .ndjson"
                " | give a file that is there and can be read, named .csv, .xlsx or .ndjson",
            )
        )
    return Upload(
        type_code=type_code, file_format=file_format, issue_valid=issue_valid, idempotency_key=idempotency_key
    )


async def import_from_disk(
    config: Config, console: Console, file: Path, upload: Upload, agency_code: str, actor: str
) -> tuple[Job, list[ListedFault]]:
    """Import a file and wait for its end; the first faults come along. SIGINT and SIGTERM cancel it.

    Raises as `Imports.receive` and `run_import`: what was received by then waits for a worker, which is told.
    """
    # Not verifying: what it would write into the data directory is the server's, and it may be another account here.
    async with open_services(config, verifying=False) as services:
        imports = Imports(services.pool, services.bulk, _run_here, utc_now)
        with _interruptions() as interrupted:
            job = await _receive(imports, file, upload, agency_code, actor)
            try:
                with _progress(console) as progress:
                    shown = partial(_show, progress, progress.add_task(file.name, total=None))
                    job = await _run(services, imports, job, actor, interrupted, shown)
            except KhosoError:
                console.print(
                    "Tệp vẫn chờ, hệ thống sẽ tự làm tiếp; để huỷ | It waits, and a worker goes on with it; to cancel:"
                    f" POST /api/v1/imports/{job.import_id}/cancellation",
                    highlight=False,
                )
                raise
        faults = await imports.list_faults(job.import_id, everything_of(agency_code), 0, MAX_PAGE)
        return job, faults.items


async def _run_here(_conn: Connection, _name: str, _payload: bytes) -> None:
    """Queue nothing: this process does the work itself."""


async def _receive(imports: Imports, file: Path, upload: Upload, agency_code: str, actor: str) -> Job:
    """Hand the file over. Without a key, what was asked before goes on or is answered, if anything of it was issued.

    If nothing was, and nothing will be, it is tried again: what was wrong may have been mended without the file.
    """
    if upload.idempotency_key:
        return await imports.receive(upload, agency_code, actor, _parts(file))
    asked, attempt = _hash(file, upload, agency_code), 0
    while True:
        attempt += 1
        keyed = msgspec.structs.replace(upload, idempotency_key=f"{asked}-{attempt}")
        job = await imports.receive(keyed, agency_code, actor, _parts(file))
        if job.finished_at is None or job.rows_issued:
            return job


def _hash(file: Path, upload: Upload, agency_code: str) -> str:
    """Of all that is asked: another type, agency, format or option makes another import of the same file."""
    return hashlib.sha256(msgspec.json.encode((agency_code, upload)) + file.read_bytes()).hexdigest()


@contextmanager
def _interruptions() -> Iterator[asyncio.Event]:
    """Set by SIGINT and SIGTERM."""
    loop, interrupted = asyncio.get_running_loop(), asyncio.Event()
    for name in _ENDING:
        loop.add_signal_handler(name, interrupted.set)
    try:
        yield interrupted
    finally:
        for name in _ENDING:
            loop.remove_signal_handler(name)


async def _run(
    services: Services,
    imports: Imports,
    job: Job,
    actor: str,
    interrupted: asyncio.Event,
    show: Callable[[Job], None],
) -> Job:
    """Carry it out here, or see it to its end where a worker has gone on with it, unless it is to be cancelled."""
    running = asyncio.create_task(
        run_import(services.pool, services.bulk, job.import_id, utc_now, stopping=interrupted.is_set)
    )
    purview = everything_of(job.agency_code)
    while not running.done():
        await asyncio.wait([running], timeout=_LOOK_SECONDS)
        with suppress(Unavailable):  # it ends by that itself, if it lasts
            show(await imports.get_import(job.import_id, purview))
    await running
    job = await imports.get_import(job.import_id, purview)
    while job.finished_at is None:  # it was interrupted, or a worker has gone on with it
        if interrupted.is_set():
            with suppress(ImportEnded):
                await imports.cancel(job.import_id, purview, actor)
        else:
            await asyncio.sleep(_LOOK_SECONDS)
        job = await imports.get_import(job.import_id, purview)
        show(job)
    return job


def _show(progress: Progress, task: TaskID, job: Job) -> None:
    """How far it is."""
    done = job.rows_checked if job.state == "validating" else job.rows_issued
    progress.update(task, description=job.state, completed=done, total=job.rows_total)


def _progress(console: Console) -> Progress:
    return Progress(TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn(), console=console)


async def _parts(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as content:
        while part := content.read(_PART_BYTES):
            yield part
