"""COSE_Sign1 (RFC 9052, 4.2) in exactly one profile.

    18([h'{1: -7, 4: kid}', {}, payload, signature])

ES256 (RFC 9053, 2.1) with the 64-byte raw signature, a protected header of algorithm and key id and nothing else, an
empty unprotected header. The frame is compared with fixed bytes instead of being decoded, so there is nothing in it
for a forger to vary: no other algorithm, header, tag or length encoding exists.
"""

import hashlib
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .malformed import Malformed

KID_BYTES = 8
MAX_PAYLOAD = 0xFFFF

_ES256 = ec.ECDSA(SHA256())
_HEADER = bytes.fromhex("a2 01 26 04 48")  # {1: -7, 4: 8 bytes follow}
_FRAME = bytes.fromhex("d2 84 4d") + _HEADER  # tag 18, array of 4, 13 bytes of protected header
_KID_END = len(_FRAME) + KID_BYTES
_UNPROTECTED = b"\xa0"
_SIGNATURE_HEAD = b"\x58\x40"
_SIGNATURE_BYTES = 64
_TAIL = len(_SIGNATURE_HEAD) + _SIGNATURE_BYTES
_TO_BE_SIGNED = bytes.fromhex("84 6a") + b"Signature1" + b"\x4d" + _HEADER  # then kid, empty external data, payload


class Unverified(NamedTuple):
    """The parts of a COSE_Sign1 whose signature nobody has checked yet."""

    unverified_kid: bytes
    unverified_payload: bytes
    to_be_signed: bytes
    signature: bytes


def key_id(public_key: ec.EllipticCurvePublicKey) -> bytes:
    """`kid`: the first 8 bytes of SHA-256 over the key's DER SubjectPublicKeyInfo (RFC 5280, 4.1)."""
    der = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).digest()[:KID_BYTES]


def to_be_signed(kid: bytes, payload: bytes) -> bytes:
    """The Sig_structure (RFC 9052, 4.4) over a payload: what a signer signs and what a record's hash is taken of."""
    return _TO_BE_SIGNED + kid + b"\x40" + _byte_string(payload)


def assemble(kid: bytes, payload: bytes, signature: bytes) -> bytes:
    """The COSE_Sign1 from its parts; `signature` is the 64-byte raw one."""
    return _FRAME + kid + _UNPROTECTED + _byte_string(payload) + _SIGNATURE_HEAD + signature


def parse(signed: bytes) -> Unverified:
    """Take the frame apart without checking the signature. Raises Malformed."""
    payload_end = len(signed) - _TAIL
    if not signed.startswith(_FRAME) or signed[_KID_END : _KID_END + 1] != _UNPROTECTED:
        raise Malformed("cose_frame")
    if payload_end <= _KID_END + 1 or signed[payload_end : payload_end + 2] != _SIGNATURE_HEAD:
        raise Malformed("cose_frame")
    encoded = signed[_KID_END + 1 : payload_end]
    payload = _payload_of(encoded)
    kid = signed[len(_FRAME) : _KID_END]
    return Unverified(kid, payload, _TO_BE_SIGNED + kid + b"\x40" + encoded, signed[-_SIGNATURE_BYTES:])


def is_signed_by(public_key: ec.EllipticCurvePublicKey, parts: Unverified) -> bool:
    """Whether the holder of the P-256 key made the signature over these parts."""
    r, s = int.from_bytes(parts.signature[:32]), int.from_bytes(parts.signature[32:])
    try:
        public_key.verify(encode_dss_signature(r, s), parts.to_be_signed, _ES256)
    except InvalidSignature:
        return False
    return True


def sign(private_key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """The raw 64-byte ES256 signature (RFC 9053, 2.1) over `message`."""
    r, s = decode_dss_signature(private_key.sign(message, _ES256))
    return r.to_bytes(32) + s.to_bytes(32)


def _byte_string(data: bytes) -> bytes:
    return _head(len(data)) + data


def _head(length: int) -> bytes:
    if length < 24:
        return bytes((0x40 | length,))
    if length <= 0xFF:
        return bytes((0x58, length))
    if length <= MAX_PAYLOAD:
        return b"\x59" + length.to_bytes(2)
    raise ValueError(f"payload of {length} bytes; at most {MAX_PAYLOAD}")


def _payload_of(encoded: bytes) -> bytes:
    for head_length in (2, 3, 1):  # the usual sizes first
        length = len(encoded) - head_length
        if 0 <= length <= MAX_PAYLOAD and encoded[:head_length] == _head(length):
            return encoded[head_length:]
    raise Malformed("cose_payload")
