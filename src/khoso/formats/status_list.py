"""Status lists: two bits per credential in one compressed byte array (IETF Token Status List, sections 4 and 6).

Value `n` stands in byte `n // 4`, least significant bits first; the array travels in a zlib container (RFC 1950). A
list has a fixed size from its first day and starts with every value INVALID, so that an index nobody has recorded
reads "not issued".
"""

import zlib
from enum import IntEnum

from .malformed import Malformed

SIZE = 1 << 17
"""Credentials in one of our lists, from its first day on."""

BITS = 2
MAX_BYTES = 1 << 18
"""Longest array inflated: 2^20 values, a size that others publish."""

_PER_BYTE = 8 // BITS
_MASK = (1 << BITS) - 1
_ALL_INVALID = b"\x55"


class Status(IntEnum):
    """Token Status List, section 7.1; 3 is application specific."""

    VALID = 0
    INVALID = 1
    SUSPENDED = 2
    SUPERSEDED = 3


_STATUS = tuple(Status)


class StatusList:
    """The values of one list. Indexing reads and writes them; outside it raises IndexError."""

    __slots__ = ("data",)

    def __init__(self, data: bytes = _ALL_INVALID * (SIZE // _PER_BYTE)) -> None:
        """A list from its packed array; without one, a fresh list of `SIZE` values, all INVALID."""
        self.data = bytearray(data)

    def __len__(self) -> int:
        return len(self.data) * _PER_BYTE

    def __getitem__(self, index: int) -> Status:
        if index < 0:
            raise IndexError(index)
        return _STATUS[self.data[index // _PER_BYTE] >> index % _PER_BYTE * BITS & _MASK]

    def __setitem__(self, index: int, value: int) -> None:
        if index < 0:
            raise IndexError(index)
        shift = index % _PER_BYTE * BITS
        kept = self.data[index // _PER_BYTE] & ~(_MASK << shift)
        self.data[index // _PER_BYTE] = kept | value << shift


def compress(statuses: StatusList, level: int = 9) -> bytes:
    """The `lst` of the list: DEFLATE in a zlib container, unless said otherwise at the highest level (section 4.1)."""
    return zlib.compress(bytes(statuses.data), level)


def decompress(compressed: bytes) -> StatusList:
    """The list in `lst`. Raises Malformed; never inflates more than MAX_BYTES."""
    data = inflate(compressed, MAX_BYTES, "status_list")
    if not data:
        raise Malformed("status_list_size")
    return StatusList(data)


def inflate(compressed: bytes, most: int, name: str) -> bytes:
    """What a whole zlib container (RFC 1950) holds, `most` bytes at the most. Raises Malformed under that name."""
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(compressed, most + 1)  # one more, or the end of a full stream is not looked at
    except zlib.error:
        raise Malformed(f"{name}_zlib") from None
    if len(data) > most or not inflater.eof or inflater.unused_data:
        raise Malformed(f"{name}_size")
    return data
