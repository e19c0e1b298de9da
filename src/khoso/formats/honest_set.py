"""The honest papers of a stolen key: what it had signed before the theft, so that they stay good and nothing else is.

For each status list, a bitmap of the indexes that the key's papers have, and 64 bits of the signed hash of each, in the
order of the indexes; about nine bytes a paper:

    {list: [zlib(bitmap), fingerprints], …}          deterministic CBOR

Bit `i` of the bitmap is in byte `i // 8`, least significant first, as in a status list. The fingerprint stands *at an
index*: with other content on the index of an honest paper a thief has to hit that one paper's 64 bits. A mere set of
fingerprints would let him search for a content that hits any of a hundred thousand, 2^47 trials instead of 2^64.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
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


def encode(papers: Iterable[tuple[StatusRef, bytes]]) -> bytes:
    """The set of these papers, each by its status reference and signed hash; no reference may come twice."""
    by_list: defaultdict[int, list[tuple[int, bytes]]] = defaultdict(list)
    for ref, signed_hash in papers:
        by_list[ref.list_id].append((ref.status_index, signed_hash[:FINGERPRINT_BYTES]))
    return cbor.dumps({list_id: _encode_list(sorted(by_list[list_id])) for list_id in sorted(by_list)})


def decode(data: bytes) -> HonestSet:
    """The set in these bytes. Raises Malformed; never inflates more than a bitmap of one list."""
    lists = cbor.loads(data)
    if type(lists) is not dict:
        raise Malformed("honest_set")
    return HonestSet({list_id: _decode_list(list_id, pair) for list_id, pair in lists.items()})


def _encode_list(entries: list[tuple[int, bytes]]) -> list[bytes]:
    if any(index == following for (index, _), (following, _) in pairwise(entries)):
        raise ValueError("one index holds one paper")
    bitmap = bytearray(_BITMAP_BYTES)
    for index, _ in entries:
        bitmap[index // 8] |= 1 << index % 8
    return [zlib.compress(bitmap, level=9), b"".join(fingerprint for _, fingerprint in entries)]


def _decode_list(list_id: int, pair: object) -> _Papers:
    if list_id < 0 or type(pair) is not list or [type(part) for part in pair] != [bytes, bytes]:
        raise Malformed("honest_set")
    compressed, fingerprints = pair
    bitmap = inflate(compressed, _BITMAP_BYTES, "honest_set")
    if len(bitmap) != _BITMAP_BYTES or len(fingerprints) != int.from_bytes(bitmap).bit_count() * FINGERPRINT_BYTES:
        raise Malformed("honest_set_size")
    return _Papers(bitmap, fingerprints)
