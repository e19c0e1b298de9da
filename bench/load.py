"""The load generator: `wrk` posts prepared bodies to a server on this machine while its CPU time is counted.

Needs `wrk` (Debian package of that name) and Linux's /proc. Machines shared with others are noisy: the CPU time a
server spends per request hardly depends on what else runs, so it stands beside every rate.
"""

import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

HOST = "127.0.0.1"
_SCRIPT = Path(__file__).with_name("load.lua")
_TICKS = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS = 10
_LONGEST_RUN_SECONDS = 600


class BenchError(Exception):
    """The benchmark could not be carried out."""


class Load(msgspec.Struct, frozen=True):
    """What one run of wrk saw: latencies in milliseconds; `refused` answers had status 400 or above, `broken` none."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int
    broken: int
    server_cpu_seconds: float = 0.0

    @property
    def requests_per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def server_cpu_us_per_request(self) -> float:
        return self.server_cpu_seconds * 1e6 / max(self.requests, 1)


def drive(
    url: str,
    bodies: Path,
    server_pid: int,
    *,
    connections: int = 16,
    seconds: int = 10,
    headers: Mapping[str, str] | None = None,
    idempotency_keys: bool = False,
) -> Load:
    """POST the lines of `bodies` in order, over and over, for `seconds`, and count the server's CPU time meanwhile.

    With `idempotency_keys` each request carries an Idempotency-Key of its own. Raises BenchError if wrk fails.
    """
    if seconds > _LONGEST_RUN_SECONDS:
        raise BenchError(f"{seconds} s asked, {_LONGEST_RUN_SECONDS} at most")
    command = ["wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s", "--timeout=10s"]
    command += [f"--header={name}: {value}" for name, value in (headers or {}).items()]
    command += [f"--script={_SCRIPT}", url, "--", str(bodies)]
    command += [secrets.token_hex(8)] if idempotency_keys else []
    before = cpu_seconds(server_pid)
    seen = _run_wrk(command, seconds)
    return msgspec.structs.replace(seen, server_cpu_seconds=cpu_seconds(server_pid) - before)


def _run_wrk(command: Sequence[str], seconds: int) -> Load:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=True)
    except FileNotFoundError:
        raise BenchError("wrk is missing: apt-get install wrk") from None
    except subprocess.SubprocessError as error:
        raise BenchError(f"wrk failed: {error}") from error
    try:
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=Load)
    except (IndexError, msgspec.DecodeError) as error:
        raise BenchError(f"wrk gave no summary: {done.stdout[-500:]}{done.stderr[-500:]}") from error


def cpu_seconds(pid: int) -> float:
    """User and system time so far of a process and its descendants, those that ended and were waited for included."""
    ticks: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for process, parent, spent in _processes():
        ticks[process] = spent
        children.setdefault(parent, []).append(process)
    family = [pid]
    for member in family:  # grows while it is walked
        family += children.get(member, [])
    return sum(ticks.get(member, 0) for member in family) / _TICKS


def _processes() -> Iterator[tuple[int, int, int]]:
    """(pid, parent's pid, ticks) of every process, from proc_pid_stat(5): fields 4 and 14 to 17."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended between the listing and the look
        fields = stat[stat.rindex(")") + 2 :].split()
        yield int(folder.name), int(fields[1]), sum(map(int, fields[11:15]))


class Server(msgspec.Struct, frozen=True):
    """A server under test, in a process group of its own that `pid` leads."""

    pid: int
    port: int

    @property
    def origin(self) -> str:
        return f"http://{HOST}:{self.port}"


def free_port() -> int:
    """A TCP port of the loopback address that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(
    command: Sequence[str | Path],
    port: int,
    *,
    health: str = "/health",
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    patience_seconds: float = 120,
) -> Iterator[Server]:
    """Run a server on `port` of the loopback address, from its first healthy answer to the end of the block.

    Raises BenchError, with the end of what the server printed, if it ends early or never becomes healthy.
    """
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        server = Server(process.pid, port)
        try:
            if not _is_healthy(process, server.origin + health, patience_seconds):
                log.seek(0)
                raise BenchError(f"{command[0]} did not become healthy:\n{log.read()[-2000:]}")
            yield server
        finally:
            _stop(process)


def _is_healthy(process: subprocess.Popen[bytes], url: str, patience_seconds: float) -> bool:
    deadline = time.monotonic() + patience_seconds
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process group: politely, then by force."""
    _signal_group(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    _signal_group(process.pid, signal.SIGKILL)  # a member may outlive its leader
    process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)
