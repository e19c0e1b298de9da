"""Key files: the root's pair, the roots that are pinned, the publisher and the one that follows it."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from khoso.errors import KeyStoreError
from khoso.formats import cose
from khoso.formats.documents import keys_by_kid
from khoso.signing import roots
from khoso.signing.files import KeyFiles
from khoso.signing.pem import read_key

PASSPHRASE = b"correct horse battery staple"


@pytest.fixture
def files(tmp_path: Path) -> KeyFiles:
    files = KeyFiles(tmp_path / "keys")
    files.prepare()
    return files


def test_a_root_is_made_once_and_opens_with_its_passphrase_only(tmp_path: Path) -> None:
    path = tmp_path / "root.pem"
    public = roots.make_root(path, PASSPHRASE)
    assert roots.public_path_of(path) == tmp_path / "root.pub.pem"
    assert roots.read_public_pem(tmp_path / "root.pub.pem") == public == read_key(path, PASSPHRASE).public_key()
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyStoreError, match="passphrase"):
        read_key(path, b"another")
    before = path.read_bytes()
    with pytest.raises(KeyStoreError, match="ever overwritten"):
        roots.make_root(path, PASSPHRASE)
    assert path.read_bytes() == before


def test_roots_are_pinned_beside_one_another(files: KeyFiles) -> None:
    assert files.roots() == {}
    keys = [ec.generate_private_key(ec.SECP256R1()).public_key() for _ in range(2)]
    for key in (*keys, keys[0]):
        files.pin_root(key)
    assert files.roots() == keys_by_kid(*keys)


def pem(curve: ec.EllipticCurve) -> bytes:
    return ec.generate_private_key(curve).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    "content",
    [b"", b"nonsense", pem(ec.SECP384R1()), pem(ec.SECP256R1()) * 2, pem(ec.SECP256R1()).replace(b"MF", b"XX")],
    ids=["empty", "nonsense", "another curve", "two keys", "damaged"],
)
def test_what_is_no_single_public_key_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "root.pub.pem"
    file.write_bytes(content)
    with pytest.raises(KeyStoreError, match=r"root\.pub\.pem"):
        roots.read_public_pem(file)


def test_a_development_root_is_made_only_when_asked_for(files: KeyFiles) -> None:
    assert files.development_root() is None
    files.prepare(development=True)
    root = files.development_root()
    assert root is not None
    assert files.roots() == {root.kid: root.public_key}
    files.prepare(development=True)
    assert files.roots().keys() == {root.kid}


def test_a_publisher_is_followed_by_another_and_kept(files: KeyFiles, tmp_path: Path) -> None:
    first = files.publisher_signer()
    assert files.publisher_signer() is first, "read once"
    assert files.find_next_publisher() is None
    following = files.make_next_publisher()
    assert files.make_next_publisher() == following, "made once"
    assert files.publisher_signer().kid == first.kid, "not before it is adopted"
    assert files.find_next_publisher() == cose.key_id(following)
    elsewhere = KeyFiles(tmp_path / "keys")
    assert elsewhere.publisher_signer().kid == first.kid
    files.adopt_next_publisher()
    assert files.publisher_signer().kid == elsewhere.publisher_signer().kid == cose.key_id(following)
    assert files.find_next_publisher() is None
    assert (tmp_path / "keys" / f"publisher-{first.kid.hex()}.pem").exists()


def test_without_keys_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError, match="khoso keys prepare"):
        KeyFiles(tmp_path).publisher_signer()
