"""Status lists, against the published test vectors of the IETF Token Status List (draft 20)."""

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.fault import DRAFT_LST
from khoso.formats.malformed import Malformed
from khoso.formats.status_list import MAX_BYTES, SIZE, Status, StatusList, compress, decompress

# Section 4.1: twelve values of two bits, the packed array, and the compressed one.
VALUES_4_1 = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]
PACKED_4_1 = bytes.fromhex("c9 44 f9")
COMPRESSED_4_1 = bytes.fromhex("78da3be9f2130003df0207")

# Section 4.1, the example of one bit: not our width, but the same container and order of bits.
VALUES_1_BIT = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
COMPRESSED_1_BIT = bytes.fromhex("78dadbb918000217015d")

# Appendix C.2: 2^20 values of two bits; all that are not named are 0.
SIZE_C_2 = 1 << 20
VALUES_C_2 = {
    0: 1,
    1993: 2,
    25460: 1,
    159495: 3,
    495669: 1,
    554353: 1,
    645645: 2,
    723232: 1,
    854545: 1,
    934534: 2,
    1000345: 3,
}


def unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def packed(values: list[int]) -> StatusList:
    statuses = StatusList(bytes((len(values) + 3) // 4))
    for index, value in enumerate(values):
        statuses[index] = Status(value)
    return statuses


def values_of(statuses: StatusList) -> list[int]:
    return [int(statuses[index]) for index in range(len(statuses))]


def refusal(compressed: bytes) -> str:
    with pytest.raises(Malformed) as refused:
        decompress(compressed)
    return refused.value.reason


def test_the_example_of_section_4_1() -> None:
    assert packed(VALUES_4_1).data == PACKED_4_1
    assert values_of(decompress(COMPRESSED_4_1)) == VALUES_4_1


def test_the_example_of_one_bit_has_our_order_of_bits() -> None:
    in_pairs = [VALUES_1_BIT[index] + 2 * VALUES_1_BIT[index + 1] for index in range(0, 16, 2)]
    assert values_of(decompress(COMPRESSED_1_BIT)) == in_pairs


def test_the_vector_of_appendix_c_2() -> None:
    statuses = decompress(unbase64(DRAFT_LST))
    assert len(statuses) == SIZE_C_2
    assert {index: value for index, value in enumerate(values_of(statuses)) if value} == VALUES_C_2


def test_what_we_compress_inflates_to_what_the_draft_inflates_to() -> None:
    """Compared after inflation: DEFLATE leaves its encoder free, so other bytes may say the same (RFC 1951, 4)."""
    ours = StatusList(bytes(SIZE_C_2 // 4))
    for index, value in VALUES_C_2.items():
        ours[index] = Status(value)
    assert zlib.decompress(compress(ours)) == zlib.decompress(unbase64(DRAFT_LST))
    assert zlib.decompress(compress(packed(VALUES_4_1))) == zlib.decompress(COMPRESSED_4_1) == PACKED_4_1


def test_a_fresh_list_has_its_size_and_nothing_issued() -> None:
    fresh = StatusList()
    assert len(fresh) == SIZE == 131_072
    assert set(values_of(fresh)) == {Status.INVALID}
    assert decompress(compress(fresh)).data == fresh.data
    assert len(compress(fresh)) < 100


@given(st.lists(st.sampled_from(Status), min_size=1, max_size=300))
def test_what_was_written_is_read(values: list[Status]) -> None:
    statuses = decompress(compress(packed([int(value) for value in values])))
    assert values_of(statuses)[: len(values)] == values
    assert len(statuses) == (len(values) + 3) // 4 * 4


@given(st.integers(0, SIZE - 1), st.sampled_from(Status), st.sampled_from(Status))
def test_writing_one_value_leaves_the_others(index: int, first: Status, then: Status) -> None:
    statuses = StatusList()
    statuses[index] = first
    statuses[index] = then
    assert statuses[index] is then
    before, after = statuses.data[: index // 4], statuses.data[index // 4 + 1 :]
    assert before.count(0x55) == len(before)
    assert after.count(0x55) == len(after)
    assert all(
        statuses[other] is Status.INVALID for other in range(index // 4 * 4, index // 4 * 4 + 4) if other != index
    )


@pytest.mark.parametrize("index", [-1, -SIZE, SIZE, SIZE + 1, 1 << 63])
def test_there_is_nothing_outside_a_list(index: int) -> None:
    statuses = StatusList()
    with pytest.raises(IndexError):
        statuses[index]
    with pytest.raises(IndexError):
        statuses[index] = Status.VALID
    assert statuses.data == StatusList().data


def test_two_lists_do_not_share_their_values() -> None:
    first, second = StatusList(), StatusList()
    first[0] = Status.VALID
    assert second[0] is Status.INVALID


def test_the_longest_list_is_read_and_a_longer_one_is_not() -> None:
    assert len(decompress(zlib.compress(bytes(MAX_BYTES)))) == SIZE_C_2
    assert refusal(zlib.compress(bytes(MAX_BYTES + 1))) == "status_list_size"


def test_a_bomb_is_not_inflated() -> None:
    bomb = zlib.compress(bytes(100_000_000), 9)
    assert len(bomb) < 100_000
    assert refusal(bomb) == "status_list_size"


@pytest.mark.parametrize(
    ("compressed", "reason"),
    [
        (b"", "status_list_size"),
        (zlib.compress(b""), "status_list_size"),
        (COMPRESSED_4_1[:-1], "status_list_size"),
        (COMPRESSED_4_1[:2], "status_list_size"),
        (COMPRESSED_4_1 + b"\0", "status_list_size"),
        (COMPRESSED_4_1 * 2, "status_list_size"),
        (COMPRESSED_4_1[:-1] + b"\0", "status_list_zlib"),
        (COMPRESSED_4_1[2:-4], "status_list_zlib"),
        (b"\x1f\x8b\x08" + bytes(20), "status_list_zlib"),
        (PACKED_4_1, "status_list_zlib"),
    ],
    ids=[
        "nothing",
        "of nothing",
        "cut",
        "head",
        "byte behind",
        "twice",
        "checksum",
        "raw deflate",
        "gzip",
        "not at all",
    ],
)
def test_anything_but_one_whole_list_is_refused(compressed: bytes, reason: str) -> None:
    assert refusal(compressed) == reason


@given(st.binary(max_size=100))
def test_any_bytes_are_inflated_or_refused(data: bytes) -> None:
    for compressed in (data, b"\x78\xda" + data):
        try:
            statuses = decompress(compressed)
        except Malformed:
            continue
        assert zlib.decompress(compressed) == statuses.data
