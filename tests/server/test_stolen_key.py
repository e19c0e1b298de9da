"""The drill of docs/operations.md, run as it stands against real processes, with the root on another machine."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

import httpx
import msgspec
import pytest

from demo.launching import clean
from desk import AGENCY, read
from forging import resign
from grounds import ORIGIN
from invariants import check_everything
from khoso.config import Config, to_environment
from khoso.formats import cose, link
from khoso.formats.claims import StatusRef
from khoso.signing.pem import read_key, write_key
from samples import house_permit
from servers import Server, serving
from tokens import bearer

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
DRILL = "Emergency: a key is stolen"
PASSPHRASE = "six words that nobody else has"


def list_steps() -> list[str]:
    (section,) = (text for text in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE) if text.startswith(DRILL))
    return [textwrap.dedent(block) for block in re.findall(r"^ *```sh\n(.*?)^ *```", section, re.MULTILINE | re.DOTALL)]


@pytest.fixture
def config(config: Config, key_dir: Path, tmp_path: Path) -> Config:
    """The city, with its root somewhere else."""
    shutil.copytree(key_dir, tmp_path / "keys")
    root = read_key(tmp_path / "keys" / "root-development.pem", (key_dir / "passphrase").read_bytes())
    write_key(tmp_path / "root.pem", root, PASSPHRASE.encode())
    (tmp_path / "keys" / "root-development.pem").unlink()
    without: Config = msgspec.structs.replace(config, keys_dir=tmp_path / "keys", demo=True)
    return without


class Night:
    """A person at a terminal."""

    def __init__(self, config: Config, directory: Path) -> None:
        command = f'khoso() {{ {quote(sys.executable)} -m khoso "$@"; }}\n'
        self._begin = f"set -eu\n{command}"
        self._directory = directory
        self._environ = clean(os.environ) | to_environment(config)

    def do(self, step: str, **known: str) -> str:
        """What a step prints; it must succeed. The passphrase and a yes are typed where they are asked for."""
        done = subprocess.run(
            ["sh", "-c", self._begin + step],
            cwd=self._directory,
            env=self._environ | known,
            input=f"{PASSPHRASE}\ny\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            start_new_session=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def night(config: Config, tmp_path: Path) -> Night:
    return Night(config, tmp_path)


@pytest.fixture
def served(config: Config, tmp_path: Path) -> Iterator[Server]:
    with serving(config, tmp_path / "log", "--no-with-worker") as server:
        yield server


def issue(server: Server, key_dir: Path, serial: int) -> str:
    headers = bearer(key_dir, datetime.now(UTC), "credentials:issue", agency=AGENCY)
    headers["idempotency-key"] = f"own-{serial}"
    asked = httpx.post(f"{server.url}/api/v1/credentials", json=house_permit(serial), headers=headers)
    code: str = read(asked, 201)["code"]
    return code


def verify(server: Server, code: str) -> tuple[str, str]:
    told = read(httpx.post(f"{server.url}/api/v1/verify", json={"code": code}), 200)
    return told["outcome"], told["reason"]


def kid_of(code: str) -> str:
    return cose.kid_of(link.parse(code, ORIGIN)).hex()


@pytest.mark.timeout(300)  # processes, one after the other
async def test_the_drill_does_what_it_says(
    served: Server, key_dir: Path, night: Night, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    honest = [issue(served, key_dir, serial) for serial in range(5)]
    kid = kid_of(honest[0])
    forged = await resign(honest[0], key_dir, status=StatusRef(0, 5))
    reused = await resign(honest[0], key_dir, fields={1: "Nhà của kẻ gian"})
    steps, printed, took = list_steps(), [], []
    assert len(steps) == 6
    for step in steps:
        began = time.monotonic()
        printed.append(night.do(step, KID=kid, HONEST_CODE=honest[0]))
        took.append(time.monotonic() - began)
    listed, stopped, drafted, signed, published, looked = printed
    assert kid in listed
    assert "5" in stopped
    new_kid = re.search(r"new key: (\w{16})", stopped)[1]  # type: ignore[index]
    for told in (drafted, signed):
        assert f"key {kid} state: active → compromised" in told
        assert f"+ key {new_kid} state: active" in told
        assert "honest_set" in told
    assert "published" in published
    assert "Còn hiệu lực" in looked
    assert not re.search(rf"[~+-] key {kid}", looked), "nothing of it waits"
    for code in honest:
        assert verify(served, code) == ("in_force", "all_checks_passed")
    assert verify(served, forged) == verify(served, reused) == ("not_genuine", "key_compromised")
    assert kid_of(issue(served, config.keys_dir, 9)) == new_kid
    await check_everything(config.database_owner_url)
    with capsys.disabled():
        print("\nstolen key, seconds of each step:", " ".join(f"{seconds:.1f}" for seconds in took))
