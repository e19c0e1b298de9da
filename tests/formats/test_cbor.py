"""Strict CBOR: one value, one encoding, few types."""

import time
from collections.abc import Callable
from datetime import UTC
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from khoso.formats import cbor
from khoso.formats.malformed import Malformed

INTEGERS = st.integers(-(1 << 63), (1 << 63) - 1)
LEAVES = INTEGERS | st.text(max_size=30) | st.binary(max_size=30) | st.booleans()


def nested(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(children, max_size=4) | st.dictionaries(INTEGERS, children, max_size=4).map(in_order)


def in_order(value: dict[int, Any]) -> dict[int, Any]:
    return {key: value[key] for key in sorted(value, key=lambda key: (key < 0, abs(key)))}


VALUES = st.recursive(LEAVES, nested, max_leaves=8).filter(lambda value: depth(value) < cbor.MAX_DEPTH)
ANY_VALUE = st.recursive(
    LEAVES
    | st.none()
    | st.floats()
    | st.integers()
    | st.decimals(allow_nan=False)
    | st.datetimes(timezones=st.just(UTC))
    | st.fractions(),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(INTEGERS | st.text(max_size=3) | st.booleans(), children, max_size=3)
        | st.builds(cbor2.CBORTag, st.integers(0, 1000), children)
    ),
    max_leaves=6,
)
HEADS = st.sampled_from([bytes((major << 5 | info,)) for major in range(8) for info in range(32)])


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def reason(data: bytes) -> str:
    with pytest.raises(Malformed) as refused:
        cbor.loads(data)
    return refused.value.reason


def accepted_or_refused(data: bytes) -> None:
    """What is accepted is the one encoding of what it says."""
    try:
        value = cbor.loads(data)
    except Malformed:
        return
    assert cbor.dumps(value) == data


@given(VALUES)
def test_what_was_encoded_is_decoded(value: Any) -> None:
    assert repr(cbor.loads(cbor.dumps(value))) == repr(value)  # by repr, for which True is not 1


@given(ANY_VALUE)
def test_other_types_are_refused_however_they_are_encoded(value: Any) -> None:
    accepted_or_refused(cbor2.dumps(value, canonical=True))
    accepted_or_refused(cbor2.dumps(value))


@given(st.binary(max_size=60))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    accepted_or_refused(data)


@given(st.lists(HEADS | st.binary(max_size=9), max_size=12).map(b"".join))
def test_any_heads_are_decoded_or_refused(data: bytes) -> None:
    accepted_or_refused(data)


@given(VALUES, st.data())
def test_no_change_of_a_byte_yields_the_same_value(value: Any, data: st.DataObject) -> None:
    encoded = cbor.dumps(value)
    position = data.draw(st.integers(0, len(encoded) - 1))
    changed = bytearray(encoded)
    changed[position] ^= data.draw(st.integers(1, 255))
    accepted_or_refused(bytes(changed))


Reader = Callable[[bytes, int], tuple[Any, int]]
READERS: dict[Reader, Callable[[Any], bool]] = {
    cbor.read_number: lambda value: type(value) is int and value >= 0,
    cbor.read_integer: lambda value: type(value) is int,
    cbor.read_text: lambda value: type(value) is str,
    cbor.read_bytes: lambda value: type(value) is bytes,
}
LENGTHS = [0, 1, 23, 24, 255, 256, 65_535, 65_536]
EDGES = [2**bits + step for bits in (0, 8, 16, 32) for step in (-1, 0)] + [23, 24, 2**63 - 1]


@pytest.mark.parametrize("read", READERS)
@given(st.binary(), st.binary(), INTEGERS | st.text() | st.binary() | st.booleans() | st.lists(st.just(0)))
def test_a_value_is_read_where_it_begins_if_it_is_of_the_type(
    read: Reader, before: bytes, after: bytes, value: Any
) -> None:
    encoded = cbor.dumps(value)
    if READERS[read](value):
        assert read(before + encoded + after, len(before)) == (value, len(before + encoded))
    else:
        with pytest.raises((LookupError, ValueError)):
            read(before + encoded + after, len(before))


