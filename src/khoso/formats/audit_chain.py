"""The audit chain: a hash that ties each row to all rows before it, and signed checkpoints of where the chains ended.

    hash(n) = SHA-256(hash(n - 1) ‖ row(n)), and hash(0) = 32 zero bytes
    row(n)  = chain (4 bytes) ‖ n (8) ‖ at (8) ‖ length of actor (4), of act (4), of subject (4) ‖ actor ‖ act ‖ subject

Integers are signed and big-endian, `at` is in microseconds since 1970-01-01T00:00:00Z, texts are UTF-8, lengths are in
bytes: two different rows have different encodings, and PostgreSQL can compute them too (docs/audit.md).

    checkpoint = "khoso-audit-1." ‖ base64url(CBOR) ‖ "." ‖ base64url(signature)
    CBOR       = {1: number, 2: at, 3: [[chain, length, hash], …]}

The signature is ES256 over all of the text before the second dot; nothing else that is signed here begins like it.
"""

import base64
import re
import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec

from . import cbor, cose
from .malformed import Malformed

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey
PublicKey: TypeAlias = ec.EllipticCurvePublicKey

GENESIS = bytes(32)
"""The hash before the first row of a chain."""

_HEAD = struct.Struct(">iqqiii")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CHECKPOINT = re.compile(r"khoso-audit-1\.([A-Za-z0-9_-]{1,20000})\.([A-Za-z0-9_-]{86})(?![A-Za-z0-9_-])")


class Head(NamedTuple):
    """Where a chain ends: how many rows it has, and the hash of the last one."""

    chain: int
    length: int
    hash: bytes


class Checkpoint(NamedTuple):
    """The heads of all chains at one moment, in microseconds since 1970."""

    number: int
    at: int
    heads: tuple[Head, ...]


def link(previous: bytes, chain: int, sequence: int, at: int, actor: str, act: str, subject: str) -> bytes:
    """The hash of a row that follows a row with the hash `previous`."""
    a, b, c = actor.encode(), act.encode(), subject.encode()
    head = _HEAD.pack(chain, sequence, at, len(a), len(b), len(c))
    return sha256(b"".join((previous, head, a, b, c))).digest()


def microseconds(at: datetime) -> int:
    """Since 1970-01-01T00:00:00Z, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def instant(at: int) -> datetime:
    """The moment that `microseconds` counts to."""
    return _EPOCH + at * _MICROSECOND


def sign_checkpoint(checkpoint: Checkpoint, key: PrivateKey) -> str:
    """The checkpoint as one word of text."""
    content = cbor.dumps({1: checkpoint.number, 2: checkpoint.at, 3: [list(head) for head in checkpoint.heads]})
    signed = f"khoso-audit-1.{_encode(content)}"
    return f"{signed}.{_encode(cose.sign(key, signed.encode()))}"


def find_checkpoints(text: str) -> Iterator[str]:
    """Everything in a text, a line of a log say, that looks like a checkpoint."""
    return (found[0] for found in _CHECKPOINT.finditer(text))


def read_checkpoint(text: str, keys: Iterable[PublicKey]) -> Checkpoint:
    """The checkpoint in a text, if one of the keys has signed it. Raises Malformed if none of them has."""
    parts = _CHECKPOINT.fullmatch(text)
    if parts is None:
        raise Malformed("checkpoint_form")
    signed_hash, signature = sha256(text.rpartition(".")[0].encode()).digest(), _decode(parts[2])
    if not any(cose.is_signed_by(key, signed_hash, signature) for key in keys):
        raise Malformed("checkpoint_signature")
    content = cbor.loads(_decode(parts[1]))  # whoever signed it has encoded it well
    return Checkpoint(content[1], content[2], tuple(Head(*head) for head in content[3]))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
