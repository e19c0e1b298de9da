"""Passwords in files only their owner may read, in the format of libpq, so that no address carries a secret."""

import os
import secrets
from pathlib import Path


def write_passfile(path: Path, role: str) -> str:
    """Keep a new random password for `role` in `path` and return it. The file is there whole and durable, or not."""
    password = secrets.token_urlsafe(24)
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    with unfinished.open("w") as file:
        file.write(f"*:*:*:{role}:{password}\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    sync_directory(path.parent)
    return password


def read_password(path: Path) -> str:
    """The password in a file of `write_passfile`, whose passwords hold neither colon nor backslash."""
    return path.read_text().rstrip("\n").rpartition(":")[2]


def sync_directory(path: Path) -> None:
    """Make renames in `path` survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
