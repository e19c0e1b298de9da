"""The honest papers of a stolen key: exactly these, at exactly these indexes."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khoso.formats import cbor, honest_set
from khoso.formats.claims import StatusRef
from khoso.formats.malformed import Malformed
from khoso.formats.status_list import SIZE

HASHES = st.binary(min_size=32, max_size=32)
LISTS = st.dictionaries(st.integers(0, 9), st.dictionaries(st.integers(0, SIZE - 1), HASHES, max_size=40), max_size=4)
OTHER = b"\xff" * 32


def encode(lists: dict[int, dict[int, bytes]]) -> bytes:
    return honest_set.encode({number: honest_set.encode_list(sorted(one.items())) for number, one in lists.items()})


@given(LISTS)
def test_it_holds_what_it_was_made_of_and_nothing_else(lists: dict[int, dict[int, bytes]]) -> None:
    opened = honest_set.decode(encode(lists))
    assert len(opened) == sum(map(len, lists.values()))
    for number, papers in lists.items():
        for index, signed_hash in papers.items():
            assert opened.holds(StatusRef(number, index), signed_hash)
            assert not opened.holds(StatusRef(number, index), bytes(32) if signed_hash[0] else OTHER)
            assert not opened.holds(StatusRef(number + 10, index), signed_hash)
        for free in set(range(50)) - papers.keys():
            assert not opened.holds(StatusRef(number, free), OTHER)
        assert not opened.holds(StatusRef(number, SIZE), OTHER)


@pytest.mark.parametrize("indexes", [[2, 1], [1, 1], [-1]])
def test_one_index_holds_one_paper(indexes: list[int]) -> None:
    with pytest.raises(ValueError, match="rise"):
        honest_set.encode_list([(index, OTHER) for index in indexes])


BITMAP = bytes([1]) + bytes(SIZE // 8 - 1)
DAMAGED = {
    "no map": [],
    "no pair": {0: [zlib.compress(BITMAP)]},
    "another kind": {0: [zlib.compress(BITMAP), "12345678"]},
    "a negative list": {-1: [zlib.compress(BITMAP), bytes(8)]},
    "a fingerprint too many": {0: [zlib.compress(BITMAP), bytes(16)]},
    "a short bitmap": {0: [zlib.compress(b"\x01"), bytes(8)]},
    "nothing compressed": {0: [b"zlib", bytes(8)]},
    "more than a bitmap": {0: [zlib.compress(BITMAP + bytes(1 << 24)), bytes(8)]},
}


@pytest.mark.parametrize("fault", DAMAGED)
def test_what_is_no_set_is_refused(fault: str) -> None:
    with pytest.raises(Malformed):
        honest_set.decode(cbor.dumps(DAMAGED[fault]))
