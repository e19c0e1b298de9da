"""The newest bundle on disk: what a server starts from while its database is away, and an offline verifier goes by."""

import os
import secrets
from pathlib import Path

NAME = "bundle"


class BundleFile:
    """The bundle in one directory: whole or not there, also after a power cut."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / NAME

    def read(self) -> bytes | None:
        """The bundle; None if there is none. Raises OSError."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None

    def write(self, data: bytes) -> None:
        """Replace the bundle, unless it is the same already. Raises OSError; the old one then stays."""
        if self.read() == data:  # another worker was first
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{NAME}.{secrets.token_hex(4)}")
        try:
            _write_through(temporary, data)
            temporary.replace(self.path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync(self.path.parent)


def _write_through(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    """Make the new name in it last."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
