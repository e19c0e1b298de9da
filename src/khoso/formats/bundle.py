"""The bundle: all documents that an offline verifier needs of a city, in one download.

    {1: trust list, 2: type list, 3: [status list token, …], 4: [honest set, …]}          deterministic CBOR

It is not signed, each document in it is; an honest set is named in the trust list.
"""

from dataclasses import dataclass
from typing import Any

from . import cbor
from .malformed import Malformed

MEDIA_TYPE = "application/khoso-lists+cbor"

TRUST, TYPES, STATUSES, HONEST_SETS = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Bundle:
    """The documents of a city, none of them checked."""

    trust: bytes
    types: bytes
    statuses: tuple[bytes, ...] = ()
    honest_sets: tuple[bytes, ...] = ()


def encode(bundle: Bundle) -> bytes:
    """The bytes to download."""
    return cbor.dumps(
        {
            TRUST: bundle.trust,
            TYPES: bundle.types,
            STATUSES: list(bundle.statuses),
            HONEST_SETS: list(bundle.honest_sets),
        }
    )


def decode(data: bytes) -> Bundle:
    """The documents in these bytes. Raises Malformed."""
    raw = cbor.loads(data)
    if type(raw) is not dict or list(raw) != [TRUST, TYPES, STATUSES, HONEST_SETS]:
        raise Malformed("bundle")
    documents = [raw[TRUST], raw[TYPES], *_members(raw[STATUSES]), *_members(raw[HONEST_SETS])]
    if {type(document) for document in documents} != {bytes}:
        raise Malformed("bundle")
    return Bundle(raw[TRUST], raw[TYPES], tuple(raw[STATUSES]), tuple(raw[HONEST_SETS]))


def _members(value: Any) -> list[Any]:
    if type(value) is not list:
        raise Malformed("bundle")
    return value
