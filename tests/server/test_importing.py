"""`khoso import`: what it may be asked again, how it ends, and that an interrupted one is cancelled."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from rich.console import Console

from command_line import Khoso
from demo.launching import KHOSO, clean
from khoso import importing
from khoso.config import Config, to_environment
from khoso.imports.running import CHUNK_ROWS, run_import
from sheets import AGENCY, TYPE_CODE, as_csv, badge
from waiting import until_somebody_waits

OPTIONS = ("--type", TYPE_CODE, "--agency", AGENCY, "--actor", "clerk", "--json")
WRONG = badge(3, plate="")
_PATIENCE_SECONDS = 60


@pytest.fixture
def config(config: Config) -> Config:
    """Its root is one of development."""
    demo: Config = msgspec.structs.replace(config, demo=True)
    return demo


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "badges.csv"


def fill(file: Path, badges: Iterable[dict[str, str]]) -> None:
    file.write_bytes(as_csv(badges))


def rows(config: Config, sql: str) -> list[tuple[Any, ...]]:
    """What the owner of the schema sees."""

    async def fetch() -> list[tuple[Any, ...]]:
        conn = await asyncpg.connect(config.database_owner_url)
        try:
            return [tuple(row) for row in await conn.fetch(sql)]
        finally:
            await conn.close()

    return asyncio.run(fetch())


def test_a_file_that_is_issued_is_issued_once(khoso: Khoso, config: Config, file: Path) -> None:
    fill(file, [badge(1), badge(2)])
    first, again = (
        khoso("import", str(file), *OPTIONS, config=config),
        khoso("import", str(file), *OPTIONS, config=config),
    )
    assert (first.status, again.status) == (0, 0)
    assert first.answer["import"] == again.answer["import"]
    assert first.answer["import"]["rows_issued"] == 2
    assert rows(config, "SELECT count(*) FROM credential") == [(2,)]


def test_a_file_of_which_nothing_was_issued_is_tried_again(khoso: Khoso, config: Config, file: Path) -> None:
    """What was wrong may have been mended without the file: a type has a new version, an agency its right."""
    fill(file, [badge(1), WRONG])

    def ask(*more: str) -> tuple[int, str, int, str]:
        ended = khoso("import", str(file), *OPTIONS, *more, config=config)
        job = ended.answer["import"]
        return ended.status, job["state"], job["rows_issued"], job["import_id"]

    for one in (first := ask(), second := ask()):
        assert one[:3] == (1, "rejected", 0)
    assert first[3] != second[3]
    assert ask("--idempotency-key", "mine") == ask("--idempotency-key", "mine"), "who names one is answered the same"
    good = ask("--issue-valid")
    assert good[:3] == (0, "finished", 1), "another option is another request, and no other key is asked for"
    assert ask("--issue-valid") == good
    assert rows(config, "SELECT count(*) FROM credential") == [(1,)]


def test_the_same_file_of_another_agency_is_another_import(khoso: Khoso, config: Config, file: Path) -> None:
    fill(file, [WRONG])
    khoso("import", str(file), *OPTIONS, config=config)
    ended = khoso("import", str(file), "--type", "KQ.H17.000001", "--agency", "H17.05.12", *OPTIONS[4:], config=config)
    assert (ended.status, ended.answer["import"]["agency_code"]) == (1, "H17.05.12")


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
async def test_one_that_is_interrupted_is_cancelled(config: Config, file: Path, name: signal.Signals) -> None:
    """The step that is under way is done whole, and asked again it is answered: nothing is issued twice."""
    fill(file, (badge(serial) for serial in range(CHUNK_ROWS + 5)))
    owner = await asyncpg.connect(config.database_owner_url)
    async with owner.transaction():  # its first step waits for this, and meanwhile it is interrupted
        await owner.execute("SELECT FROM audit_head FOR UPDATE")
        process = start(config, file)
        await until_somebody_waits(config.database_owner_url)
        process.send_signal(name)
    for asked in (process, start(config, file)):
        answer, told = await asyncio.to_thread(asked.communicate, timeout=_PATIENCE_SECONDS)
        assert asked.returncode == 1, told
        job = json.loads(answer)["import"]
        assert (job["state"], job["rows_issued"]) == ("cancelled", CHUNK_ROWS)
    assert await owner.fetchval("SELECT count(*) FROM credential") == CHUNK_ROWS
    assert await owner.fetchval("SELECT count(*) FROM import_file") == 0
    assert await owner.fetchval("SELECT actor FROM audit WHERE act = 'cancel_import'") == "clerk"
    await owner.close()


async def test_one_that_a_worker_has_gone_on_with_is_waited_for(
    config: Config, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(file, [badge(1)])
    working: list[asyncio.Task[None]] = []

    async def leave_it_to_another(*asked: Any, **_: Any) -> None:
        working.append(asyncio.create_task(run_import(*asked)))

    monkeypatch.setattr(importing, "run_import", leave_it_to_another)
    upload = importing.describe_upload(file, TYPE_CODE, "", issue_valid=False)
    job, _ = await importing.import_from_disk(config, Console(quiet=True), file, upload, AGENCY, "clerk")
    assert (job.state, job.rows_issued) == ("finished", 1)
    await working[0]


def test_one_that_cannot_go_on_says_that_it_waits(khoso: Khoso, config: Config, file: Path) -> None:
    fill(file, [badge(1)])
    rows(config, "INSERT INTO issuing_subject (subject, held) VALUES ('clerk', true)")
    ended = khoso("import", str(file), *OPTIONS, config=config)
    [(import_id,)] = rows(config, "SELECT import_id FROM import_job WHERE finished_at IS NULL")
    *told, last = ended.err.splitlines()
    assert (ended.status, json.loads(last)["code"]) == (1, "issuing_held")
    assert f"/api/v1/imports/{import_id}/cancellation" in "".join(told)


def start(config: Config, file: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*KHOSO, "import", str(file), *OPTIONS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean(os.environ) | to_environment(config),
    )
