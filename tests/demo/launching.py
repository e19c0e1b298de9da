"""`khoso demo` as a person starts it: a process of its own, with what it printed and everything it started."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import cycle
from pathlib import Path

from khoso.demo.places import Places

END = "Ctrl-C"
"""Begins the last line that a demonstration prints when it is ready."""

PATIENCE_SECONDS = 90
"""What takes longer hangs."""

KHOSO = (sys.executable, "-m", "khoso")


def _ports() -> Iterator[int]:
    """A process of the suite has a sixteenth of the ports below those that the kernel gives to outgoing connections."""
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = [*range(20_000 + process % 16, 32_000, 16)]
    begin = random.randrange(len(ports))  # another suite may run on this machine
    return cycle(ports[begin:] + ports[:begin])


_PORTS = _ports()


def free_port() -> int:
    """A port where nobody listens, and nobody else of this suite will: a server that is killed finds it again."""
    for port in _PORTS:
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("a cycle has no end")


class Demo:
    """A demonstration on `directory`, for all starts of one test."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.port = free_port()
        self.origin = f"http://localhost:{self.port}"
        self.keys_dir = directory / "keys"
        self.data_dir = directory / "var"
        self.places = Places(self.data_dir)
        self.command: tuple[str, ...] = KHOSO
        self.settings = {"KHOSO_KEYS_DIR": str(self.keys_dir), "KHOSO_DATA_DIR": str(self.data_dir), **settings}
        self._out, self._err = directory / "out.txt", directory / "err.txt"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None
        return self._process

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def start(self, *options: str) -> None:
        """In a session of its own: a terminal in which Ctrl-C reaches it and whatever stayed in its group."""
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [*self.command, "demo", "--port", str(self.port), *options],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=clean(os.environ) | self.settings,
                start_new_session=True,
            )

    def run(self, *options: str) -> int:
        """To its end."""
        self.start(*options)
        return self.process.wait(PATIENCE_SECONDS)

    def wait_ready(self) -> None:
        """Until it says so. How long that takes is no test: docs/performance.md has it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while END not in self.out:
            assert self.process.poll() is None, self.err
            assert time.monotonic() < deadline, self.err
            time.sleep(0.02)

    def wait_loading(self) -> None:
        """Until papers are being made."""
        while not self.places.papers.exists():
            assert self.process.poll() is None, self.err
            time.sleep(0.005)

    def press_ctrl_c(self) -> int:
        """Exit status, when everything had gone."""
        everything = self.list_processes()
        os.killpg(self.process.pid, signal.SIGINT)
        status = self.process.wait(PATIENCE_SECONDS)
        assert wait_gone(everything, 0.5) == {}, "left behind"
        return status

    def kill(self) -> dict[int, str]:
        """The launcher alone, by SIGKILL. Answers what it had started."""
        children = self.list_processes()
        self.process.kill()
        self.process.wait()
        return children

    def list_processes(self) -> dict[int, str]:
        """The launcher and all below it, with their command lines."""
        return list_processes(self.process.pid)

    def end(self) -> None:
        """Leave nothing of it on the machine."""
        if self._process is not None and self._process.poll() is None:
            assert wait_gone(self.kill(), 20) == {}
        with self.places.held():
            self.places.clear()


def list_processes(launcher: int) -> dict[int, str]:
    """A process and all below it, with their command lines."""
    parents = dict(_parents())
    return {pid: _command_line(pid) for pid in parents if launcher in _line(pid, parents)}


def wait_gone(processes: Mapping[int, str], within_seconds: float) -> dict[int, str]:
    """Those of the processes that still run after that time."""
    deadline = time.monotonic() + within_seconds
    while running := {pid: line for pid, line in processes.items() if _command_line(pid) == line}:
        if time.monotonic() > deadline:
            return running
        time.sleep(0.02)
    return {}


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without settings of ours."""
    return {name: value for name, value in environ.items() if not name.startswith("KHOSO_")}


def _command_line(pid: int) -> str:
    """Empty for a process that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _parents() -> list[tuple[int, int]]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        found.append((int(stat.parent.name), int(fields[1])))
    return found


def _line(pid: int, parents: Mapping[int, int]) -> set[int]:
    """The process and those above it."""
    line = set()
    while pid in parents and pid not in line:
        line.add(pid)
        pid = parents[pid]
    return line
