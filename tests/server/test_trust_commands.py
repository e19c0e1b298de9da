"""`khoso keys root …`, `keys trust …`, `keys publisher`, `keys compromise`: what they print and what they refuse."""

import shutil
from pathlib import Path

import msgspec
import pytest

from command_line import Ended, Khoso
from desk import AGENCY
from grounds import Database
from khoso.config import Config
from khoso.signing.files import KeyFiles
from khoso.signing.pem import read_key, write_key

PASSPHRASE = b"six words that nobody else has"


@pytest.fixture
def config(config: Config, key_dir: Path, tmp_path: Path) -> Config:
    """The city, with its root in a file beside, under a passphrase of its own."""
    shutil.copytree(key_dir, tmp_path / "keys")
    root = read_key(tmp_path / "keys" / "root-development.pem", (key_dir / "passphrase").read_bytes())
    write_key(tmp_path / "root.pem", root, PASSPHRASE)
    (tmp_path / "keys" / "root-development.pem").unlink()
    (tmp_path / "passphrase").write_bytes(PASSPHRASE + b"\n")
    without: Config = msgspec.structs.replace(config, keys_dir=tmp_path / "keys")
    return without


@pytest.fixture
def ceremony(khoso: Khoso, config: Config, tmp_path: Path) -> "Ceremony":
    return Ceremony(khoso, config, tmp_path)


class Ceremony:
    """Its three commands; each time with files of its own."""

    def __init__(self, khoso: Khoso, config: Config, directory: Path) -> None:
        self._khoso = khoso
        self._config = config
        self._directory = directory
        self._held = 0

    def draft(self) -> Ended:
        self._held += 1
        return self._khoso("keys", "trust", "draft", "--out", self._file("draft"), config=self._config)

    def sign(self, *options: str) -> Ended:
        """As where there is no configuration at all."""
        root = ("--root", str(self._directory / "root.pem"), "--passphrase-file", str(self._directory / "passphrase"))
        command = ("keys", "trust", "sign", self._file("draft"), "--out", self._file("list"), *root)
        return self._khoso(*command, *(options or ("--yes",)))

    def publish(self, *options: str) -> Ended:
        return self._khoso("keys", "trust", "publish", self._file("list"), *options, config=self._config)

    def hold(self) -> None:
        for ended in (self.draft(), self.sign(), self.publish()):
            assert ended.status == 0, ended.err

    def _file(self, kind: str) -> str:
        return str(self._directory / f"{kind}-{self._held}")


def test_a_key_is_made_listed_and_signed_for(khoso: Khoso, config: Config, ceremony: Ceremony) -> None:
    made = khoso("keys", "make", AGENCY, config=config)
    assert "keys trust draft" in made.out
    kid = made.out.split()[1]
    shown = khoso("keys", "trust", "show", "--json", config=config).answer
    assert {(one["name"], one["before"]) for one in shown["pending"]} == {(kid, None)}
    assert shown["version"] < 100
    ceremony.hold()
    assert khoso("keys", "trust", "show", "--json", config=config).answer["version"] == shown["version"] + 1
    listed = {key["kid"]: key for key in khoso("keys", "list", "--json", config=config).answer}
    assert (listed[kid]["state"], listed[kid]["trusted_as"]) == ("active", "active")
    assert "retired" in khoso("keys", "trust", "show", config=config).out, "the end of the old key waits"


def test_whoever_signs_is_asked_and_shown_what_the_draft_does(
    khoso: Khoso, config: Config, ceremony: Ceremony, tmp_path: Path
) -> None:
    khoso("keys", "make", AGENCY, config=config)
    ceremony.draft()
    draft = next(tmp_path.glob("draft-*"))
    draft.write_text(draft.read_text().replace('"UBND phường', '"\\u001b[2J\\u202eUBND phường'))
    refused = ceremony.sign("--days", "30")
    assert refused.status == 1, "nobody said yes"
    assert "+ key" in refused.out
    assert "?[2J?UBND" in refused.out
    assert "\x1b" not in refused.out
    assert not list(tmp_path.glob("list-*"))


