"""COSE_Sign1 (RFC 9052, 4.2) in exactly one profile for each kind of thing that is signed.

    18([h'{1: -7, 4: kid}', {}, payload, signature])              a credential
    18([h'{1: -7, 4: kid, 16: type}', {}, payload, signature])    a document, by its type (RFC 9596)

ES256 (RFC 9053, 2.1) with the 64-byte raw signature, a protected header of algorithm, key id and type and nothing else,
an empty unprotected header. The frame is compared with fixed bytes instead of being decoded, so there is nothing in it
for a forger to vary: no other algorithm, header, tag or length encoding exists, and what is signed as one kind is never
taken for another.
"""

from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .malformed import Malformed

KID_BYTES = 8
MAX_PAYLOAD = 0xFFFF
"""Longest payload of a credential, in bytes."""

_ES256 = ec.ECDSA(SHA256())
_ES256_OF_HASH = ec.ECDSA(Prehashed(SHA256()))
_ARRAY_OF_FOUR = bytes.fromhex("d2 84")  # with tag 18
_ALGORITHM_AND_KEY = bytes.fromhex("01 26 04 48")  # 1: -7, 4: 8 bytes follow
_TYPE = b"\x10"
_UNPROTECTED = b"\xa0"
_CONTEXT = bytes.fromhex("84 6a") + b"Signature1"
_NO_EXTERNAL_DATA = b"\x40"
_SIGNATURE_HEAD = b"\x58\x40"
_SIGNATURE_BYTES = 64
_TAIL = len(_SIGNATURE_HEAD) + _SIGNATURE_BYTES


class Unverified(NamedTuple):
    """The parts of a COSE_Sign1 whose signature nobody has checked yet."""

    unverified_kid: bytes
    unverified_payload: bytes
    signed_hash: bytes
    """SHA-256 of the Sig_structure (RFC 9052, 4.4), which is what the signature is over."""
    signature: bytes


def key_id(public_key: ec.EllipticCurvePublicKey) -> bytes:
    """`kid`: the first 8 bytes of SHA-256 over the key's DER SubjectPublicKeyInfo (RFC 5280, 4.1)."""
    der = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha256(der).digest()[:KID_BYTES]


class Profile:
    """The one frame of a kind: without a type that of credentials, with one that of the documents of this type."""

    def __init__(self, media_type: str = "", max_payload: int = MAX_PAYLOAD) -> None:
        """`max_payload` is the longest payload in bytes."""
        header = bytes((0xA3 if media_type else 0xA2,)) + _ALGORITHM_AND_KEY
        type_header = _TYPE + _text(media_type) if media_type else b""
        protected = _head(len(header) + KID_BYTES + len(type_header)) + header
        self.media_type = media_type
        self._max_payload = max_payload
        self._before_kid = _ARRAY_OF_FOUR + protected
        self._kid_end = len(self._before_kid) + KID_BYTES
        self._behind_kid = type_header + _UNPROTECTED
        self._payload_at = self._kid_end + len(self._behind_kid)
        self._signed_before_kid = _CONTEXT + protected
        self._signed_behind_kid = type_header + _NO_EXTERNAL_DATA

    def to_be_signed(self, kid: bytes, payload: bytes) -> bytes:
        """The Sig_structure (RFC 9052, 4.4) over a payload: what a signer signs."""
        return self._signed_before_kid + kid + self._signed_behind_kid + self._byte_string(payload)

    def assemble(self, kid: bytes, payload: bytes, signature: bytes) -> bytes:
        """The COSE_Sign1 from its parts; `signature` is the 64-byte raw one."""
        return self._before_kid + kid + self._behind_kid + self._byte_string(payload) + _SIGNATURE_HEAD + signature

    def parse(self, signed: bytes) -> Unverified:
        """Take the frame apart without checking the signature. Raises Malformed."""
        payload_at, payload_end = self._payload_at, len(signed) - _TAIL
        if not signed.startswith(self._before_kid) or signed[self._kid_end : payload_at] != self._behind_kid:
            raise Malformed("cose_frame")
        if payload_end <= payload_at or signed[payload_end : payload_end + 2] != _SIGNATURE_HEAD:
            raise Malformed("cose_frame")
        encoded = signed[payload_at:payload_end]
        payload = self._payload_of(encoded)
        kid = self.kid_of(signed)
        to_be_signed = self._signed_before_kid + kid + self._signed_behind_kid + encoded
        return Unverified(kid, payload, sha256(to_be_signed).digest(), signed[-_SIGNATURE_BYTES:])

    def kid_of(self, signed: bytes) -> bytes:
        """The kid in a COSE_Sign1 that this profile has assembled, or parsed, before."""
        return signed[len(self._before_kid) : self._kid_end]

    def _byte_string(self, data: bytes) -> bytes:
        if len(data) > self._max_payload:
            raise ValueError(f"payload of {len(data)} bytes; at most {self._max_payload}")
        return _head(len(data)) + data

    def _payload_of(self, encoded: bytes) -> bytes:
        for head_length in _HEAD_LENGTHS:
            length = len(encoded) - head_length
            if 0 <= length <= self._max_payload and encoded[:head_length] == _head(length):
                return encoded[head_length:]
        raise Malformed("cose_payload")


def _head(length: int) -> bytes:
    """The head of a byte string, at its shortest (RFC 8949, 4.2.1)."""
    if length < 24:
        return bytes((0x40 | length,))
    if length <= 0xFF:
        return bytes((0x58, length))
    if length <= 0xFFFF:
        return b"\x59" + length.to_bytes(2)
    return b"\x5a" + length.to_bytes(4)


_HEAD_LENGTHS = (2, 3, 1, 5)  # the usual sizes first


def _text(text: str) -> bytes:
    """A media type as a text string; it has 24 to 255 characters."""
    return b"\x78" + bytes((len(text),)) + text.encode("ascii")


_CREDENTIAL = Profile()
to_be_signed = _CREDENTIAL.to_be_signed
"""The Sig_structure of a credential: what its agency signs, and what a record's hash is taken of."""
assemble = _CREDENTIAL.assemble
parse = _CREDENTIAL.parse
kid_of = _CREDENTIAL.kid_of


def is_signed_by(public_key: ec.EllipticCurvePublicKey, signed_hash: bytes, signature: bytes) -> bool:
    """Whether the holder of the P-256 key made the raw 64-byte signature over what has this SHA-256."""
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    try:
        public_key.verify(encode_dss_signature(r, s), signed_hash, _ES256_OF_HASH)
    except InvalidSignature:
        return False
    return True


def sign(private_key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """The raw 64-byte ES256 signature (RFC 9053, 2.1) over `message`."""
    r, s = decode_dss_signature(private_key.sign(message, _ES256))
    return r.to_bytes(32) + s.to_bytes(32)
