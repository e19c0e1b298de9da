import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from demo.launching import KHOSO, Demo
from economy import in_memory
from khoso import migrating

_TRIAL = "import subprocess, sys, asyncpg, granian, khoso; subprocess.run([sys.executable, '--version'], check=True)"
"""Its own child, because what root has given away still counts for the first program after setpriv."""

NewDemo = Callable[..., Demo]


@pytest.fixture
def new_demo(tmp_path: Path) -> Iterator[NewDemo]:
    """Demonstrations that are not started yet; at the end nothing of them is left."""
    with ExitStack() as ends:

        def make(**settings: str) -> Demo:
            demo = Demo(tmp_path, **settings)
            ends.callback(demo.end)
            return demo

        yield make


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One that runs, for all tests that only look at it."""
    demo = Demo(tmp_path_factory.mktemp("demo"))
    try:
        demo.start()
        demo.wait_ready()
        yield demo
    finally:
        demo.end()


@pytest.fixture
def ordinary_demo() -> Iterator[Demo]:
    """A demonstration of a user who is not root, in a directory of his."""
    room = Path(tempfile.mkdtemp(prefix="khoso-test-", dir=in_memory()))
    demo = Demo(room)
    if os.geteuid() == 0:
        account = pwd.getpwnam("nobody")
        os.chown(room, account.pw_uid, account.pw_gid)
        become = ("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups")
        demo.settings["PYTHONPATH"] = os.pathsep.join((_home(migrating.__file__), sysconfig.get_path("platlib")))
        demo.command = (*become, _python_for(become, demo.settings), *KHOSO[1:])
    try:
        yield demo
    finally:
        demo.end()
        shutil.rmtree(room)


def _home(module_file: str) -> str:
    return str(Path(module_file).parents[1])


def _python_for(become: tuple[str, ...], settings: dict[str, str]) -> str:
    """An interpreter that this user may run: root's own may lie in root's closed home."""
    for python in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        trial = (*become, python, "-c", _TRIAL)
        if subprocess.run(trial, env=settings, capture_output=True, check=False).returncode == 0:
            return python
    pytest.skip("no Python of this version that an ordinary user may run together with these packages")
