"""The honest papers of a stolen key: what it had signed before the theft, so that they stay good and nothing else is.

For each status list, a bitmap of the indexes that the key's papers have, and 64 bits of the signed hash of each, in the
order of the indexes; about nine bytes a paper:

    {list: [zlib(bitmap), fingerprints], …}          deterministic CBOR

Bit `i` of the bitmap is in byte `i // 8`, least significant first, as in a status list. The fingerprint stands *at an
index*: with other content on the index of an honest paper a thief has to hit that one paper's 64 bits. A mere set of
fingerprints would let him search for a content that hits any of a hundred thousand, 2^47 trials instead of 2^64.
"""

import zlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from . import cbor
from .claims import StatusRef
from .malformed import Malformed
from .status_list import SIZE, inflate

FINGERPRINT_BYTES = 8
_BITMAP_BYTES = SIZE // 8


class _Papers(NamedTuple):
    """The honest papers of one status list."""

    bitmap: bytes
    fingerprints: bytes


class HonestSet:
    """Which papers a compromised key had honestly signed."""

    def __init__(self, papers: Mapping[int, _Papers]) -> None:
        self._papers = papers

    def __len__(self) -> int:
        return sum(len(papers.fingerprints) for papers in self._papers.values()) // FINGERPRINT_BYTES

    def holds(self, ref: StatusRef, signed_hash: bytes) -> bool:
        """Whether exactly this paper is among them; `signed_hash` is SHA-256 of what was signed."""
        papers = self._papers.get(ref.list_id)
        if papers is None or ref.status_index >= SIZE:
            return False
        byte, bit = divmod(ref.status_index, 8)
        if not papers.bitmap[byte] >> bit & 1:
            return False
        earlier = int.from_bytes(papers.bitmap[:byte]).bit_count() + (papers.bitmap[byte] & (1 << bit) - 1).bit_count()
        start = earlier * FINGERPRINT_BYTES
        return papers.fingerprints[start : start + FINGERPRINT_BYTES] == signed_hash[:FINGERPRINT_BYTES]


class EncodedList(NamedTuple):
    """The honest papers of one status list as they are written."""

    compressed_bitmap: bytes
    fingerprints: bytes


def encode(lists: Mapping[int, EncodedList]) -> bytes:
    """The set of these lists' papers."""
    return cbor.dumps({list_id: list(lists[list_id]) for list_id in sorted(lists)})


def encode_list(papers: Iterable[tuple[int, bytes]]) -> EncodedList:
    """The papers of one list, each by its index and its signed hash, in rising order of the indexes.

    Raises ValueError for another order, and for an index that comes twice: it holds one paper.
    """
    bitmap, fingerprints, last = bytearray(_BITMAP_BYTES), bytearray(), -1
    for index, signed_hash in papers:
        if index <= last:
            raise ValueError("indexes have to rise")
        bitmap[index // 8] |= 1 << index % 8
        fingerprints += signed_hash[:FINGERPRINT_BYTES]
        last = index
    return EncodedList(zlib.compress(bitmap, level=9), bytes(fingerprints))


def decode(data: bytes) -> HonestSet:
    """The set in these bytes. Raises Malformed; never inflates more than a bitmap of one list."""
    lists = cbor.loads(data)
    if type(lists) is not dict:
        raise Malformed("honest_set")
    return HonestSet({list_id: _decode_list(list_id, pair) for list_id, pair in lists.items()})


def _decode_list(list_id: int, pair: object) -> _Papers:
    if list_id < 0 or type(pair) is not list or [type(part) for part in pair] != [bytes, bytes]:
        raise Malformed("honest_set")
    compressed, fingerprints = pair
    bitmap = inflate(compressed, _BITMAP_BYTES, "honest_set")
    if len(bitmap) != _BITMAP_BYTES or len(fingerprints) != int.from_bytes(bitmap).bit_count() * FINGERPRINT_BYTES:
        raise Malformed("honest_set_size")
    return _Papers(bitmap, fingerprints)