@pytest.mark.parametrize(
    "value", [*EDGES, *(-1 - edge for edge in EDGES), *("a" * length for length in LENGTHS), *map(bytes, LENGTHS)]
)
def test_values_at_the_ends_of_their_heads(value: Any) -> None:
    encoded = cbor.dumps(value)
    read = {int: cbor.read_integer, str: cbor.read_text, bytes: cbor.read_bytes}[type(value)]
    assert read(encoded, 0) == (value, len(encoded))


@pytest.mark.parametrize("read", READERS)
@given(HEADS, st.binary(max_size=12))
def test_whatever_is_read_is_written_in_the_one_way(read: Reader, head: bytes, rest: bytes) -> None:
    data = head + rest
    try:
        value, end = read(data, 0)
    except (LookupError, ValueError):
        return
    assert end > len(data) or cbor.dumps(value) == data[:end]


CORPUS = {
    "float 16": ("f93e00", "cbor_type"),
    "float 32": ("fa47c35000", "cbor_type"),
    "float 64": ("fb3ff199999999999a", "cbor_type"),
    "float that is whole": ("f93c00", "cbor_type"),
    "infinity": ("f97c00", "cbor_type"),
    "NaN": ("f97e00", "cbor_type"),
    "null": ("f6", "cbor_type"),
    "undefined": ("f7", "cbor_type"),
    "simple 16": ("f0", "cbor_type"),
    "simple 255": ("f8ff", "cbor_type"),
    "null in a map": ("a101f6", "cbor_type"),
    "tag 0: date": ("c074323031332d30332d32315432303a30343a30305a", "cbor_type"),
    "tag 1: time": ("c11a514b67b0", "cbor_type"),
    "tag 1: time too large for a clock": ("c11bffffffffffffffff", "cbor"),
    "tag 2: bignum": ("c249010000000000000000", "cbor_integer"),
    "tag 2: bignum of a small number": ("c24101", "cbor_not_canonical"),
    "tag 3: negative bignum": ("c349010000000000000000", "cbor_integer"),
    "tag 4: decimal": ("c48221196ab3", "cbor_type"),
    "tag 4: giant decimal": ("c4821affffffff01", "cbor_type"),
    "tag 4: 10 to the power of 999999999": ("c4821a3b9ac9ff01", "cbor_type"),
    "tag 5: bigfloat": ("c5822003", "cbor_type"),
    "tag 5: giant bigfloat": ("c5821a7fffffff01", "cbor"),
    "tag 25: reference": ("d81900", "cbor"),
    "tag 28: shared value": ("d81c01", "cbor"),
    "tag 28, 29: value that holds itself": ("d81c81d81d00", "cbor"),
    "tag 28, 29: 40 to the power of 4 values": (
        "85d81c8101" + "".join("d81c9828" + f"d81d{level:02x}" * 40 for level in range(4)),
        "cbor",
    ),
    "tag 30: fraction of nothing": ("d81e820100", "cbor"),
    "tag 35: regular expression": ("d8236128", "cbor"),
    "tag 37: UUID": ("d82550c05ac80a2e3b4f0e8ac8a9e6bd7ac5e9", "cbor_type"),
    "tag 258: set": ("d90102820102", "cbor_type"),
    "tag 258: set of lists": ("d90102818101", "cbor_type"),
    "tag 43000: complex": ("d9a7f8820102", "cbor_type"),
    "tag 55799: self-described": ("d9d9f701", "cbor_not_canonical"),
    "unknown tag": ("d9126701", "cbor_type"),
    "integer of 2^63": ("1b8000000000000000", "cbor_integer"),
    "integer of 2^64 - 1": ("1bffffffffffffffff", "cbor_integer"),
    "integer of -2^63 - 1": ("3b8000000000000000", "cbor_integer"),
    "key of 2^63": ("a11b800000000000000001", "cbor_integer"),
    "key of -2^63 - 1": ("a13b800000000000000001", "cbor_integer"),
    "bignum as key": ("a1c24901000000000000000001", "cbor_integer"),
    "integer in two bytes instead of one": ("1817", "cbor_not_canonical"),
    "integer in three bytes instead of two": ("1900ff", "cbor_not_canonical"),
    "integer in five bytes instead of three": ("1a0000ffff", "cbor_not_canonical"),
    "integer in nine bytes instead of five": ("1b00000000ffffffff", "cbor_not_canonical"),
    "negative integer in two bytes": ("3800", "cbor_not_canonical"),
    "length of a text in two bytes": ("780161", "cbor_not_canonical"),
    "length of bytes in three bytes": ("59000161", "cbor_not_canonical"),
    "length of a list in two bytes": ("980101", "cbor_not_canonical"),
    "length of a map in two bytes": ("b8010101", "cbor_not_canonical"),
    "bytes of indefinite length": ("5f4101ff", "cbor"),
    "text of indefinite length": ("7f6161ff", "cbor"),
    "list of indefinite length": ("9f01ff", "cbor"),
    "map of indefinite length": ("bf0101ff", "cbor"),
    "duplicate key": ("a201010102", "cbor"),
    "duplicate key in another encoding": ("a20101180102", "cbor"),
    "keys in wrong order": ("a202010101", "cbor_key_order"),
    "negative key first": ("a220010101", "cbor_key_order"),
    "negative keys in numeric order": ("a221012001", "cbor_key_order"),
    "text as key": ("a1616101", "cbor_key_type"),
    "bytes as key": ("a1416101", "cbor_key_type"),
    "true as key": ("a1f501", "cbor_key_type"),
    "float as key": ("a1f93c0001", "cbor_key_type"),
    "list as key": ("a1810101", "cbor_key_type"),
    "map as key": ("a1a1010101", "cbor_key_type"),
    "trailing zero": ("0100", "cbor_not_canonical"),
    "second value": ("0101", "cbor_not_canonical"),
    "break alone": ("ff", "cbor"),
    "reserved head": ("1c", "cbor"),
    "nothing": ("", "cbor"),
    "text cut off": ("6261", "cbor"),
    "text of 4 GiB": ("7affffffff", "cbor"),
    "list of 2^64 - 1 members": ("9bffffffffffffffff", "cbor"),
    "map of 2^32 pairs": ("bb0000000100000000", "cbor"),
    "bytes of 2^63": ("5b8000000000000000", "cbor"),
    "text that is no UTF-8": ("62c328", "cbor"),
    "text with a surrogate": ("63eda080", "cbor"),
    "depth bomb": ("81" * 100_000 + "01", "cbor"),
    "depth bomb of maps": ("a101" * 100_000 + "01", "cbor"),
    "depth bomb of tags": ("c6" * 100_000 + "01", "cbor"),
}


@pytest.mark.parametrize("name", CORPUS)
def test_the_corpus_is_refused_at_once(name: str) -> None:
    encoded, expected = CORPUS[name]
    started = time.thread_time()
    found = reason(bytes.fromhex(encoded))
    assert time.thread_time() - started < 0.1
    assert found == expected


def test_nesting_ends_at_its_limit() -> None:
    assert cbor.loads(b"\x81" * cbor.MAX_DEPTH + b"\x01")
    assert reason(b"\x81" * (cbor.MAX_DEPTH + 1) + b"\x01") == "cbor"


def test_keys_in_the_order_of_their_bytes() -> None:
    in_order = {0: 1, 23: 1, 24: 1, 256: 1, (1 << 63) - 1: 1, -1: 1, -24: 1, -25: 1, -65537: 1, -(1 << 63): 1}
    encoded = cbor.dumps(in_order)
    assert cbor.loads(encoded) == in_order
    assert encoded == cbor2.dumps(in_order)


def test_true_is_not_one() -> None:
    assert cbor.loads(b"\xf5") is True
    assert cbor.loads(b"\x01") is not True
