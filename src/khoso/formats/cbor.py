"""Deterministic CBOR (RFC 8949, 4.2.1) in the small set of types that credentials use.

Accepted: int below 2^63, str, bytes, bool, lists, and maps with integer keys in rising order. Everything else is
refused: floats, null, tags (and the numbers or dates they could build), indefinite lengths, duplicate keys, trailing
bytes, any encoding that is not the shortest. One value has one encoding, so what was signed is what is read.

`loads` decodes whatever it is, looks through it, encodes it again and compares. What has one form only is read value by
value in half the time: each `read_…` function takes the data and a place in it, and returns what begins there and the
place behind. A value that is cut off ends behind the data, where nothing else can be read. They raise LookupError or
ValueError for that, for another type, and for any encoding that is not the shortest.
"""

from typing import Any

import cbor2

from .malformed import Malformed

MAX_DEPTH = 6

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP = range(0x00, 0xC0, 0x20)
"""First bytes of the major types (RFC 8949, 3.1); a short argument is added to them."""

_LONG_ARGUMENTS = {24: (1, 24), 25: (2, 1 << 8), 26: (4, 1 << 16), 27: (8, 1 << 32)}
"""How many bytes a longer argument takes, and the least that needs so many."""

_LEAVES = frozenset({str, bytes, bool})
_INT_LIMIT = 1 << 63


def _refuse_shared(*_: object) -> Any:
    raise Malformed("cbor")


_NO_SHARING = {28: _refuse_shared}
"""The tag of values that are named, to be used again: a few bytes of them never end, or unfold to billions."""


def dumps(value: Any) -> bytes:
    """The deterministic encoding of a value made of the accepted types.

    Every map must have its keys in the order 0, 1, 2, …, -1, -2, … already: what sorts them in `cbor2` costs 4 µs, and
    does it by an older rule (RFC 7049, 3.9), which puts -1 before 24.
    """
    return cbor2.dumps(value)


def parse(data: bytes) -> Any:
    """The value that `data` begins with, of any types and in any encoding but the dangerous ones. Raises Malformed.

    For formats of others, whose reader compares what it took from the value with the input.
    """
    try:
        return cbor2.loads(
            data,
            max_depth=MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            semantic_decoders=_NO_SHARING,
        )
    except (cbor2.CBORError, ValueError):
        raise Malformed("cbor") from None


def loads(data: bytes) -> Any:
    """The value that `data` encodes. Raises Malformed unless `data` is its one deterministic encoding."""
    value = parse(data)
    _check(value)
    if dumps(value) != data:
        raise Malformed("cbor_not_canonical")
    return value


def _check(value: Any) -> None:
    kind = type(value)
    if kind is int:
        if not -_INT_LIMIT <= value < _INT_LIMIT:
            raise Malformed("cbor_integer")
    elif kind is list:
        for item in value:
            _check(item)
    elif kind is dict:
        _check_map(value)
    elif kind not in _LEAVES:
        raise Malformed("cbor_type")


def _check_map(value: dict[Any, Any]) -> None:
    previous = -1
    for key, item in value.items():
        if type(key) is not int:
            raise Malformed("cbor_key_type")
        if not -_INT_LIMIT <= key < _INT_LIMIT:
            raise Malformed("cbor_integer")
        rank = key if key >= 0 else _INT_LIMIT - 1 - key  # the byte order of integers: 0, 1, 2, …, -1, -2, …
        if rank <= previous:
            raise Malformed("cbor_key_order")
        previous = rank
        if type(item) not in _LEAVES:  # most members are; a call for each would cost more than the check
            _check(item)


def read_argument(data: bytes, at: int, major: int) -> tuple[int, int]:
    """The argument of a value of that major type, below 2^63: the number itself, or a length."""
    argument = data[at] - major
    at += 1
    if 0 <= argument < 24:
        return argument, at
    size, least = _LONG_ARGUMENTS[argument]
    end = at + size
    argument = int.from_bytes(data[at:end])
    if not least <= argument < _INT_LIMIT:
        raise ValueError
    return argument, end


def read_number(data: bytes, at: int) -> tuple[int, int]:
    """A number from 0 to 2^63 - 1."""
    first = data[at]
    return (first, at + 1) if first < 24 else read_argument(data, at, UNSIGNED)


def read_integer(data: bytes, at: int) -> tuple[int, int]:
    """A number from -2^63 to 2^63 - 1."""
    if data[at] < NEGATIVE:
        return read_argument(data, at, UNSIGNED)
    argument, at = read_argument(data, at, NEGATIVE)
    return -1 - argument, at


def read_text(data: bytes, at: int) -> tuple[str, int]:
    """A text."""
    length = data[at] - TEXT
    if length == 24:  # one byte of length, as most have, without a call: that is one percent of a verdict
        length, at = data[at + 1], at + 2
        if length < 24:
            raise ValueError
    else:
        length, at = read_argument(data, at, TEXT)
    end = at + length
    return data[at:end].decode(), end


def read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """A byte string."""
    length, at = read_argument(data, at, BYTES)
    end = at + length
    return data[at:end], end
