"""Child processes that fail do not do so in silence."""

import logging
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from demo.launching import KHOSO, clean, free_port
from khoso import processes
from khoso.config import Config, load, to_environment
from khoso.demo.places import Places
from khoso.processes import Supervised


def serve(config: Config) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*KHOSO, "serve", "--no-with-worker"],
        env=clean({}) | to_environment(config),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_web_worker_that_cannot_start_tells_why(config: Config) -> None:
    # Only the workers read the demonstration's papers.
    places = Places(config.data_dir)
    places.directory.mkdir(parents=True)
    places.papers.write_text("not JSON")
    ended = serve(msgspec.structs.replace(config, demo=True, port=free_port()))
    assert ended.returncode == 1
    assert "DemoUnusable" in ended.stdout + ended.stderr
    assert str(places.papers) in ended.stdout + ended.stderr


def test_a_command_that_keeps_failing_is_told_and_retried_ever_more_slowly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(processes, "_PAUSE_MIN_SECONDS", 0.01)
    monkeypatch.setattr(processes, "_PAUSE_MAX_SECONDS", 0.1)
    supervised = Supervised("no-such-command")
    with caplog.at_level(logging.ERROR):
        supervised.start()
        deadline = time.monotonic() + 30
        while len(caplog.records) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        supervised.stop()
    pauses = [record.args[2] for record in caplog.records if isinstance(record.args, tuple)]
    assert pauses[:3] == [0.02, 0.04, 0.08]
    assert "khoso no-such-command ended with status 2" in caplog.text


def test_child_processes_read_the_very_configuration_of_their_launcher(config: Config, tmp_path: Path) -> None:
    for other in (config, Config(), Config(demo=True, coalesce=False, pg_bindir=tmp_path, workers=3)):
        assert load(to_environment(other)) == other
