"""`khoso import`: a file from disk, issued here and now with a progress bar."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from khoso.caller import everything_of
from khoso.config import Config
from khoso.db import Connection
from khoso.errors import InputProblem, InvalidInput
from khoso.imports.model import FileFormat, Job, ListedFault, Upload
from khoso.imports.running import run_import
from khoso.imports.service import MAX_PAGE, Imports
from khoso.wiring import Services, open_services, utc_now

_PART_BYTES = 1 << 20
_LOOK_SECONDS = 0.2
_FORMATS: dict[str, FileFormat] = {".csv": "csv", ".xlsx": "xlsx", ".ndjson": "ndjson", ".jsonl": "ndjson"}


def describe_upload(file: Path, type_code: str, idempotency_key: str | None, issue_valid: bool) -> Upload:
    """What is asked with a file. Raises InvalidInput if there is none, or none of a kind that can be read."""
    file_format = _FORMATS.get(file.suffix.lower())
    if file_format is None or not file.is_file():
        raise InvalidInput(
            InputProblem(
                "file",
                "format",
                "chọn tệp có sẵn, đuôi .csv, .xlsx hoặc .ndjson | give an existing file named .csv, .xlsx or .ndjson",
            )
        )
    key = idempotency_key or hashlib.sha256(file.read_bytes()).hexdigest()
    return Upload(type_code=type_code, file_format=file_format, issue_valid=issue_valid, idempotency_key=key)


async def import_from_disk(
    config: Config, console: Console, file: Path, upload: Upload, agency_code: str, actor: str
) -> tuple[Job, list[ListedFault]]:
    """Import a file and wait for its end; the first faults come along. Raises as `Imports.receive`."""
    async with open_services(config) as services:
        imports = Imports(services.pool, services.bulk, _run_here, utc_now)
        job = await imports.receive(upload, agency_code, actor, _parts(file))
        with _progress(console) as progress:
            job = await _run(services, imports, job, progress, progress.add_task(file.name, total=None))
        faults = await imports.list_faults(job.import_id, everything_of(agency_code), 0, MAX_PAGE)
        return job, faults.items


async def _run_here(_conn: Connection, _name: str, _payload: bytes) -> None:
    """Queue nothing: this process does the work itself."""


async def _run(services: Services, imports: Imports, job: Job, progress: Progress, task: TaskID) -> Job:
    running = asyncio.create_task(run_import(services.pool, services.bulk, job.import_id, utc_now))
    while not running.done():
        await asyncio.wait([running], timeout=_LOOK_SECONDS)
        job = await imports.get_import(job.import_id, everything_of(job.agency_code))
        done = job.rows_issued if job.state == "issuing" else job.rows_checked
        progress.update(task, description=job.state, completed=done, total=job.rows_total)
    await running
    return await imports.get_import(job.import_id, everything_of(job.agency_code))


def _progress(console: Console) -> Progress:
    return Progress(TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn(), console=console)


async def _parts(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as content:
        while part := content.read(_PART_BYTES):
            yield part
