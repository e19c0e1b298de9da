"""Keys as encrypted PKCS#8 files (RFC 5958), one directory, one passphrase file beside them.

    <keys_dir>/passphrase            made at first start, mode 0600; in production a mounted secret
    <keys_dir>/agency/<kid>.pem      a signing key of an agency
    <keys_dir>/token.pem             signs the access tokens
    <keys_dir>/audit.pem             signs the checkpoints of the audit
    <keys_dir>/holder-pepper         keys the HMAC by which a vault is found

Nothing here is ever logged, and no file is ever overwritten.
"""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from khoso.errors import KeyStoreError
from khoso.formats import cose


class KeyFiles:
    """The keys in one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def prepare(self) -> None:
        """Make the directory, passphrase, pepper, token key and audit key where they are missing."""
        (self._directory / "agency").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory.chmod(0o700)
        _write_once(self._directory / "passphrase", secrets.token_urlsafe(32).encode())
        _write_once(self._directory / "holder-pepper", secrets.token_bytes(32))
        for name in ("token.pem", "audit.pem"):
            if not (self._directory / name).exists():
                self._write_key(self._directory / name, ec.generate_private_key(ec.SECP256R1()))

    def make_agency_key(self) -> ec.EllipticCurvePublicKey:
        """A new signing key, kept here under its kid; the public half is for the catalogue."""
        key = ec.generate_private_key(ec.SECP256R1())
        self._write_key(self._agency_path(cose.key_id(key.public_key())), key)
        return key.public_key()

    def token_key(self) -> ec.EllipticCurvePrivateKey:
        """The key that signs access tokens."""
        return self._read_key(self._directory / "token.pem")

    def audit_key(self) -> ec.EllipticCurvePrivateKey:
        """The key that signs the checkpoints of the audit."""
        return self._read_key(self._directory / "audit.pem")

    def holder_pepper(self) -> bytes:
        """The secret that keys the HMAC of personal ids."""
        return _read(self._directory / "holder-pepper")

    def has_agency_key(self, kid: bytes) -> bool:
        """Whether the agency key with that kid is here."""
        return self._agency_path(kid).exists()

    def signer(self, kid: bytes) -> "FileSigner":
        """The agency key with that kid. Raises KeyStoreError if it is not here."""
        return FileSigner(self._read_key(self._agency_path(kid)))

    def _agency_path(self, kid: bytes) -> Path:
        return self._directory / "agency" / f"{kid.hex()}.pem"

    def _write_key(self, path: Path, key: ec.EllipticCurvePrivateKey) -> None:
        encryption = BestAvailableEncryption(_read(self._directory / "passphrase"))
        _write_once(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))

    def _read_key(self, path: Path) -> ec.EllipticCurvePrivateKey:
        try:
            key = load_pem_private_key(_read(path), _read(self._directory / "passphrase"))
        except (ValueError, TypeError):
            raise KeyStoreError(f"{path}: not an encrypted PKCS#8 key, or another passphrase") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise KeyStoreError(f"{path}: not a P-256 key")
        return key


class FileSigner:
    """Signs with one agency key held in memory: at once, for it takes less time than a thread would."""

    place = "files"
    max_waiting = 10_000

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    async def sign(self, messages: Sequence[bytes]) -> list[bytes]:
        """A raw 64-byte ES256 signature for each message."""
        return [cose.sign(self._key, message) for message in messages]


def public_der(key: ec.EllipticCurvePublicKey) -> bytes:
    """The key as DER SubjectPublicKeyInfo (RFC 5280, 4.1), as the catalogue keeps it."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def public_pem(key: ec.EllipticCurvePublicKey) -> str:
    """The key as PEM (RFC 7468, 13), to be kept elsewhere."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_public_pem(path: Path) -> ec.EllipticCurvePublicKey:
    """A key that `public_pem` wrote. Raises KeyStoreError."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError):
        raise KeyStoreError(f"{path}: not a public key as PEM") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyStoreError(f"{path}: not a P-256 key")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyStoreError(f"{path}: {error.strerror}; run `khoso keys prepare`") from None


def _write_once(path: Path, content: bytes) -> None:
    """Write a new file of mode 0600, whole or not at all; an existing one stays as it is."""
    if path.exists():
        return
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(temporary)  # fails if another process was first; a rename would overwrite its file
    except FileExistsError:
        return
    finally:
        temporary.unlink()
