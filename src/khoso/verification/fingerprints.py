"""Fingerprints of what was signed, in files that all workers of a machine share: 1 MB for each status list.

What stands under an index never changes, so every worker writes the same eight bytes at the same place, as often as it
likes: no lock is needed, and the kernel keeps one copy for all of them, which it may drop and read again.

A file is believed about nothing but equality. One that is cut short, damaged or somebody else's makes a paper "not
remembered", and then the record is asked; `replace` and `write` repair it from the database.
"""

import errno
import mmap
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from khoso.formats.status_list import SIZE

WIDTH = 8
"""Bytes of the hash that are kept: whoever has an agency's key would need 2^64 trials to put other content on an index
that is in use."""

_BYTES = SIZE * WIDTH
_NOTHING = bytes(WIDTH)


def open_left(directory: Path) -> Iterator[tuple[int, "Fingerprints"]]:
    """What other processes have left, by the numbers of the lists; several for a list that has had several lives."""
    for path in directory.iterdir():
        number, _, life = path.name.partition("-")
        with suppress(OSError, ValueError):
            yield int(number), Fingerprints(directory, int(number), life)


class Fingerprints:
    """The fingerprints of one list. Raises OSError where the disk refuses."""

    def __init__(self, directory: Path, list_id: int, life: str) -> None:
        """`life` tells lists apart that have the same number in different databases."""
        path = directory / f"{list_id}-{life}"
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(self._file).st_size != _BYTES:
            os.ftruncate(self._file, _BYTES)
        # Read through the map, written by pwrite: on a full disk that is an error, a write through the map is the end.
        self._map = mmap.mmap(self._file, _BYTES, access=mmap.ACCESS_READ)

    def holds(self, index: int, signed_hash: bytes) -> bool:
        """Whether exactly this content is remembered at the index."""
        start = index * WIDTH
        return self._map[start : start + WIDTH] == signed_hash[:WIDTH]

    def holds_other(self, index: int, signed_hash: bytes) -> bool:
        """Whether another content is remembered at the index."""
        start = index * WIDTH
        return self._map[start : start + WIDTH] not in (_NOTHING, signed_hash[:WIDTH])

    def write(self, index: int, signed_hash: bytes) -> None:
        """Remember the content at the index."""
        if not self.holds(index, signed_hash):  # mostly another worker was here before
            self._put(signed_hash[:WIDTH], index * WIDTH)

    def replace(self, image: bytes) -> None:
        """Remember the content of the whole list."""
        # Compared by pread: what is never mapped weighs on nobody.
        if os.pread(self._file, _BYTES, 0) != image:
            self._put(image, 0)

    def close(self) -> None:
        """Let go of the file; it stays."""
        self._map.close()
        os.close(self._file)

    def _put(self, data: bytes, start: int) -> None:
        if os.pwrite(self._file, data, start) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
