"""Keys in a device: made there, never out of it, found by their kid.

A key that may leave is no key for papers, whoever made it: it is looked at when it is made, and again whenever it is
opened.
"""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.hazmat.primitives.asymmetric import ec

from khoso.errors import KeyStoreError
from khoso.formats import cose
from khoso.signing.cryptoki import Attribute, CkError, Cryptoki, ObjectClass, Value

_P256 = bytes.fromhex("06 08 2a 86 48 ce 3d 03 01 07")
"""The curve's object identifier (RFC 5480, 2.1.1.1), in DER."""

_SIGNATURE_BYTES = 64
_POINT_BYTES = 65

_GUARDED: dict[Attribute, bool] = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
_BORN_GUARDED = {**_GUARDED, Attribute.ALWAYS_SENSITIVE: True, Attribute.NEVER_EXTRACTABLE: True, Attribute.LOCAL: True}

_SELF_TEST = b"khoso: is this the key of its kid?"
"""Not the form of anything that is signed for real (RFC 9052, 4.4)."""


def make_key(cryptoki: Cryptoki, session: int, label: str) -> ec.EllipticCurvePublicKey:
    """A new key in the device, under its kid. Raises KeyStoreError if it is not bound to it, and leaves none behind."""
    of_both: dict[Attribute, Value] = {
        Attribute.TOKEN: True,
        Attribute.LABEL: label.encode(),
        Attribute.ID: secrets.token_bytes(16),  # until its kid is known
    }
    public, private = cryptoki.generate_ec_pair(
        session,
        {**of_both, Attribute.PRIVATE: False, Attribute.VERIFY: True, Attribute.EC_PARAMS: _P256},
        {**of_both, Attribute.PRIVATE: True, Attribute.SIGN: True, Attribute.DERIVE: False, **_GUARDED},
    )
    with _destroying_if_unfit(cryptoki, session, public, private):
        _check_guarded(cryptoki, session, private, _BORN_GUARDED)
        public_key = _read_public_key(cryptoki, session, public)
        _check_answers(cryptoki, session, private, public_key)
        for handle in (private, public):
            cryptoki.write(session, handle, {Attribute.ID: cose.key_id(public_key)})
    return public_key


def find_key(cryptoki: Cryptoki, session: int, kid: bytes) -> int:
    """The handle of the private key with that kid, proven to be it. Raises KeyStoreError."""
    private = _find_only(cryptoki, session, ObjectClass.PRIVATE_KEY, kid)
    public_key = _read_public_key(cryptoki, session, _find_only(cryptoki, session, ObjectClass.PUBLIC_KEY, kid))
    if cose.key_id(public_key) != kid:
        raise KeyStoreError(f"the device has another key under the kid {kid.hex()}")
    _check_guarded(cryptoki, session, private, _GUARDED)
    _check_answers(cryptoki, session, private, public_key)
    return private


def sign(cryptoki: Cryptoki, session: int, private: int, message: bytes) -> bytes:
    """The raw 64-byte ES256 signature over `message`; the device sees only its hash."""
    signature = cryptoki.sign(session, private, hashlib.sha256(message).digest())
    if len(signature) != _SIGNATURE_BYTES:
        raise KeyStoreError(f"the device made a signature of {len(signature)} bytes; P-256 has {_SIGNATURE_BYTES}")
    return signature


@contextmanager
def _destroying_if_unfit(cryptoki: Cryptoki, session: int, *handles: int) -> Iterator[None]:
    try:
        yield
    except (CkError, KeyStoreError):
        for handle in handles:
            cryptoki.destroy(session, handle)
        raise


def _find_only(cryptoki: Cryptoki, session: int, kind: ObjectClass, kid: bytes) -> int:
    found = cryptoki.find_objects(session, {Attribute.CLASS: kind, Attribute.ID: kid})
    if len(found) != 1:
        raise KeyStoreError(f"no file holds the key {kid.hex()}, and the device {len(found)} of its kind; wanted is 1")
    return found[0]


def _read_public_key(cryptoki: Cryptoki, session: int, handle: int) -> ec.EllipticCurvePublicKey:
    """The standard wraps the point into an OCTET STRING (PKCS #11 curves 2.40, 2.3.3); some devices do not."""
    point = cryptoki.read(session, handle, Attribute.EC_POINT)
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point[-_POINT_BYTES:])
    except ValueError:
        raise KeyStoreError("the device's key is not a P-256 key") from None


def _check_guarded(cryptoki: Cryptoki, session: int, private: int, wanted: dict[Attribute, bool]) -> None:
    for attribute, value in wanted.items():
        if cryptoki.read(session, private, attribute) != bytes((value,)):
            raise KeyStoreError(f"the device says of its key CKA_{attribute.name} = {not value}: it could leave it")


def _check_answers(cryptoki: Cryptoki, session: int, private: int, public_key: ec.EllipticCurvePublicKey) -> None:
    """Raise KeyStoreError unless the private key's signature is good under the public one."""
    signature = sign(cryptoki, session, private, _SELF_TEST)
    if not cose.is_signed_by(public_key, hashlib.sha256(_SELF_TEST).digest(), signature):
        raise KeyStoreError("the device's private key does not answer to its public key")
