"""A device library as all threads of a process share it, and the one way to begin again with it.

PKCS #11 (2.40, 5.4) gives a process one state in each library: what one thread ends is ended for all.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from khoso.errors import KeyStoreError
from khoso.signing.cryptoki import CkError, Cryptoki

_PATIENCE_SECONDS = 2.0


class Library:
    """Many threads may be calling it, or one is starting it anew."""

    def __init__(self, cryptoki: Cryptoki) -> None:
        self._cryptoki = cryptoki
        self._changed = threading.Condition()
        self._calling = 0
        self._running = False
        self.run = 0
        """Counts the starts. Sessions and handles belong to one run."""

    @contextmanager
    def calling(self) -> Iterator[Cryptoki]:
        """The library, running, for as long as this lasts. Raises CkError if it does not start."""
        with self._changed:
            if not self._running:
                self._cryptoki.initialize()
                self._running = True
            self._calling += 1
        try:
            yield self._cryptoki
        finally:
            with self._changed:
                self._calling -= 1
                self._changed.notify_all()

    def start_anew(self, run: int) -> None:
        """End that run, unless it has ended: some libraries see a device that came back only in a new one.

        Nothing happens while a thread hangs in the library: it cannot be ended under it.
        """
        with self._changed:
            alone = self._changed.wait_for(lambda: self._calling == 0, _PATIENCE_SECONDS)
            if alone and self.run == run:
                with suppress(CkError):
                    self._cryptoki.finalize()
                self._running = False
                self.run += 1


@cache
def load_library(path: Path) -> Library:
    """The library of this process at that path. Raises KeyStoreError if it cannot be loaded."""
    try:
        return Library(Cryptoki(path))
    except OSError as error:
        raise KeyStoreError(f"{error}; KHOSO_PKCS11_MODULE is the library that came with the device") from None
