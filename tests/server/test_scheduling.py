"""How the kernel is asked to share a processor among a web worker's threads; what it is worth is measured in bench."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from demo.launching import list_processes
from khoso.config import Config
from servers import serving

THREADS = 3
"""Of a worker at least: one that interprets, one that reads requests, one that hands them on."""

TRY = "import os; os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))"


def may_be_asked() -> bool:
    """Whether this is a Linux that lets a process choose, and nobody has chosen for it."""
    if sys.platform != "linux" or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return False
    return subprocess.run([sys.executable, "-c", TRY], capture_output=True, check=False).returncode == 0


def list_policies(launcher: int) -> list[list[int]]:
    """How the threads of each web worker below a launcher are scheduled."""
    return [policies_of(pid) for pid, line in list_processes(launcher).items() if "spawn_main" in line]


def policies_of(worker: int) -> list[int]:
    policies = []
    for thread in Path(f"/proc/{worker}/task").iterdir():
        with suppress(ProcessLookupError):
            policies.append(os.sched_getscheduler(int(thread.name)))
    return policies


@pytest.mark.skipif(not may_be_asked(), reason="the kernel cannot be asked for SCHED_BATCH here")
def test_no_thread_of_a_web_worker_interrupts_another(config: Config, tmp_path: Path) -> None:
    with serving(config, tmp_path / "log", "--workers", "2", "--no-with-worker") as server:
        deadline = time.monotonic() + 20
        policies = list_policies(server.process.pid)
        while [len(of_worker) >= THREADS for of_worker in policies] != [True, True]:
            assert time.monotonic() < deadline, policies  # one may answer while the other is still starting
            time.sleep(0.1)
            policies = list_policies(server.process.pid)
        assert {policy for of_worker in policies for policy in of_worker} == {os.SCHED_BATCH}
        assert os.sched_getscheduler(server.process.pid) == os.SCHED_OTHER
