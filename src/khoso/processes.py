"""Child processes that never outlive their launcher, and tell it when it is no use to start them again."""

import ctypes
import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 20.0
_PAUSE_MIN_SECONDS = 2.0
_PAUSE_MAX_SECONDS = 60.0
_STEADY_SECONDS = 60.0
"""Whatever has run this long was well: its end is an accident, not a fault that will repeat itself at once."""

_YOUNG_OBJECTS = 20_000
"""Objects made before the collector looks at the youngest; a request makes some hundreds."""

_IN_VAIN = signal.SIGUSR1

log = logging.getLogger(__name__)


def die_with(parent: int, by: signal.Signals = signal.SIGTERM) -> None:
    """Ask the kernel to end this process `by` a signal when its parent dies. Linux only; elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, by)
        if os.getppid() != parent:  # it died before the request
            os.kill(os.getpid(), by)


def is_running(pid: int) -> bool:
    """Whether a process of that number runs, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another account's
        pass
    return True


def take_long_turns() -> None:
    """Ask Linux that this thread, and all that it starts from now on, wait for others' turns to end when woken.

    The threads of a web worker hand each request to one another. Else the one that is woken interrupts the one that
    has woken it, which still holds the interpreter's lock, and then waits for that lock: a quarter of a request's time
    (docs/performance.md). `SCHED_BATCH`, sched(7). Nothing where something else was chosen for this process, or is
    forbidden, or there is no Linux.
    """
    if sys.platform == "linux" and os.sched_getscheduler(0) == os.SCHED_OTHER:
        with suppress(OSError):  # a sandbox may forbid it, and it is only about speed
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def spare_the_collector() -> None:
    """What is loaded now stays: the garbage collector need not look at it again and again.

    For a process that serves or works, once it has everything that it lives by.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)


@contextmanager
def told_to(launcher: int) -> Iterator[None]:
    """What fails within would fail again and again: it is logged, and the launcher told (`on_failing_child`)."""
    try:
        yield
    except Exception:
        log.exception("a child process cannot start")  # now, for the launcher may end this process at once
        os.kill(launcher, _IN_VAIN)
        raise


def on_failing_child(react: Callable[[], None]) -> None:
    """Call `react` in the main thread when a child of this process says that it is no use to start it again."""
    signal.signal(_IN_VAIN, lambda *_: react())


def spawn_khoso(command: str, *, keep_open: Sequence[int] = ()) -> "subprocess.Popen[bytes]":
    """Start `khoso <command> --parent <pid>`, which is to call `die_with`.

    In a session of its own: Ctrl-C reaches the launcher, which stops its children in order.
    """
    return subprocess.Popen(  # noqa: S603 - our own command line
        [sys.executable, "-m", "khoso", command, "--parent", str(os.getpid())],
        stdin=subprocess.DEVNULL,
        pass_fds=keep_open,
        start_new_session=True,
    )


def stop(child: "subprocess.Popen[bytes]") -> None:
    """End it: politely, then not."""
    child.terminate()
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


class Supervised:
    """A `khoso` command kept running beside this process until `stop`: started again whenever it ends."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_running, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start it; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End it: politely, then not."""
        self._stopping.set()
        if self._child is not None:
            stop(self._child)
        self._thread.join(_STOP_SECONDS)

    def _keep_running(self) -> None:
        pause = _PAUSE_MIN_SECONDS
        while not self._stopping.is_set():
            started = time.monotonic()
            self._child = spawn_khoso(self._command)
            if self._stopping.is_set():
                self._child.terminate()
            status = self._child.wait()
            if self._stopping.is_set():
                return
            steady = time.monotonic() - started > _STEADY_SECONDS
            pause = _PAUSE_MIN_SECONDS if steady else min(2 * pause, _PAUSE_MAX_SECONDS)
            log.error("khoso %s ended with status %s; starting it again in %.0f s", self._command, status, pause)
            self._stopping.wait(pause)