def test_losses_are_signed_and_published_by_force_only(khoso: Khoso, config: Config, ceremony: Ceremony) -> None:
    assert "publisher:" in khoso("keys", "publisher", "--compromised", config=config).out
    assert ceremony.draft().status == 0
    refused = ceremony.sign()
    assert (refused.status, "!! publisher" in refused.out, "--force" in refused.err) == (1, True, True)
    assert ceremony.sign("--yes", "--force").status == 0
    refused = ceremony.publish()
    assert (refused.status, "--force" in refused.err) == (1, True)
    assert ceremony.publish("--force").status == 0
    again = ceremony.publish()
    assert (again.status, "make a new draft" in again.err) == (1, True)


def test_a_publisher_is_followed_when_the_root_has_signed(khoso: Khoso, config: Config, ceremony: Ceremony) -> None:
    files = KeyFiles(config.keys_dir)
    first = files.publisher_signer().kid
    following = khoso("keys", "publisher", config=config)
    assert "keys trust draft" in following.out
    assert files.publisher_signer().kid == first
    ceremony.hold()
    assert files.publisher_signer().kid.hex() in following.out
    assert files.find_next_publisher() is None


def test_a_root_is_made_with_a_good_passphrase_and_trusted(khoso: Khoso, tmp_path: Path) -> None:
    config = Config(keys_dir=tmp_path)
    short, long = tmp_path / "short", tmp_path / "long"
    short.write_text("password")
    long.write_bytes(PASSPHRASE)
    command = ("keys", "root", "make", "--out", str(tmp_path / "root.pem"), "--passphrase-file")
    refused = khoso(*command, str(short))
    assert (refused.status, "12 bytes" in refused.err) == (1, True)
    made = khoso(*command, str(long))
    assert made.status == 0
    kid = made.out.split(":")[0]
    again = khoso(*command, str(long))
    assert (again.status, "overwritten" in again.err) == (1, True)
    trusted = khoso("keys", "root", "trust", str(tmp_path / "root.pub.pem"), config=config)
    assert kid in trusted.out
    assert {root.hex() for root in KeyFiles(tmp_path).roots()} == {kid}
    assert khoso("keys", "root", "trust", str(tmp_path / "absent.pem"), config=config).status == 1


def test_a_city_for_everybody_has_a_root_of_its_own(
    khoso: Khoso, config: Config, key_dir: Path, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "none").mkdir()
    for name in ("passphrase", "token.pem", "audit.pem", "publisher.pem", "holder-pepper"):
        shutil.copy(key_dir / name, tmp_path / "none" / name)
    for command in ("check-config", "serve", "worker"):
        development = khoso(command, config=msgspec.structs.replace(config, keys_dir=key_dir))
        assert (development.status, "root-development.pem" in development.err) == (1, True), command
        without = khoso(
            command, config=msgspec.structs.replace(config, keys_dir=tmp_path / "none", database_url=database.app_dsn)
        )
        assert (without.status, "khoso keys root make" in without.err) == (1, True), command


def test_a_stolen_key_is_named_as_it_is_listed_and_asked_for(khoso: Khoso, config: Config) -> None:
    listed = khoso("keys", "list", "--json", config=config).answer
    kid = next(key["kid"] for key in listed if key["agency_code"] == AGENCY)
    command = ("keys", "compromise")
    for wrong, said in {"nonsense": "16 hexadecimal digits", "00" * 8: "Not found"}.items():
        refused = khoso(*command, wrong, "--yes", config=config)
        assert (refused.status, said in refused.err) == (1, True), wrong
    assert khoso(*command, kid, config=config, stdin="n\n").status == 1
    assert khoso("keys", "list", "--json", config=config).answer == listed, "he said no"
    options = ("--yes", "--no-new-key", "--since", "2026-11-01", "--json")
    told = khoso(*command, kid, *options, config=config).answer
    assert (told["agency_code"], told["papers"], told["new_kid"], told["waits"]) == (AGENCY, 0, None, True)
    states = {key["kid"]: key["state"] for key in khoso("keys", "list", "--json", config=config).answer}
    assert states[kid] == "compromised"
    assert khoso(*command, kid, "--yes", "--json", config=config).answer["new_kid"], "said again, it makes the key"
