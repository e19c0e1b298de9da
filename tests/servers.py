"""`khoso serve` as it is run: real processes on a port, with all that they print."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec

from demo.launching import KHOSO, clean, free_port, list_processes, wait_gone
from grounds import NO_TLS, Clock
from khoso.config import Config, to_environment


class Server:
    """One server, for all its starts. Options are those of `khoso serve`."""

    def __init__(self, config: Config, log: Path) -> None:
        self.config = msgspec.structs.replace(config, port=free_port(), demo=True)  # its root is one of development
        self.url = f"http://127.0.0.1:{self.config.port}"
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None
        return self._process

    @property
    def log(self) -> str:
        """Everything that all starts printed."""
        return self._log.read_text()

    def start(self, *options: str, until: str = "/readyz") -> None:
        """Returns when it answers at that path."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*KHOSO, "serve", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=clean(os.environ) | to_environment(self.config),
                start_new_session=True,
            )
        self.wait_until(until)

    def wait_until(self, answers: str) -> None:
        """Returns when it answers at that path."""
        deadline = time.monotonic() + 60
        while not self.answers(answers):
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def answers(self, path: str) -> bool:
        try:
            return httpx.get(f"{self.url}{path}", verify=NO_TLS).status_code == 200
        except httpx.TransportError:
            return False

    def kill_all(self) -> None:
        """SIGKILL to every process of it, at once."""
        processes = list_processes(self.process.pid)
        for pid in processes:
            with suppress(ProcessLookupError):  # it went with one that was before it
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        assert wait_gone(processes, 5) == {}

    def kill_launcher(self) -> dict[int, str]:
        """SIGKILL to the launcher alone; answers what it had started."""
        processes = list_processes(self.process.pid)
        self.process.kill()
        self.process.wait()
        return processes

    def terminate(self) -> int:
        """SIGTERM; answers the exit status."""
        self.process.terminate()
        return self.process.wait(30)


class WallClock(Clock):
    """What real processes go by."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


@contextmanager
def serving(config: Config, log: Path, *options: str) -> Iterator[Server]:
    """A server that is ready, until the end."""
    server = Server(config, log)
    try:
        server.start(*options)
        yield server
    finally:
        if server.process.poll() is None:
            server.kill_all()


@contextmanager
def worker(config: Config) -> Iterator["subprocess.Popen[bytes]"]:
    """`khoso worker`, until the end."""
    of_development = msgspec.structs.replace(config, demo=True)  # its root is
    process = subprocess.Popen([*KHOSO, "worker"], env=clean(os.environ) | to_environment(of_development))
    try:
        yield process
    finally:
        process.kill()
        process.wait()
