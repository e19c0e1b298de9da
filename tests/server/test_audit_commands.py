"""`khoso audit`, as an operator and an outside auditor use it, and the worker that signs."""

import asyncio
import json
import os
import subprocess
from pathlib import Path

import asyncpg
import msgspec
import pytest

from command_line import Khoso
from demo.launching import KHOSO, clean
from khoso.config import Config, to_environment
from khoso.formats.audit_chain import read_checkpoint
from khoso.signing.files import KeyFiles
from khoso.wiring import Services
from khoso.working import tell_checkpoint
from samples import house_permit
from server.test_command_line import ISSUE


def as_owner(config: Config, statement: str) -> None:
    async def execute() -> None:
        conn = await asyncpg.connect(config.database_owner_url)
        await conn.execute(statement)
        await conn.close()

    asyncio.run(execute())


@pytest.fixture
def issued(khoso: Khoso, config: Config) -> Config:
    """A city whose audit has the making of its catalogue and one paper."""
    assert khoso(*ISSUE, "one", config=config, stdin=json.dumps(house_permit())).status == 0
    return config


def test_a_sound_audit_and_one_that_was_touched(khoso: Khoso, issued: Config) -> None:
    sound = khoso("audit", "check", config=issued)
    assert (sound.status, "Nguyên vẹn | sound" in sound.out) == (0, True)
    as_owner(issued, "UPDATE audit SET actor = 'nobody' WHERE act = 'issue'")
    touched = khoso("audit", "check", config=issued)
    assert touched.status == 3
    assert "the row is not what was written (changed)" in touched.out
    told = khoso("audit", "check", "--json", config=issued)
    assert (told.status, told.answer["sound"]) == (3, False)
    assert [fault["kind"] for fault in told.answer["report"]["faults"]] == ["changed"]


def test_checkpoints_kept_elsewhere_tell_what_the_database_no_longer_does(
    khoso: Khoso, issued: Config, tmp_path: Path
) -> None:
    log, empty = tmp_path / "worker.log", tmp_path / "empty.log"
    signed = khoso("audit", "checkpoint", config=issued).out.strip()
    log.write_text(f'{{"event":"audit checkpoint","checkpoint":"{signed}"}}\n')
    assert khoso("audit", "check", "--checkpoints", str(log), config=issued).status == 0
    as_owner(issued, "TRUNCATE audit, audit_checkpoint; UPDATE audit_head SET length = 0")
    as_owner(issued, "UPDATE audit_head SET hash = decode(repeat('00', 32), 'hex')")
    assert khoso("audit", "check", config=issued).status == 0
    told = khoso("audit", "check", "--checkpoints", str(log), "--json", config=issued)
    assert told.status == 3
    assert [fault["kind"] for fault in told.answer["report"]["faults"]] == ["checkpoint_missing", "truncated"]
    empty.write_text("nothing\n")
    for file in (empty, tmp_path / "absent.log"):
        ended = khoso("audit", "check", "--checkpoints", str(file), config=issued)
        assert (ended.status, str(file) in ended.err) == (1, True)


def test_a_replaced_key_still_checks_what_it_signed(khoso: Khoso, issued: Config, tmp_path: Path) -> None:
    assert khoso("audit", "checkpoint", config=issued).status == 0
    old = tmp_path / "old.pem"
    old.write_text(khoso("audit", "key", config=issued).out)
    renewed = msgspec.structs.replace(issued, keys_dir=tmp_path / "keys")
    assert khoso("keys", "prepare", config=renewed).status == 0
    assert khoso("audit", "check", config=renewed).status == 3
    assert khoso("audit", "check", "--key", str(old), config=renewed).status == 0
    (tmp_path / "no.pem").write_text("no key")
    assert khoso("audit", "check", "--key", str(tmp_path / "no.pem"), config=renewed).status == 1


def test_the_newest_rows_are_listed(khoso: Khoso, issued: Config) -> None:
    newest = khoso("audit", "list", "--limit", "1", "--json", config=issued).answer
    assert [(row["actor"], row["act"]) for row in newest] == [("clerk", "issue")]
    listed = khoso("audit", "list", "--act", "load_catalogue", config=issued).out.splitlines()
    assert len(listed) == 1
    assert " test load_catalogue " in listed[0]
    assert khoso("audit", "list", "--actor", "nobody", "--json", config=issued).answer == []


def test_what_cannot_be_checked_is_no_verdict(khoso: Khoso, config: Config, tmp_path: Path) -> None:
    for wrong in ({"KHOSO_DATABASE_URL": ""}, {"KHOSO_KEYS_DIR": str(tmp_path / "none")}):
        assert khoso("audit", "check", config=config, **wrong).status == 1


async def test_the_worker_tells_its_checkpoint_and_signs_nothing_unsound(
    services: Services, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    key = services.keys.audit_key()
    await tell_checkpoint(services.pool, key)
    line = json.loads(capsys.readouterr().out)
    assert line["event"] == "audit checkpoint"
    assert read_checkpoint(line["checkpoint"], [key.public_key()]).number == 1
    await asyncio.to_thread(as_owner, config, "UPDATE audit_head SET length = length + 1")
    await tell_checkpoint(services.pool, key)
    told = capsys.readouterr().out
    assert "audit not sound" in told
    assert "khoso-audit-1" not in told


def test_no_worker_runs_without_the_audits_key(config: Config, tmp_path: Path) -> None:
    keys = KeyFiles(tmp_path / "keys")
    keys.prepare()
    (tmp_path / "keys" / "audit.pem").unlink()
    bare = msgspec.structs.replace(config, keys_dir=tmp_path / "keys")
    command = [*KHOSO, "worker"]
    environ = clean(os.environ) | to_environment(bare)
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, "audit.pem" in ended.stderr) == (1, True)
