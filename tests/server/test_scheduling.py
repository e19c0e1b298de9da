"""How the kernel is asked to share a processor among a web worker's threads; what it is worth is measured in bench."""

import os
import sys
import time
from pathlib import Path

import pytest

from demo.launching import list_processes
from khoso.config import Config
from servers import serving

THREADS = 3
"""Of a worker at least: one that interprets, one that reads requests, one that hands them on."""


def list_threads(launcher: int) -> list[list[int]]:
    """Of each web worker below a launcher."""
    workers = [pid for pid, line in list_processes(launcher).items() if "spawn_main" in line]
    return [[int(thread.name) for thread in Path(f"/proc/{pid}/task").iterdir()] for pid in workers]


@pytest.mark.skipif(sys.platform != "linux", reason="SCHED_BATCH is Linux's")
def test_no_thread_of_a_web_worker_interrupts_another(config: Config, tmp_path: Path) -> None:
    with serving(config, tmp_path / "log", "--workers", "2", "--no-with-worker") as server:
        launcher = server.process.pid
        deadline = time.monotonic() + 20
        while min(map(len, workers := list_threads(launcher))) < THREADS and time.monotonic() < deadline:
            time.sleep(0.1)  # one may answer while the other is still starting
        assert [len(threads) >= THREADS for threads in workers] == [True, True]
        assert {os.sched_getscheduler(thread) for threads in workers for thread in threads} == {os.SCHED_BATCH}
        assert os.sched_getscheduler(launcher) == os.SCHED_OTHER
