"""Running the server: web workers, and beside them the worker for background jobs."""

import multiprocessing
import os
import shutil
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops

from khoso.config import Config, to_environment
from khoso.processes import Supervised

_DRAIN_SECONDS = 10
_READY_SECONDS = 60.0
_BACKPRESSURE = 256
"""Requests one worker handles at once; more wait in the socket."""


def serve(config: Config, *, with_worker: bool = True, on_ready: Callable[[], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then drain. `on_ready` is called once, when the server first answers."""
    os.environ.update(to_environment(config))  # the workers read it as this process did
    _prepare_metrics(config)
    # Forked workers would keep whatever the launcher holds, such as the lock of an embedded database.
    multiprocessing.set_start_method("spawn", force=True)
    worker = Supervised([sys.executable, "-m", "khoso", "worker", "--parent", str(os.getpid())])
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
        log_enabled=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_DRAIN_SECONDS,
    )
    if on_ready is not None:
        threading.Thread(target=_call_when_ready, args=(config, on_ready), daemon=True).start()
    if with_worker:
        worker.start()
    try:
        server.serve()
    finally:
        if with_worker:
            worker.stop()


def _prepare_metrics(config: Config) -> None:
    """An empty directory for the metrics that the workers share."""
    directory = config.data_dir / "metrics"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory.resolve())


def _call_when_ready(config: Config, on_ready: Callable[[], None]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if _answers(f"http://{config.host}:{config.port}/readyz"):
            on_ready()
            return
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own http address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
