"""Root keys: their public halves are pinned in a file; the private one signs trust lists and lies elsewhere.

    <keys_dir>/roots.pem                 public keys of the roots that are believed, one PEM block each
    <keys_dir>/root-development.pem      the private root of demonstrations and tests; never in production

A real root is made on a machine without network, and its private file never comes near this one.
"""

import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from khoso.errors import KeyStoreError
from khoso.formats.documents import PublicKeys, keys_by_kid
from khoso.signing.pem import public_pem, read_public_pems, write_key, write_once


def make_root(path: Path, passphrase: bytes) -> ec.EllipticCurvePublicKey:
    """Make a root: encrypted PKCS#8 at `path`, its public half beside it. Raises KeyStoreError if one is there."""
    public_path = public_path_of(path)
    for file in (path, public_path):
        if file.exists():
            raise KeyStoreError(f"{file} is there already, and no key is ever overwritten")
    key = ec.generate_private_key(ec.SECP256R1())
    write_key(path, key, passphrase)
    write_once(public_path, public_pem(key.public_key()))
    return key.public_key()


def public_path_of(path: Path) -> Path:
    """Where `make_root` writes the public half: `root.pem` has `root.pub.pem`."""
    return path.with_suffix(".pub.pem")


def read_roots(path: Path) -> PublicKeys:
    """The pinned roots by kid; none without the file. Raises KeyStoreError for what cannot be read."""
    return keys_by_kid(*read_public_pems(path)) if path.exists() else {}


def pin_root(path: Path, key: ec.EllipticCurvePublicKey) -> None:
    """Add a root to the pinned ones; one that is there changes nothing."""
    pinned = read_roots(path)
    merged = {**pinned, **keys_by_kid(key)}
    if merged.keys() != pinned.keys():
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        write_once(temporary, b"".join(map(public_pem, merged.values())))
        temporary.rename(path)
