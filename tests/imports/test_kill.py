"""An import that is killed or stopped again and again issues every row exactly once."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import asyncpg

from desk import read
from grounds import Database
from imports.conftest import BulkDesk
from khoso.config import Config
from khoso.issuance.model import IssuingRule
from servers import worker
from sheets import AGENCY, as_csv, badge
from waiting import until_somebody_waits

ROWS = 2_400  # fewer than what holds an officer who issues so many in an hour
KILLS = 6
STEPS = 3
STEP_ROWS = 1_000
PROGRAM = Path(__file__).with_name("importing.py")
_PATIENCE_SECONDS = 60


async def test_kill_and_resume(bulk: BulkDesk, city: Database, key_dir: Path) -> None:
    answer = await bulk.upload(as_csv(badge(n) for n in range(ROWS)))
    location = answer.headers["location"]
    seen = [0]
    for round_number in range(KILLS):
        process = _start(city, key_dir, location)
        try:
            seen.append(await _progress(bulk, process, seen[-1] + 100 if round_number else 0))
        finally:
            process.kill()
            process.wait()
    assert seen == sorted(seen)
    assert 0 < seen[-1] < ROWS, f"killed on the way, not before or after: {seen}"
    assert _start(city, key_dir, location).wait(_PATIENCE_SECONDS) == 0
    shown = read(await bulk.get(location), 200)
    assert (shown["state"], shown["rows_issued"], shown["rows_invalid"]) == ("finished", ROWS, 0)
    (counts,) = await bulk.desk.rows(
        """
        SELECT count(*), count(DISTINCT (c.list_id, c.status_index)), count(DISTINCT c.dossier_code),
               (SELECT count(DISTINCT row_number) FROM import_result),
               (SELECT count(*) FROM import_result JOIN result_code USING (result_code)),
               (SELECT count(*) FROM status_entry), (SELECT count(*) FROM audit WHERE act = 'issue')
          FROM credential c
        """
    )
    assert tuple(counts) == (ROWS,) * 7


async def test_a_worker_that_is_to_end_leaves_the_rest_to_the_next(bulk: BulkDesk, config: Config) -> None:
    rows = STEPS * STEP_ROWS
    await bulk.services.holds.set_rule(IssuingRule(agency_code=AGENCY, per_hour=rows, times_usual=1), "chief")
    answer = await bulk.upload(as_csv(badge(n) for n in range(rows)))
    owner = await asyncpg.connect(config.database_owner_url)
    with worker(config) as process:
        async with owner.transaction():  # its first step waits for this, and meanwhile it is told to end
            await owner.execute("SELECT FROM import_job FOR UPDATE")
            await until_somebody_waits(config.database_owner_url)
            process.terminate()
            await asyncio.sleep(0.2)
        assert process.wait(_PATIENCE_SECONDS) == 0
    await owner.close()
    shown = read(await bulk.get(answer.headers["location"]), 200)
    assert (shown["state"], shown["rows_checked"], shown["rows_issued"]) == ("validating", STEP_ROWS, 0)
    shown = await bulk.work(answer.headers["location"], chunk_rows=STEP_ROWS)
    assert (shown["state"], shown["rows_issued"], shown["rows_invalid"]) == ("finished", rows, 0)
    (counts,) = await bulk.desk.rows("SELECT count(*), count(DISTINCT dossier_code) FROM credential")
    assert tuple(counts) == (rows,) * 2


def _start(city: Database, key_dir: Path, location: str) -> subprocess.Popen[bytes]:
    import_id = location.rsplit("/", 1)[1]
    return subprocess.Popen([sys.executable, PROGRAM, city.app_dsn, key_dir, import_id])


async def _progress(bulk: BulkDesk, process: subprocess.Popen[bytes], wanted: int) -> int:
    """How many rows are issued once there are more than wanted, or the first row is checked for 0."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        (job,) = await bulk.desk.rows("SELECT rows_checked, rows_issued FROM import_job")
        if (job["rows_issued"] >= wanted) if wanted else job["rows_checked"]:
            issued: int = job["rows_issued"]
            return issued
        assert process.poll() is None, job
    raise AssertionError("no progress")
