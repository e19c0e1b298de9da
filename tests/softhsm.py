"""A signing device made of software: a SoftHSM2 of one test's own, to lose and find again."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from khoso.config import Config
from khoso.signing.library import Library, load_library

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
LABEL = "khoso"
PIN = "739184"

needs_softhsm = pytest.mark.skipif(
    not MODULE.exists() or shutil.which("softhsm2-util") is None,
    reason="SoftHSM2 is not installed (apt-get install softhsm2)",
)


@dataclass(frozen=True)
class SoftHsm:
    """The device, and a keys directory that knows its PIN."""

    tokens: Path
    keys_dir: Path

    @property
    def pin_file(self) -> Path:
        return self.keys_dir / "pkcs11-pin"

    @property
    def library(self) -> Library:
        return load_library(MODULE)

    def make_token(self, label: str = LABEL) -> None:
        command = ["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", PIN]
        subprocess.run(command, check=True, capture_output=True)
        self.library.start_anew(self.library.run)

    def write_pin(self, pin: str) -> None:
        self.pin_file.touch(0o600)
        self.pin_file.write_text(pin + "\n")

    def lose(self) -> None:
        """Take it away, in the middle of whatever it does."""
        self.tokens.rename(self.tokens.with_name("away"))

    def bring_back(self) -> None:
        self.tokens.with_name("away").rename(self.tokens)

    def settings(self, config: Config, sessions: int = 4) -> Config:
        """That configuration, with this device."""
        return msgspec.structs.replace(
            config, keys_dir=self.keys_dir, pkcs11_module=MODULE, pkcs11_token=LABEL, pkcs11_sessions=sessions
        )


def make_softhsm(room: Path, key_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftHsm]:
    """A device in this directory, with a copy of these keys, for as long as the test lasts."""
    hsm = SoftHsm(room / "tokens", shutil.copytree(key_dir, room / "keys"))
    hsm.tokens.mkdir()
    settings = room / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {hsm.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", os.fspath(settings))
    hsm.make_token()
    hsm.write_pin(PIN)
    yield hsm
    hsm.library.start_anew(hsm.library.run)
