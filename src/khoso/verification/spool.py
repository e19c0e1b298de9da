"""The spool: batches that the database could not take, as files of this machine, each whole and durable or not there.

Every process that has to keep something makes a tray of its own, a directory that it holds locked for as long as it
lives. What a dead one left in its tray is delivered by whoever finds the tray unlocked; the receipt of a batch, written
in the transaction that delivers it, decides that it is delivered once.

    spool/<tray>/<batch>            spool/damaged/<tray>-<batch>, for a person to look at
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec

from khoso.locks import abandoned, make_own
from khoso.verification.store import CountedScan, SpooledScan

MAX_BYTES = 256 << 20
"""What one process fills at most, what dead ones left included."""

_BLOCK = 4_096
_DAMAGED = "damaged"
_SCANS, _COUNTS = ".scans", ".counts"
_UNFINISHED = ".part"


class SpoolFull(Exception):
    """There is no room for another batch."""


class DamagedBatch(Exception):
    """A file that holds no batch, or not what was written into it."""


class Batch(msgspec.Struct, frozen=True):
    """What is delivered at once: inspectors' scans, or counts of all scans. It holds no citizen's name."""

    batch_id: UUID
    made_at: datetime
    scans: tuple[SpooledScan, ...] = ()
    counts: tuple[tuple[CountedScan, int], ...] = ()


class Spool:
    """The spool as one process sees it. Everything raises OSError where the disk refuses."""

    def __init__(self, directory: Path, *, max_bytes: int = MAX_BYTES) -> None:
        """`directory` is there when something is first asked of it, and nobody but this account can enter it."""
        self._directory = directory
        self._max_bytes = max_bytes
        self._used_bytes = 0
        self._tray: Path | None = None
        self._lock: int | None = None

    def write(self, batch: Batch) -> None:
        """Keep a batch in the tray of this process, in place of one of the same name. Raises SpoolFull."""
        encoded = msgspec.json.encode(batch)
        content = _digest(encoded) + b"\n" + encoded
        path = self._own_tray() / _name(batch)
        used = self._used_bytes - _used_by(path) + _in_blocks(len(content))
        if used > self._max_bytes:
            raise SpoolFull(self._used_bytes)
        _write_whole(path, content)
        self._used_bytes = used

    def remove_counts(self, batch_id: UUID) -> None:
        """Drop counts of this process, which are in the database."""
        self.drop(self._own_tray() / _counts_name(batch_id))

    def drop(self, path: Path) -> None:
        """Remove a batch that was delivered."""
        self._used_bytes -= _used_by(path)
        path.unlink(missing_ok=True)

    def list_own_scans(self) -> list[Path]:
        """The inspectors' scans in the tray of this process, oldest first. Its counts it still has in memory."""
        return [] if self._tray is None else sorted(self._tray.glob(f"*{_SCANS}"))

    @contextmanager
    def dead_trays(self) -> Iterator[list[Path]]:
        """The trays whose processes have ended, locked while this lasts; whatever is empty then is removed."""
        with abandoned(path for path in self._directory.iterdir() if self._is_foreign(path)) as trays:
            yield trays
            for tray in trays:
                _remove_empty(tray)

    def set_aside(self, path: Path) -> None:
        """Put away a file that cannot be delivered."""
        damaged = self._directory / _DAMAGED
        damaged.mkdir(mode=0o700, exist_ok=True)
        path.rename(damaged / f"{path.parent.name}-{path.name}")

    def count_set_aside(self) -> int:
        """How many files wait for a person."""
        with suppress(FileNotFoundError):
            return sum(1 for _ in (self._directory / _DAMAGED).iterdir())
        return 0

    def measure(self) -> None:
        """Find out anew how much is used, after batches were delivered."""
        self._used_bytes = sum(map(_used_by, self._directory.glob("*/*")))

    def close(self) -> None:
        """Leave the tray: to nobody if it is empty, else to whoever comes."""
        if self._tray is not None and self._lock is not None:
            _remove_empty(self._tray)
            os.close(self._lock)
            self._tray = self._lock = None

    def _own_tray(self) -> Path:
        if self._tray is None:
            self._tray, self._lock = make_own(self._directory)
            _sync(self._directory)
            self.measure()
        return self._tray

    def _is_foreign(self, path: Path) -> bool:
        return path.name != _DAMAGED and not path.name.startswith(".") and path != self._tray


def list_batches(tray: Path) -> list[Path]:
    """The batches in a dead one's tray: counts, and scans from the oldest to the newest."""
    return sorted(path for path in tray.iterdir() if path.suffix in (_SCANS, _COUNTS))


def read(path: Path) -> Batch:
    """The batch in a file. Raises DamagedBatch."""
    digest, _, content = path.read_bytes().partition(b"\n")
    if digest != _digest(content):
        raise DamagedBatch
    try:
        return msgspec.json.decode(content, type=Batch)
    except msgspec.MsgspecError:
        raise DamagedBatch from None


def _name(batch: Batch) -> str:
    if batch.counts:
        return _counts_name(batch.batch_id)
    return f"{batch.made_at:%Y%m%dT%H%M%S.%f}-{batch.batch_id}{_SCANS}"


def _counts_name(batch_id: UUID) -> str:
    """The same however often they are written: they grow until they are delivered."""
    return f"{batch_id}{_COUNTS}"


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _in_blocks(size: int) -> int:
    """What a file of so many bytes takes on a disk."""
    return -(-size // _BLOCK) * _BLOCK


def _used_by(path: Path) -> int:
    try:
        return _in_blocks(path.stat().st_size)
    except FileNotFoundError:
        return 0


def _write_whole(path: Path, content: bytes) -> None:
    """A file that is there with all its content, or as it was before, whatever ends this process or the machine."""
    unfinished = path.with_name(path.name + _UNFINISHED)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    _sync(path.parent)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_empty(tray: Path) -> None:
    """Remove a tray in which no batch is left. A file that was never finished was never promised."""
    for unfinished in tray.glob(f"*{_UNFINISHED}"):
        unfinished.unlink()
    with suppress(OSError):
        tray.rmdir()
