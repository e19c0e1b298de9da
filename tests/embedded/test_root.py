"""What root must take care of: PostgreSQL does not run as root, and homes stay closed."""

import os
import pwd
import shutil
import stat
from pathlib import Path

import asyncpg
import pytest

from khoso.embedded import EmbeddedPostgres, account
from khoso.embedded.binaries import find_bindir
from khoso.embedded.errors import EmbeddedBaseUnusable

pytestmark = pytest.mark.usefixtures("as_root")


@pytest.fixture
def closed_home(room: Path) -> Path:
    """A home of mode 700 with a virtual environment in it, that holds the installed programs."""
    home = room / "home"
    home.mkdir(mode=0o700)
    package = find_bindir(None).parent.parent
    for source in (package, package.with_name(package.name + ".libs")):
        if source.is_dir():
            shutil.copytree(source, home / "venv" / source.name, symlinks=True)
    return home


def find_programs(home: Path) -> Path:
    return next(home.glob("venv/*/*/bin"))


def list_modes(folder: Path) -> dict[Path, int]:
    return {path: path.lstat().st_mode for path in (folder, *folder.rglob("*"))}


def close_to_others(folder: Path) -> None:
    for path, mode in list_modes(folder).items():
        if not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode) & 0o700)


async def select_one(server: EmbeddedPostgres) -> object:
    connection = await asyncpg.connect(server.dsn())
    try:
        return await connection.fetchval("SELECT 1")
    finally:
        await connection.close()


def test_root_hands_over_to_an_account_that_can_read_neither_passwords_nor_log(base: Path) -> None:
    with EmbeddedPostgres(base):
        uid = (base / "pgdata").stat().st_uid
        assert uid != 0
        pid = (base / "pgdata" / "postmaster.pid").read_text().partition("\n")[0]
        assert Path("/proc", pid).stat().st_uid == uid
    for path in (*base.glob("pgpass-*"), base / "postgres.log"):
        assert path.stat().st_uid == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_programs_in_a_closed_home_are_linked_and_the_home_stays_closed(closed_home: Path) -> None:
    modes = list_modes(closed_home)
    base = closed_home.parent / "base"
    programs = find_programs(closed_home)
    for _ in range(2):
        with EmbeddedPostgres(base, bindir=programs) as server:
            assert await select_one(server) == 1
    assert list_modes(closed_home) == modes
    (staged,) = base.glob("programs/*/*/*/bin/postgres")
    assert staged.samefile(programs / "postgres")


async def test_programs_that_are_closed_themselves_are_copied(closed_home: Path) -> None:
    close_to_others(closed_home)
    modes = list_modes(closed_home)
    with EmbeddedPostgres(closed_home.parent / "base", bindir=find_programs(closed_home)) as server:
        assert await select_one(server) == 1
    assert list_modes(closed_home) == modes


async def test_a_new_build_of_the_programs_replaces_the_old_one(closed_home: Path) -> None:
    base = closed_home.parent / "base"
    programs = find_programs(closed_home)
    for _ in range(2):
        os.utime(programs / "postgres")
        with EmbeddedPostgres(base, bindir=programs) as server:
            assert await select_one(server) == 1
    assert len(list((base / "programs").iterdir())) == 1


def test_a_base_in_a_closed_home_is_refused_and_the_home_stays_closed(room: Path) -> None:
    home = room / "home"
    home.mkdir(mode=0o700)
    with pytest.raises(EmbeddedBaseUnusable, match="closed to the account"):
        EmbeddedPostgres(home / "base").__enter__()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_data_that_belong_to_root_are_refused(room: Path) -> None:
    (room / "base" / "pgdata").mkdir(parents=True)
    with pytest.raises(EmbeddedBaseUnusable, match="belongs to root"):
        EmbeddedPostgres(room / "base").__enter__()


async def test_without_useradd_it_runs_as_nobody(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "ACCOUNT_NAME", "khoso-no-such-account")
    monkeypatch.setenv("PATH", "/nonexistent")
    with EmbeddedPostgres(room / "base") as server:
        assert await select_one(server) == 1
    assert (room / "base" / "pgdata").stat().st_uid == pwd.getpwnam("nobody").pw_uid
