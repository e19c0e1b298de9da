"""Roots, and signing keys of agencies, in tests."""

from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from khoso.catalogue.model import SigningKey
from khoso.formats import cose
from khoso.formats.trust import KeyState
from khoso.signing.files import FileSigner


def make_root() -> FileSigner:
    """A root whose private key is at hand."""
    return FileSigner(ec.generate_private_key(ec.SECP256R1()))


def make_key(agency_code: str, state: KeyState = KeyState.ACTIVE) -> SigningKey:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return SigningKey(
        kid=cose.key_id(public),
        agency_code=agency_code,
        public_key=public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        state=state,
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        compromised_at=datetime(2026, 6, 1, tzinfo=UTC) if state is KeyState.COMPROMISED else None,
    )
