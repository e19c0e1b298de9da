import os
import pwd
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from demo.launching import KHOSO, Demo
from economy import making_room
from khoso import migrating

_TRIAL = "import subprocess, sys, asyncpg, granian, khoso; subprocess.run([sys.executable, '--version'], check=True)"
"""Its own child, because what root has given away still counts for the first program after setpriv."""

NewDemo = Callable[..., Demo]


@pytest.fixture
def room() -> Iterator[Path]:
    with making_room() as room:
        yield room


@pytest.fixture
def new_demo(room: Path) -> Iterator[NewDemo]:
    """Demonstrations with one web worker that are not started yet; at the end nothing of them is left."""
    with ExitStack() as ends:

        def make(**settings: str) -> Demo:
            demo = Demo(room, KHOSO_WORKERS="1", **settings)
            ends.callback(demo.end)
            return demo

        yield make


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """One that runs, for all tests that only look at it."""
    with making_room() as room:
        demo = Demo(room)
        try:
            demo.start()
            demo.wait_ready()
            yield demo
        finally:
            demo.end()


@pytest.fixture
def ordinary_demo(room: Path) -> Iterator[Demo]:
    """A demonstration of a user who is not root, in a directory of his."""
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


def _home(module_file: str) -> str:
    return str(Path(module_file).parents[1])


def _python_for(become: tuple[str, ...], settings: dict[str, str]) -> str:
    """An interpreter that this user may run: root's own may lie in root's closed home."""
    for python in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        trial = (*become, python, "-c", _TRIAL)
        if subprocess.run(trial, env=settings, capture_output=True, check=False).returncode == 0:
            return python
    pytest.skip("no Python of this version that an ordinary user may run together with these packages")
