"""Files with keys: encrypted PKCS#8 (RFC 5958), P-256, never overwritten."""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from khoso.errors import KeyStoreError


def write_key(path: Path, key: ec.EllipticCurvePrivateKey, passphrase: bytes) -> None:
    """Write a private key; an existing file stays as it is."""
    write_once(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase)))


def read_key(path: Path, passphrase: bytes) -> ec.EllipticCurvePrivateKey:
    """The P-256 key in an encrypted PKCS#8 file. Raises KeyStoreError."""
    try:
        key = load_pem_private_key(read(path), passphrase)
    except (ValueError, TypeError):
        raise KeyStoreError(f"{path}: not an encrypted PKCS#8 key, or another passphrase") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyStoreError(f"{path}: not a P-256 key")
    return key


def read(path: Path) -> bytes:
    """The content of a file. Raises KeyStoreError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyStoreError(f"{path}: {error.strerror}; run `khoso keys prepare`") from None


def write_once(path: Path, content: bytes) -> None:
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
