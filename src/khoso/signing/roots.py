"""Root keys: their public halves are pinned in a file; the private one signs trust lists and lies elsewhere.

    <keys_dir>/roots.pem                 public keys of the roots that are believed, one PEM block each
    <keys_dir>/root-development.pem      the private root of demonstrations and tests; never in production

A real root is made on a machine without network, and its private file never comes near this one.
"""

import re
import secrets
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from khoso.errors import KeyStoreError
from khoso.formats.documents import PublicKeys, keys_by_kid
from khoso.signing.pem import read, write_key, write_once

_BLOCK = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)


def make_root(path: Path, passphrase: bytes) -> ec.EllipticCurvePublicKey:
    """Make a root: encrypted PKCS#8 at `path`, its public half beside it. Raises KeyStoreError if one is there."""
    public_path = public_path_of(path)
    for file in (path, public_path):
        if file.exists():
            raise KeyStoreError(f"{file} is there already, and no key is ever overwritten")
    key = ec.generate_private_key(ec.SECP256R1())
    write_key(path, key, passphrase)
    write_once(public_path, _public_pem(key.public_key()))
    return key.public_key()


def public_path_of(path: Path) -> Path:
    """Where `make_root` writes the public half: `root.pem` has `root.pub.pem`."""
    return path.with_suffix(".pub.pem")


def read_public_pem(path: Path) -> ec.EllipticCurvePublicKey:
    """The one P-256 public key in a file. Raises KeyStoreError."""
    keys = _public_keys(path)
    if len(keys) != 1:
        raise KeyStoreError(f"{path} holds {len(keys)} public keys, not one")
    return keys[0]


def read_roots(path: Path) -> PublicKeys:
    """The pinned roots by kid; none without the file. Raises KeyStoreError for what cannot be read."""
    return keys_by_kid(*_public_keys(path)) if path.exists() else {}


def pin_root(path: Path, key: ec.EllipticCurvePublicKey) -> None:
    """Add a root to the pinned ones; one that is there changes nothing."""
    pinned = read_roots(path)
    merged = {**pinned, **keys_by_kid(key)}
    if merged.keys() != pinned.keys():
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        write_once(temporary, b"".join(map(_public_pem, merged.values())))
        temporary.rename(path)


def _public_keys(path: Path) -> list[ec.EllipticCurvePublicKey]:
    return [_public_key(path, block) for block in _BLOCK.findall(read(path))]


def _public_key(path: Path, block: bytes) -> ec.EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(block)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyStoreError(f"{path}: not a public key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyStoreError(f"{path}: not a P-256 key")
    return key


def _public_pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
