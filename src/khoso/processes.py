"""Child processes that never outlive their launcher."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_RESTART_SECONDS = 2.0
_STOP_SECONDS = 20.0


def die_with(parent: int) -> None:
    """Ask the kernel to end this process when its parent dies, even by SIGKILL. Linux only; elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the request
            os.kill(os.getpid(), signal.SIGTERM)


class Supervised:
    """A command kept running beside this process until `stop`: started again whenever it ends."""

    def __init__(self, command: Sequence[str]) -> None:
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
        child = self._child
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
        self._thread.join(_STOP_SECONDS)

    def _keep_running(self) -> None:
        while not self._stopping.is_set():
            # A session of its own: Ctrl-C reaches the launcher, which stops its children in order.
            self._child = subprocess.Popen(  # noqa: S603 - our own command line
                self._command, stdin=subprocess.DEVNULL, start_new_session=True
            )
            if self._stopping.is_set():
                self._child.terminate()
            self._child.wait()
            self._stopping.wait(_RESTART_SECONDS)
