"""COSE_Sign1 in one profile: nothing in a signed code can be changed, and other implementations agree on it."""

import json
import os
from hashlib import sha256
from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from hypothesis import given
from hypothesis import strategies as st
from pycose.algorithms import Es256
from pycose.headers import KID, Algorithm
from pycose.keys.curves import P256
from pycose.keys.ec2 import EC2Key
from pycose.messages.sign1message import Sign1Message

from golden import city
from golden.city import ACTIVE, OTHERS
from golden.signing import ORDER
from khoso.formats import cose
from khoso.formats.malformed import Malformed

WYCHEPROOF = os.environ.get("KHOSO_TEST_WYCHEPROOF", "")
"""A folder with test vectors of C2SP/wycheproof; they are large and not ours, so they do not lie here."""

PAYLOAD = city.dumps(city.claims())
SIGNED = city.signed(PAYLOAD)
PAYLOADS = st.binary(max_size=400) | st.integers(0, cose.MAX_PAYLOAD).map(bytes)
KEYS = st.integers(1, ORDER - 1).map(lambda scalar: ec.derive_private_key(scalar, ec.SECP256R1()))


def is_signed_by(key: ec.EllipticCurvePublicKey, parts: cose.Unverified) -> bool:
    return cose.is_signed_by(key, parts.signed_hash, parts.signature)


def is_good(signed: bytes, key: ec.EllipticCurvePublicKey = ACTIVE.public) -> bool:
    """As a verifier asks: the key that the code names, and its signature."""
    try:
        parts = cose.parse(signed)
    except Malformed:
        return False
    return parts.unverified_kid == cose.key_id(key) and is_signed_by(key, parts)


@given(KEYS, PAYLOADS)
def test_what_was_signed_is_parsed_and_good(key: ec.EllipticCurvePrivateKey, payload: bytes) -> None:
    kid = cose.key_id(key.public_key())
    message = cose.to_be_signed(kid, payload)
    signature = cose.sign(key, message)
    signed = cose.assemble(kid, payload, signature)
    assert cose.parse(signed) == cose.Unverified(kid, payload, sha256(message).digest(), signature)
    assert is_good(signed, key.public_key())
    assert not is_signed_by(OTHERS.public, cose.parse(signed))


@given(st.binary(min_size=8, max_size=8), PAYLOADS)
def test_the_frame_is_what_a_general_encoder_writes(kid: bytes, payload: bytes) -> None:
    protected = cbor2.dumps({1: -7, 4: kid})
    assert cose.assemble(kid, payload, bytes(64)) == cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, bytes(64)]))
    assert cose.to_be_signed(kid, payload) == cbor2.dumps(["Signature1", protected, b"", payload])


