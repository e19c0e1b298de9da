"""Who uses the base directory."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from khoso.embedded.errors import EmbeddedBaseInUse, EmbeddedBaseUnusable
from khoso.locks import try_lock

_POLL_SECONDS = 0.02


@contextmanager
def hold(path: Path, patience_seconds: float = 0) -> Iterator[int]:
    """Hold the lock `path`, and yield its open file: the lock lasts as long as any process keeps that open.

    Raises EmbeddedBaseInUse when it is not free within `patience_seconds`, EmbeddedBaseUnusable when it cannot be
    opened.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise EmbeddedBaseUnusable(f"{path}: {error.strerror}") from error
    try:
        deadline = time.monotonic() + patience_seconds
        while not try_lock(descriptor):
            if time.monotonic() >= deadline:
                raise EmbeddedBaseInUse(f"{path} is held by another process")
            time.sleep(_POLL_SECONDS)
        yield descriptor
    finally:
        # Closing, not unlocking: a PostgreSQL that inherited the file goes on holding the lock.
        os.close(descriptor)
