"""Signed documents: what a city publishes so that verifiers can judge by themselves.

A document is a COSE_Sign1 with its type in the protected header (`cose.Profile`) and a payload in CBOR. It is believed
if a key that may sign this type has signed it, and if it is not older than the one already held.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec

from . import cose
from .cose import Profile
from .trust import Publisher

MAX_PAYLOAD = 1 << 24
"""Longest payload of a document, in bytes."""

PublicKeys = Mapping[bytes, ec.EllipticCurvePublicKey]
"""Public keys by their kid."""


class _Dated(Protocol):
    @property
    def issued_at(self) -> int:
        """When it was signed; seconds since 1970 UTC."""
        ...


Published = TypeVar("Published", bound=_Dated)


class NotBelieved(ValueError):
    """The document is in its format, and yet not to be believed; `reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def seal(profile: Profile, kid: bytes, payload: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """The document; `sign` makes the raw 64-byte ES256 signature of the key with that kid."""
    return profile.assemble(kid, payload, sign(profile.to_be_signed(kid, payload)))


class Unsealed(NamedTuple):
    """What a document says, and which key signed it."""

    kid: bytes
    payload: bytes


def unseal(profile: Profile, signed: bytes, keys: PublicKeys) -> Unsealed:
    """The payload, once one of the keys was found to have signed it as a document of this type.

    Raises Malformed, or NotBelieved for another signer.
    """
    unverified = profile.parse(signed)
    key = keys.get(unverified.unverified_kid)
    if key is None:
        raise NotBelieved("signer_unknown")
    if not cose.is_signed_by(key, unverified.signed_hash, unverified.signature):
        raise NotBelieved("signature")
    return Unsealed(unverified.unverified_kid, unverified.unverified_payload)


def unseal_published(
    profile: Profile, signed: bytes, publishers: Mapping[bytes, Publisher], decode: Callable[[bytes], Published]
) -> Published:
    """What a document says that a publisher signed in its time; `decode` reads the payload.

    Raises Malformed, or NotBelieved for another signer, or for one that might not sign then; and what `decode` raises.
    """
    unsealed = unseal(profile, signed, {kid: publisher.public_key for kid, publisher in publishers.items()})
    said = decode(unsealed.payload)
    if not publishers[unsealed.kid].may_sign_at(said.issued_at):
        raise NotBelieved("signer_out_of_time")
    return said


def keys_by_kid(*keys: ec.EllipticCurvePublicKey) -> PublicKeys:
    """The keys, each under its kid."""
    return {cose.key_id(key): key for key in keys}
