"""How the suite is spread over processes, where it is traced for coverage, and where its databases lie.

`conftest` hands the hooks to pytest.
"""

import os
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/pages", "tests/demo")
"""Folders that share what is dear and made once for a process: a browser, a running demonstration."""

APART = ("tests/demo/test_launcher.py", "tests/pages/test_films.py", "tests/rights/test_matrix.py")
"""Files whose tests are long and share little."""

FIRST = (
    *TOGETHER,
    "tests/server",
    "tests/embedded",
    "tests/deploy",
    "tests/imports/test_kill.py",
    "tests/rights/test_matrix.py",
    "tests/http/test_description.py",
    "tests/test_benchmarks.py",
)
"""What takes longest comes first, so that no process works alone at the end."""

UNTRACED = (
    "auditing",
    "demo",
    "deploy",
    "embedded",
    "migrations",
    "pages",
    "rendering",
    "server",
    "signing",
    "store",
    "web",
)
"""Folders of tests that add nothing to the rooms that are covered wholly. Tracing takes a third of a test's time."""


class Spreading(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out tests by what they share, the longest first."""

    workqueue: OrderedDict[str, dict[str, bool]]

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        folder = path.rpartition("/")[0]
        return nodeid if path in APART else folder if folder in TOGETHER else path

    def _assign_work_unit(self, node: Any) -> None:
        if not self.assigned_work[node]:
            self.workqueue = OrderedDict(sorted(self.workqueue.items(), key=lambda unit: _rank(unit[0])))
        super()._assign_work_unit(node)


def _rank(scope: str) -> int:
    return next((rank for rank, first in enumerate(FIRST) if scope.startswith(first)), len(FIRST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Spreading:
    return Spreading(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Trace, or rest from it."""
    coverage = item.config.pluginmanager.getplugin("_cov")
    traced = item.path.parent.name not in UNTRACED
    if coverage is not None and coverage.cov_controller is not None and coverage.cov_controller.started != traced:
        (coverage.cov_controller.resume if traced else coverage.cov_controller.pause)()
    return (yield)


@contextmanager
def making_room() -> Iterator[Path]:
    """A directory for a PostgreSQL and all that goes with it; not tmp_path, which pytest closes to other accounts."""
    room = Path(tempfile.mkdtemp(prefix="khoso-test-", dir=_in_memory()))
    room.chmod(0o711)  # the account that runs PostgreSQL for root must get through
    try:
        yield room
    finally:
        shutil.rmtree(room)


def _in_memory() -> str:
    """Where files are never written to a disk, if there is room: a database is made and dropped three times as fast."""
    memory = "/dev/shm"
    if not os.access(memory, os.W_OK):
        return "/tmp"
    room = os.statvfs(memory)
    fits = room.f_bavail * room.f_frsize > 4 << 30 and not room.f_flag & os.ST_NOEXEC
    return memory if fits else "/tmp"
