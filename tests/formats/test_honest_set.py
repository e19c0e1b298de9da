"""The honest set of a stolen key holds exactly the papers it was made of."""

import zlib
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khoso.formats import cbor, honest_set
from khoso.formats.claims import StatusRef
from khoso.formats.malformed import Malformed
from khoso.formats.status_list import SIZE

REFS = st.builds(StatusRef, st.integers(0, 3), st.integers(0, SIZE - 1))
HASHES = st.binary(min_size=32, max_size=32)


def hash_of(number: int) -> bytes:
    return sha256(number.to_bytes(4)).digest()


@given(st.dictionaries(REFS, HASHES, max_size=40), REFS, HASHES)
def test_it_holds_its_papers_and_no_others(papers: dict[StatusRef, bytes], ref: StatusRef, signed_hash: bytes) -> None:
    held = honest_set.decode(honest_set.encode(papers.items()))
    assert len(held) == len(papers)
    assert all(held.holds(each, own) for each, own in papers.items())
    assert held.holds(ref, signed_hash) == (papers.get(ref, b"")[:8] == signed_hash[:8])


def test_a_fingerprint_counts_at_its_own_index_only() -> None:
    held = honest_set.decode(honest_set.encode([(StatusRef(0, 8), hash_of(1)), (StatusRef(0, 9), hash_of(2))]))
    assert held.holds(StatusRef(0, 9), hash_of(2))
    assert not held.holds(StatusRef(0, 9), hash_of(1))
    assert not held.holds(StatusRef(0, SIZE), hash_of(1))
    assert not held.holds(StatusRef(1, 8), hash_of(1))


def test_the_order_of_the_papers_changes_nothing() -> None:
    papers = [(StatusRef(number % 3, number), hash_of(number)) for number in range(100)]
    assert honest_set.encode(papers) == honest_set.encode(reversed(papers))


def test_an_index_cannot_have_two_papers() -> None:
    with pytest.raises(ValueError, match="one index"):
        honest_set.encode([(StatusRef(0, 8), hash_of(1)), (StatusRef(0, 8), hash_of(2))])


def test_a_hundred_thousand_papers_take_less_than_a_megabyte_in_however_many_lists() -> None:
    for lists in (1, 8, 80):
        step = SIZE * lists // 100_000
        papers = [(StatusRef(n % lists, n // lists * step % SIZE), hash_of(n)) for n in range(100_000)]
        assert len(honest_set.encode(papers)) <= 1_000_000


BITMAP = zlib.compress(b"\x01" + bytes(SIZE // 8 - 1))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (7, "honest_set"),
        ({0: 7}, "honest_set"),
        ({0: [BITMAP]}, "honest_set"),
        ({0: [BITMAP, "12345678"]}, "honest_set"),
        ({-1: [BITMAP, bytes(8)]}, "honest_set"),
        ({0: [b"no zlib", bytes(8)]}, "honest_set_zlib"),
        ({0: [BITMAP[:-1], bytes(8)]}, "honest_set_size"),
        ({0: [BITMAP + b"x", bytes(8)]}, "honest_set_size"),
        ({0: [zlib.compress(bytes(SIZE // 8 + 1)), b""]}, "honest_set_size"),
        ({0: [zlib.compress(b"\x01"), bytes(8)]}, "honest_set_size"),
        ({0: [BITMAP, bytes(7)]}, "honest_set_size"),
        ({0: [BITMAP, bytes(16)]}, "honest_set_size"),
    ],
)
def test_everything_else_is_malformed(content: object, reason: str) -> None:
    with pytest.raises(Malformed) as refused:
        honest_set.decode(cbor.dumps(content))
    assert refused.value.reason == reason
