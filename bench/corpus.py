"""Distinct valid codes to verify, made with `cryptography` and `cbor2` alone so that neither contender made them."""

import base64
import hashlib
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ORIGIN = "https://kho.danang.gov.vn"
ISSUER = "H17.05.12"
_HEADER = bytes.fromhex("a2012604 48")  # {1: -7, 4: 8 bytes follow}
_YEAR = 365 * 86_400


class Corpus(NamedTuple):
    """What a contender is given: the request bodies, one JSON text a line, and the issuer's public key."""

    bodies: Path
    keys: Path


def write_corpus(folder: Path, count: int, key: ec.EllipticCurvePrivateKey) -> Corpus:
    """Write `count` distinct codes signed by `key`, and the key set (kid in hex to JWK, RFC 7517)."""
    corpus = Corpus(folder / "bodies.jsonl", folder / "keys.json")
    kid = key_id(key.public_key())
    issued_at = int(time.time()) - 86_400
    with corpus.bodies.open("w") as lines:
        for payload in _payloads(count, issued_at):
            lines.write(json.dumps({"code": code_of(sign(key, kid, payload))}) + "\n")
    corpus.keys.write_text(json.dumps({kid.hex(): _jwk(key.public_key())}))
    return corpus


def key_id(key: ec.EllipticCurvePublicKey) -> bytes:
    """The first 8 bytes of SHA-256 over the key's DER SubjectPublicKeyInfo."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).digest()[:8]


def sign(key: ec.EllipticCurvePrivateKey, kid: bytes, payload: bytes) -> bytes:
    """COSE_Sign1 (RFC 9052, 4.2), ES256, `kid` in the protected header."""
    protected = _HEADER + kid
    message = cbor2.dumps(["Signature1", protected, b"", payload])
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(SHA256())))
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, r.to_bytes(32) + s.to_bytes(32)]))


def code_of(signed: bytes) -> str:
    """The QR text: one big-endian integer in decimal behind `#1`, zero-padded so that the width tells the length."""
    width = len(str((1 << 8 * len(signed)) - 1))
    return f"{ORIGIN}/v#1{str(int.from_bytes(signed)).zfill(width)}"


def _payloads(count: int, issued_at: int) -> Iterator[bytes]:
    """Claims of truck permits, about 155 bytes each, every one with a number and a status index of its own."""
    indexes = random.Random(count).sample(range(1 << 17), count)
    for number, index in enumerate(indexes, start=1):
        yield cbor2.dumps(_claims(number, index, issued_at))


def _claims(number: int, index: int, issued_at: int) -> dict[int, Any]:
    result = {
        1: f"{ISSUER}-261123-{number:06d}-KQ1",
        2: "KQ.H17.000001",
        3: 1,
        4: [1, index],
        7: {1: f"43C-{number:06d}", 2: "8,5 tấn", 3: "Nguyễn Văn Linh, Trần Phú", 4: "22:00–05:00"},
    }
    return {1: ISSUER, 4: issued_at + _YEAR, 6: issued_at, -65537: result}


def _jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    point = key.public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": _base64url(point.x), "y": _base64url(point.y)}


def _base64url(coordinate: int) -> str:
    return base64.urlsafe_b64encode(coordinate.to_bytes(32)).rstrip(b"=").decode()
