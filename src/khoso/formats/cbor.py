"""Deterministic CBOR (RFC 8949, 4.2.1) in the small set of types that credentials use.

Accepted: int below 2^63, str, bytes, bool, lists, and maps with integer keys in rising order. Everything else is
refused: floats, null, tags (and the numbers or dates they could build), indefinite lengths, duplicate keys, trailing
bytes, any encoding that is not the shortest. One value has one encoding, so what was signed is what is read.
"""

from typing import Any

import cbor2

from .malformed import Malformed

MAX_DEPTH = 6

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
        rank = key if key >= 0 else _INT_LIMIT - 1 - key  # the byte order of integers: 0, 1, 2, …, -1, -2, …
        if rank <= previous:
            raise Malformed("cbor_key_order")
        previous = rank
        if type(item) not in _LEAVES:  # most members are; a call for each would cost more than the check
            _check(item)
