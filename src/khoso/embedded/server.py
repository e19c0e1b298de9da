"""A real PostgreSQL as a child of this process, for the demonstration, development and tests."""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Self
from urllib.parse import quote

from khoso.embedded.account import Account, choose_account
from khoso.embedded.binaries import find_bindir, make_executable_for
from khoso.embedded.cluster import SUPERUSER, check_cluster, create_cluster, remove_stale_pid_file
from khoso.embedded.errors import EmbeddedBaseUnusable, PostgresStartFailed
from khoso.embedded.locks import hold

WITHOUT_DURABILITY: Final[Mapping[str, str]] = MappingProxyType(
    {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
)
"""Settings for tests: nothing waits for the disk, and a power failure may cost the whole data directory."""

_PORT = 5432  # only names the socket file; nothing listens on a port
_OURS = frozenset({"listen_addresses", "port", "unix_socket_directories", "unix_socket_permissions"})
_MADE_HERE = ("pgdata", "pgdata.new", "programs", "pgpass-*", "postgres.log", "*.lock")
_FORMER_RUN_PATIENCE_SECONDS = 90
_START_PATIENCE_SECONDS = 300  # recovery after a crash may replay much
_STOP_PATIENCE_SECONDS = 60
_POLL_SECONDS = 0.01
_PR_SET_PDEATHSIG = 1


class EmbeddedPostgres:
    """PostgreSQL on the directory `base`, reached through a Unix socket only, while the context lasts.

    Enter it in the main thread of the launcher: when that thread dies, even of SIGKILL, Linux tells PostgreSQL to
    shut down. (macOS does not; there the next start waits for the former PostgreSQL and then refuses.) Run as root,
    it hands over to an unprivileged account. The data are as durable as PostgreSQL makes them by default, unless
    `settings` say otherwise. Entering raises the errors of `khoso.embedded.errors`.
    """

    socket_dir: Path
    version: int
    """Major version of the programs."""

    def __init__(
        self, base: Path, *, settings: Mapping[str, str] = MappingProxyType({}), bindir: Path | None = None
    ) -> None:
        if refused := settings.keys() & _OURS:
            raise ValueError(f"settings decided here: {', '.join(sorted(refused))}")
        self.base = base.resolve()
        self._data = self.base / "pgdata"
        self._log = self.base / "postgres.log"
        self._settings = settings
        self._bindir = bindir
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            raise PostgresStartFailed("to be started in the main thread: PostgreSQL stops when that thread ends")
        with ExitStack() as undo:
            self._start(undo)
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    def dsn(self, database: str = "postgres", role: str = SUPERUSER) -> str:
        """The address of `database` for `role`, for libpq and asyncpg alike. It names a file with the password."""
        host, passfile = quote(str(self.socket_dir)), quote(str(self.passfile(role)))
        return f"postgresql://{role}@/{quote(database)}?host={host}&port={_PORT}&passfile={passfile}"

    def passfile(self, role: str) -> Path:
        """Where the password of `role` is kept."""
        return self.base / f"pgpass-{role}"

    def _start(self, undo: ExitStack) -> None:
        # 1. One launcher at a time, and after a crash not before the PostgreSQL of the former has gone.
        _make_base(self.base)
        undo.enter_context(hold(self.base / "launcher.lock"))
        with hold(self.base / "postgres.lock", _FORMER_RUN_PATIENCE_SECONDS) as lock:
            # 2. Who runs it, with which programs.
            account = choose_account(self._data)
            if not account.can_enter(self.base):
                raise EmbeddedBaseUnusable(
                    f"{self.base} or a directory above it is closed to the account that runs PostgreSQL"
                )
            bindir, self.version = make_executable_for(account, find_bindir(self._bindir), self.base / "programs")
            # 3. The data.
            passfile = self.passfile(SUPERUSER)
            if not self._data.exists():
                create_cluster(self._data, passfile, bindir, self.version, account, lock)
            check_cluster(self._data, passfile, self.version)
            remove_stale_pid_file(self._data)
            # 4. The server, which inherits the lock.
            self.socket_dir = _make_socket_dir(self.base / "socket", account)
            undo.callback(_remove_socket_dir, self.base / "socket")
            log_start = self._log.stat().st_size if self._log.exists() else 0
            process = self._spawn(bindir, account, lock)
            undo.callback(_stop, process)
        self._wait_until_ready(process, log_start)

    def _spawn(self, bindir: Path, account: Account, lock: int) -> subprocess.Popen[bytes]:
        settings = {
            **self._settings,
            "listen_addresses": "",
            "port": str(_PORT),
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": "0700",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        self._log.touch(mode=0o600)
        with self._log.open("ab") as log:
            return account.spawn(
                bindir / "postgres",
                "-D",
                self._data,
                *options,
                output=log,
                keep_open=(lock,),
                before_exec=_stop_with_launcher(),
            )

    def _wait_until_ready(self, process: subprocess.Popen[bytes], log_start: int) -> None:
        deadline = time.monotonic() + _START_PATIENCE_SECONDS
        while not _is_ready(self._data / "postmaster.pid", process.pid):
            if process.poll() is not None:
                log = self._log.read_bytes()[log_start:].decode(errors="replace")
                raise PostgresStartFailed(f"postgres ended with {process.returncode}: {log.strip()}")
            if time.monotonic() > deadline:
                raise PostgresStartFailed(f"not ready after {_START_PATIENCE_SECONDS} s, see {self._log}")
            time.sleep(_POLL_SECONDS)


def remove(base: Path) -> None:
    """Delete the PostgreSQL of `base` with all its data. Raises EmbeddedBaseInUse while it is used."""
    if not base.is_dir():
        return
    with hold(base / "launcher.lock"), hold(base / "postgres.lock", _FORMER_RUN_PATIENCE_SECONDS):
        _remove_socket_dir(base / "socket")
        for path in (found for pattern in _MADE_HERE for found in base.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    if not any(base.iterdir()):
        base.rmdir()


def _make_base(base: Path) -> None:
    """An existing directory keeps its mode; a new one can be passed through, but not listed, by others."""
    if base.is_dir():
        return
    try:
        base.mkdir(parents=True)
        base.chmod(0o711)
    except OSError as error:
        raise EmbeddedBaseUnusable(f"{base}: {error.strerror}") from error


def _make_socket_dir(place: Path, account: Account) -> Path:
    """The directory `place`, or, if its name does not do for a socket, a short one to which `place` is a link.

    A socket's whole path has room for 103 bytes on macOS and 107 on Linux; commas separate hosts.
    """
    _remove_socket_dir(place)
    if re.fullmatch(r"[\w./-]{1,88}", str(place), re.ASCII):
        place.mkdir(mode=0o700)
        directory = place
    else:
        # Not TMPDIR: it may be long itself, or closed to the account that runs PostgreSQL.
        directory = Path(tempfile.mkdtemp(prefix="khoso-", dir="/tmp"))
        place.symlink_to(directory)
    account.take(directory)
    return directory


def _remove_socket_dir(place: Path) -> None:
    if place.is_symlink():
        shutil.rmtree(place.readlink(), ignore_errors=True)
        place.unlink()
    elif place.exists():
        shutil.rmtree(place)


def _stop_with_launcher() -> Callable[[], None] | None:
    """What the child does before it becomes PostgreSQL: ask Linux for SIGINT, a fast shutdown, at our death."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    launcher = os.getpid()

    def before_exec() -> None:
        # We may have died before the request was made.
        if prctl(_PR_SET_PDEATHSIG, signal.SIGINT) != 0 or os.getppid() != launcher:
            os._exit(1)

    return before_exec


def _is_ready(pid_file: Path, pid: int) -> bool:
    """PostgreSQL writes its state into the eighth line of its pid file."""
    try:
        lines = pid_file.read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _stop(process: subprocess.Popen[bytes]) -> None:
    """A fast shutdown; SIGTERM would wait for the clients to leave. If it hangs, an immediate one."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)
        process.wait()
