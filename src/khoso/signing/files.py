"""Keys as encrypted PKCS#8 files (RFC 5958), one directory, one passphrase file beside them.

    <keys_dir>/passphrase            made at first start, mode 0600; in production a mounted secret
    <keys_dir>/agency/<kid>.pem      a signing key of an agency
    <keys_dir>/token.pem             signs the access tokens
    <keys_dir>/audit.pem             signs the checkpoints of the audit
    <keys_dir>/publisher.pem         signs the lists that verifiers download; `publisher-next.pem` is to follow it
    <keys_dir>/holder-pepper         keys the HMAC by which a vault is found

Root keys are in `roots`. Nothing here is ever logged, and no private key is ever overwritten.
"""

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from khoso.errors import KeyStoreError
from khoso.formats import cose
from khoso.formats.documents import PublicKeys
from khoso.signing import roots
from khoso.signing.pem import read, read_key, write_key, write_once


class KeyFiles:
    """The keys in one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._publisher: tuple[os.stat_result, DocumentSigner] | None = None

    def prepare(self, *, development: bool = False) -> None:
        """Make the directory, passphrase, pepper, and the keys of tokens, audit and publisher where they are missing.

        With `development` also a root at hand, which is believed here: for demonstrations and tests.
        """
        (self._directory / "agency").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory.chmod(0o700)
        write_once(self._directory / "passphrase", secrets.token_urlsafe(32).encode())
        write_once(self._directory / "holder-pepper", secrets.token_bytes(32))
        for name in ("token.pem", "audit.pem", "publisher.pem", *(("root-development.pem",) if development else ())):
            self._ensure_key(name)
        if development:
            self.pin_root(self._read_key(self._directory / "root-development.pem").public_key())

    def roots(self) -> PublicKeys:
        """The roots that are believed here, by kid; none before one was pinned."""
        return roots.read_roots(self._directory / "roots.pem")

    def pin_root(self, root: ec.EllipticCurvePublicKey) -> None:
        """Believe a root here from now on, beside those that are believed already."""
        roots.pin_root(self._directory / "roots.pem", root)

    def development_root(self) -> "DocumentSigner | None":
        """The root that is at hand, in a demonstration or a test."""
        path = self._directory / "root-development.pem"
        return DocumentSigner(self._read_key(path)) if path.exists() else None

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
        return read(self._directory / "holder-pepper")

    def has_agency_key(self, kid: bytes) -> bool:
        """Whether the agency key with that kid is here."""
        return self._agency_path(kid).exists()

    def signer(self, kid: bytes) -> "FileSigner":
        """The agency key with that kid. Raises KeyStoreError if it is not here."""
        return FileSigner(self._read_key(self._agency_path(kid)))

    def publisher_signer(self) -> "DocumentSigner":
        """The key that signs what verifiers download. Asked for anew before each signing, it follows a rotation."""
        path = self._directory / "publisher.pem"
        stat = _stat(path)
        if self._publisher is None or not os.path.samestat(self._publisher[0], stat):
            self._publisher = (stat, DocumentSigner(self._read_key(path)))
        return self._publisher[1]

    def make_next_publisher(self) -> ec.EllipticCurvePublicKey:
        """The public half of the publisher key that is to follow, made if there was none."""
        self._ensure_key("publisher-next.pem")
        return self._read_key(self._directory / "publisher-next.pem").public_key()

    def find_next_publisher(self) -> bytes | None:
        """The kid of the publisher key that is to follow; None if there is none."""
        path = self._directory / "publisher-next.pem"
        return DocumentSigner(self._read_key(path)).kid if path.exists() else None

    def adopt_next_publisher(self) -> None:
        """Publish with the next key from now on; the one before is kept under its kid."""
        path = self._directory / "publisher.pem"
        with suppress(FileExistsError):  # an adoption that was interrupted
            path.with_name(f"publisher-{self.publisher_signer().kid.hex()}.pem").hardlink_to(path)
        path.with_name("publisher-next.pem").rename(path)

    def _ensure_key(self, name: str) -> None:
        if not (self._directory / name).exists():
            self._write_key(self._directory / name, ec.generate_private_key(ec.SECP256R1()))

    def _agency_path(self, kid: bytes) -> Path:
        return self._directory / "agency" / f"{kid.hex()}.pem"

    def _write_key(self, path: Path, key: ec.EllipticCurvePrivateKey) -> None:
        write_key(path, key, read(self._directory / "passphrase"))

    def _read_key(self, path: Path) -> ec.EllipticCurvePrivateKey:
        return read_key(path, read(self._directory / "passphrase"))


class FileSigner:
    """Signs with one agency key held in memory: at once, for it takes less time than a thread would."""

    place = "files"
    max_waiting = 10_000

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    async def sign(self, messages: Sequence[bytes]) -> list[bytes]:
        """A raw 64-byte ES256 signature for each message."""
        return [cose.sign(self._key, message) for message in messages]


class DocumentSigner:
    """Signs documents with a root or publisher key held in memory."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key()
        self.kid = cose.key_id(self.public_key)

    def sign(self, message: bytes) -> bytes:
        """The raw 64-byte ES256 signature."""
        return cose.sign(self._key, message)


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise KeyStoreError(f"{path}: {error.strerror}; run `khoso keys prepare`") from None