def test_every_change_of_one_bit_is_refused() -> None:
    assert is_good(SIGNED)
    for bit in range(8 * len(SIGNED)):
        changed = bytearray(SIGNED)
        changed[bit // 8] ^= 1 << bit % 8
        assert not is_good(bytes(changed)), f"bit {bit}"


def test_every_missing_doubled_or_added_byte_is_refused() -> None:
    for position in range(len(SIGNED)):
        start, end = SIGNED[:position], SIGNED[position:]
        assert not is_good(start + end[1:])
        assert not is_good(start + end[:1] + end)
        assert not is_good(start + b"\0" + end)
        assert not is_good(start)
    assert not is_good(SIGNED + b"\0")
    assert not is_good(SIGNED + SIGNED)


@given(st.binary(max_size=300))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    try:
        parts = cose.parse(data)
    except Malformed:
        return
    assert cose.assemble(parts.unverified_kid, parts.unverified_payload, parts.signature) == data


@given(st.binary(max_size=60))
def test_any_bytes_between_good_ends_are_parsed_or_refused(middle: bytes) -> None:
    data = SIGNED[:17] + middle + SIGNED[-66:]
    try:
        parts = cose.parse(data)
    except Malformed:
        return
    assert cose.assemble(parts.unverified_kid, parts.unverified_payload, parts.signature) == data


@pytest.mark.parametrize("length", [0, 1, 23, 24, 255, 256, 65_535])
def test_a_payload_has_the_shortest_length_there_is(length: int) -> None:
    signed = cose.assemble(bytes(8), bytes(length), bytes(64))
    assert cose.parse(signed).unverified_payload == bytes(length)
    heads = {b"\x40", b"\x57", b"\x58\x18", b"\x58\xff", b"\x59\x01\x00", b"\x59\xff\xff", b"\x41"}
    assert any(signed[17:].startswith(head) for head in heads)


def test_no_payload_is_longer_than_65535_bytes() -> None:
    with pytest.raises(ValueError, match="payload of 65536 bytes; at most 65535"):
        cose.assemble(bytes(8), bytes(65_536), bytes(64))
    with pytest.raises(Malformed):
        cose.parse(SIGNED[:17] + b"\x5a\0\x01\0\0" + bytes(65_536) + SIGNED[-66:])


def test_the_key_id_is_the_hash_of_the_public_key() -> None:
    der = ACTIVE.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert len(der) == 91
    assert ACTIVE.kid == cose.key_id(ACTIVE.public)
    assert len({key["kid"] for key in city.TRUST["keys"]}) == len(city.TRUST["keys"])


PARTS = cose.parse(SIGNED)
R, S = int.from_bytes(PARTS.signature[:32]), int.from_bytes(PARTS.signature[32:])
LARGEST = (1 << 256) - 1


@pytest.mark.parametrize(
    ("r", "s"),
    [
        *((r, s) for r in (0, ORDER, LARGEST) for s in (0, 1, ORDER, LARGEST)),
        *((R, s) for s in (0, 1, ORDER, ORDER + 1, LARGEST, R)),
        *((r, S) for r in (0, 1, ORDER, ORDER - R, LARGEST, S)),
        (1, 1),
    ],
)
def test_numbers_outside_the_group_and_other_numbers_sign_nothing(r: int, s: int) -> None:
    assert not cose.is_signed_by(ACTIVE.public, PARTS.signed_hash, r.to_bytes(32) + s.to_bytes(32))


def test_a_signature_has_a_twin() -> None:
    """(r, n - s) signs the same bytes as (r, s), so anybody can write a second code for the same paper.

    It is accepted: `cryptography` and signing devices make high and low s alike, and refusing one half would refuse
    good papers. Nothing depends on the code being the only one: a paper is known by the hash over the bytes that were
    signed, which both codes share, and by its status index; never by the code or its signature.
    """
    twin = cose.parse(SIGNED[:-32] + (ORDER - S).to_bytes(32))
    assert is_signed_by(ACTIVE.public, twin)
    assert twin.signature != PARTS.signature
    assert twin.signed_hash == PARTS.signed_hash


@pytest.mark.skipif(not WYCHEPROOF, reason="KHOSO_TEST_WYCHEPROOF names no folder: testvectors_v1 of C2SP/wycheproof")
def test_wycheproof() -> None:
    """All ECDSA vectors of C2SP/wycheproof for P-256, SHA-256 and raw signatures get their verdict."""
    file = Path(WYCHEPROOF) / "ecdsa_secp256r1_sha256_p1363_test.json"
    groups = json.loads(file.read_text("utf-8"))["testGroups"]
    disagreed = [
        test["tcId"]
        for group in groups
        for test in group["tests"]
        if _accepts(group, test) != (test["result"] == "valid")
    ]
    assert disagreed == []
    assert sum(len(group["tests"]) for group in groups) == 262


def _accepts(group: dict[str, str], test: dict[str, str]) -> bool:
    key = load_der_public_key(bytes.fromhex(group["publicKeyDer"]))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    signature = bytes.fromhex(test["sig"])
    # A frame has room for 64 bytes and no others; shorter and longer ones never get as far as the signature.
    signed_hash = sha256(bytes.fromhex(test["msg"])).digest()
    return len(signature) == 64 and cose.is_signed_by(key, signed_hash, signature)


def pycose_key(key: city.SigningKey) -> EC2Key:
    numbers = key.public.public_numbers()
    return EC2Key(crv=P256, x=numbers.x.to_bytes(32), y=numbers.y.to_bytes(32), d=key.scalar.to_bytes(32))


@given(PAYLOADS)
def test_another_implementation_accepts_what_we_sign(payload: bytes) -> None:
    signed = city.signed(payload)
    assert signed[0] == 0xD2  # the tag, taken off by hand: pycose 1.1 does not know how cbor2 6 reads tagged lists
    message = Sign1Message.from_cose_obj(cbor2.loads(signed[1:]), allow_unknown_attributes=False)
    message.key = pycose_key(ACTIVE)
    assert message.verify_signature()
    assert (message.payload, message.phdr, message.uhdr) == (payload, {Algorithm: Es256, KID: ACTIVE.kid}, {})
    message.key = pycose_key(OTHERS)
    assert not message.verify_signature()


@given(PAYLOADS)
def test_we_accept_what_another_implementation_signs(payload: bytes) -> None:
    message = Sign1Message(phdr={Algorithm: Es256, KID: ACTIVE.kid}, payload=payload)
    message.key = pycose_key(ACTIVE)
    signed = message.encode()
    assert is_good(signed)
    assert cose.parse(signed).unverified_payload == payload
