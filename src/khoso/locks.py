"""What one process holds at a time. The kernel releases these locks at any death; a pid in a file may be reused."""

import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def try_lock(file: int) -> bool:
    """Hold an open file or directory until it is closed; whether nobody else held it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def make_own(parent: Path) -> tuple[Path, int]:
    """A new directory, and the open file by which this process holds it for as long as that stays open."""
    # Hidden until it is locked, so that nobody takes it for a dead one's.
    name = secrets.token_hex(8)
    hidden = parent / f".{name}"
    hidden.mkdir(mode=0o700)
    lock = os.open(hidden, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return hidden.rename(parent / name), lock


@contextmanager
def abandoned(directories: Iterable[Path]) -> Iterator[list[Path]]:
    """Those of the directories that nobody holds, held."""
    held: dict[Path, int] = {}
    try:
        for directory in directories:
            with suppress(FileNotFoundError):  # another one has just removed it
                lock = os.open(directory, os.O_RDONLY)
                if try_lock(lock) and directory.exists():
                    held[directory] = lock
                else:
                    os.close(lock)
        yield sorted(held)
    finally:
        for lock in held.values():
            os.close(lock)
