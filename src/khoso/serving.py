"""Running the server: web workers, and beside them the worker for background jobs."""

import errno
import multiprocessing
import os
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.log import LogLevels

from khoso import observing
from khoso.config import LAST_PORT, Config, to_environment
from khoso.errors import ConfigurationError
from khoso.locks import abandoned, make_own
from khoso.processes import Supervised, on_failing_child

_DRAIN_SECONDS = 10
_BACKPRESSURE = 256
"""Requests one worker handles at once; more wait in the socket."""

_MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there is made for this account alone
_LOGGERS = {"loggers": {"_granian": {"handlers": [], "propagate": True}}}
"""Why a web worker ended goes where all logs go."""


def serve(config: Config, *, with_worker: bool = True) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Raises ConfigurationError where the address cannot be listened on, and SystemExit where a worker cannot be made.
    """
    check_address(config)
    observing.configure_logging(config)
    os.environ.update(to_environment(config))  # the workers read it as this process did
    # Forked workers would keep whatever the launcher holds, such as the lock of an embedded database.
    multiprocessing.set_start_method("spawn", force=True)
    worker = Supervised("worker")
    server = Granian(
        "khoso.app:create_served_app",
        factory=True,
        address=config.host,
        port=config.port,
        interface=Interfaces.ASGI,
        workers=config.workers,
        http=HTTPModes.http1,
        websockets=False,
        loop=Loops.uvloop,
        backpressure=_BACKPRESSURE,
        log_access=False,
        log_level=LogLevels.error,
        log_dictconfig=_LOGGERS,
        respawn_failed_workers=True,
        workers_kill_timeout=_DRAIN_SECONDS,
    )
    in_vain = Event()

    def give_up() -> None:
        in_vain.set()
        server.signal_handler_interrupt()  # type: ignore[no-untyped-call]

    # The server itself gives up only when a worker ends within six seconds of being started again, and forgets those
    # times whenever another one ends: slow ones, or two that end in turns, it would start for ever.
    on_failing_child(give_up)
    with _shared_metrics(config):
        if with_worker:
            worker.start()
        try:
            server.serve()
        finally:
            if with_worker:
                worker.stop()
    if in_vain.is_set():
        raise SystemExit(1)


def check_address(config: Config, what: str = "") -> None:
    """Raise ConfigurationError unless this process could listen there now; `what` wants to."""
    if not 0 < config.port <= LAST_PORT:
        raise ConfigurationError(f"port {config.port}{what}: choose one from 1 to {LAST_PORT} with --port")
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        # Not reuse_port, with which a second server would quietly share the port of a first.
        socket.create_server((config.host, config.port), family=family).close()
    except OSError as error:
        place = f"{config.host}:{config.port}"
        if error.errno == errno.EADDRINUSE:
            message = f"{place}{what} is taken by another program: end that, or choose another port with --port"
        else:
            message = f"{place}{what} cannot be listened on ({error.strerror}): choose others with --host and --port"
        raise ConfigurationError(message) from None


@contextmanager
def _shared_metrics(config: Config) -> Iterator[None]:
    """A directory for what the processes of this server count, and of no other that runs on this machine.

    Held by a lock: what a server has left that was killed is removed when the next one starts.
    """
    places = _place_of_metrics(config)
    with abandoned(places.glob("[!.]*")) as left:
        for one in left:
            shutil.rmtree(one, ignore_errors=True)
    directory, lock = make_own(places)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    try:
        yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(lock)


def _place_of_metrics(config: Config) -> Path:
    """Memory, where the system has such a place: whoever counts in a mapped file is ended by a disk that is full."""
    own = _MEMORY / f"khoso-{os.getuid()}"
    with suppress(OSError):
        own.mkdir(mode=0o700, exist_ok=True)
        found = own.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():  # else somebody else was here before
            return own
    places = (config.data_dir / "metrics").resolve()
    places.mkdir(parents=True, exist_ok=True)
    return places
