"""How long a file of results takes from its upload to the last durable signature.

    python -m bench.bulk [rows]

Runs on a PostgreSQL of its own with fsync on, in one process, and counts at the end what really is in the database.
"""

import asyncio
import csv
import io
import os
import random
import resource
import sys
import time
from collections.abc import AsyncIterator, Iterator

from khoso import db, jobs
from khoso.bulk import BulkIssuing, right_of_upload
from khoso.config import Config
from khoso.imports.model import Job, Upload
from khoso.imports.running import run_import
from khoso.imports.service import Imports
from khoso.processes import spare_the_collector
from khoso.wiring import open_services, utc_now

from . import town
from .load import cpu_seconds

ROWS = 100_000
TYPE_CODE, AGENCY = "KQ.H17.000006", "H17.11"
_HEADING = ("Mã hồ sơ", "Loại chủ sở hữu", "Số định danh hoặc mã số thuế", "Tên chủ sở hữu", "Có hiệu lực đến hết ngày")
_FIELDS = ("Biển số xe", "Loại phù hiệu", "Đơn vị vận tải", "Số phù hiệu", "Tuyến", "Số chỗ")
_KINDS = ("Xe tuyến cố định", "Xe buýt", "Xe taxi", "Xe hợp đồng", "Xe du lịch", "Xe tải")
_NAMES = ("Nguyễn Văn An", "Trần Thị Bích", "Lê Hoàng Đức", "Phạm Quỳnh Hoa", "Võ Minh Khôi")


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with town.town() as config:
        asyncio.run(_measure(config, rows))


async def _measure(config: Config, rows: int) -> None:
    async with open_services(config, verifying=False) as services:
        spare_the_collector()  # as the worker does
        right = right_of_upload(services.authority, lambda: services.catalogue.hierarchy, utc_now)
        issuing = BulkIssuing(services.issuer, lambda: services.catalogue.snapshot, utc_now, lambda: None, right)
        imports = Imports(services.pool, issuing, jobs.enqueue, utc_now)
        upload = Upload(type_code=TYPE_CODE, file_format="csv", issue_valid=False, idempotency_key="bench")
        began, cpu_began = time.perf_counter(), cpu_seconds(os.getpid())
        job = await imports.receive(upload, AGENCY, "bench", _pieces(rows))
        uploaded = time.perf_counter()
        await run_import(services.pool, issuing, job.import_id, utc_now)
        ended, cpu_ended = time.perf_counter(), cpu_seconds(os.getpid())
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    await _check(config.database_owner_url, job, rows)
    own = resource.getrusage(resource.RUSAGE_SELF)
    seconds = ended - began
    print(f"{rows} rows: uploaded {uploaded - began:.1f} s, checked and issued {ended - uploaded:.1f} s")
    print(f"{seconds:.1f} s in all, {rows / seconds:.0f} rows/s")
    print(f"CPU {cpu_ended - cpu_began:.1f} s, its own {own.ru_utime + own.ru_stime:.1f} s")
    print(f"peak RSS {peak_mb:.0f} MB")


async def _check(owner_dsn: str, job: Job, rows: int) -> None:
    """Every row exactly once, in every table that says so."""
    conn = await db.connect(owner_dsn)
    async with conn.transaction():
        counts = await conn.fetchrow(
            """
            SELECT (SELECT state FROM import_job WHERE import_id = $1),
                   (SELECT rows_issued FROM import_job WHERE import_id = $1),
                   (SELECT count(DISTINCT row_number) FROM import_result WHERE import_id = $1),
                   (SELECT count(DISTINCT result_code) FROM import_result WHERE import_id = $1),
                   (SELECT count(DISTINCT result_code) FROM credential),
                   (SELECT count(DISTINCT (list_id, status_index)) FROM credential),
                   (SELECT count(*) FROM credential),
                   (SELECT count(*) FROM status_entry),
                   (SELECT count(*) FROM audit WHERE act = 'issue'),
                   (SELECT sum(taken) FROM status_list)
            """,
            job.import_id,
        )
    if counts is None or tuple(counts) != ("finished", *[rows] * 9):
        raise SystemExit(f"wrong: {counts}")


async def _pieces(rows: int) -> AsyncIterator[bytes]:
    yield _line([*_HEADING, *_FIELDS])
    for line in _lines(rows):
        yield line


def _lines(rows: int) -> Iterator[bytes]:
    chance = random.Random(1)
    for number in range(rows):
        yield _line(
            [
                f"H17.11-261120-{number:06}",
                "Cá nhân",
                f"048{chance.randrange(10**9):09}",
                chance.choice(_NAMES),
                "",
                f"43{chance.choice('ABCDEFGH')}-{number % 100_000:05}",
                chance.choice(_KINDS),
                "Hợp tác xã vận tải Sông Hàn",
                f"PH{number:06}",
                "Bến xe trung tâm Đà Nẵng – Hội An, qua cầu Rồng",
                str(chance.randrange(4, 45)),
            ]
        )


def _line(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()


if __name__ == "__main__":
    main()
