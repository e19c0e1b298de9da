"""deploy/postgres/roles.sql as it stands, run by psql on a server that would log every statement."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from khoso.embedded import WITHOUT_DURABILITY, EmbeddedPostgres
from khoso.embedded.binaries import find_bindir

ROLES = Path(__file__).parents[2] / "deploy/postgres/roles.sql"
PASSWORD = "quote'dollar$double\"space {}"


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    room = Path(tempfile.mkdtemp(prefix="khoso-test-", dir="/tmp"))
    room.chmod(0o711)
    with EmbeddedPostgres(room / "base", settings={**WITHOUT_DURABILITY, "log_statement": "all"}) as server:
        yield server
    shutil.rmtree(room)


@pytest.fixture
def passfiles(tmp_path: Path) -> dict[str, Path]:
    return {role: _write_passfile(tmp_path / role, role, PASSWORD.format(role)) for role in ("owner", "app")}


def test_makes_both_roles_and_the_database_and_may_run_again(
    server: EmbeddedPostgres, passfiles: dict[str, Path]
) -> None:
    for _ in range(2):
        assert _run(server, passfiles).returncode == 0
    assert _logged(server, "SET log_statement = 'none'"), "the last that is logged before the passwords"
    assert not _logged(server, PASSWORD.split()[0]), "a password in the log of the server"


async def test_the_owner_makes_tables_and_the_application_reaches_only_what_it_was_granted(
    server: EmbeddedPostgres, passfiles: dict[str, Path]
) -> None:
    _run(server, passfiles)
    owner, app = [await _connect(server, passfiles, role) for role in ("owner", "app")]
    try:
        await owner.execute(
            "CREATE TABLE kept (n int); CREATE TABLE granted (n int); GRANT SELECT ON granted TO khoso_app"
        )
        assert await app.fetch("SELECT n FROM granted") == []
        for refused in ("SELECT n FROM kept", "CREATE TABLE mine (n int)", "CREATE TEMPORARY TABLE mine (n int)"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(refused)
        await owner.execute("DROP TABLE granted, kept")
    finally:
        await owner.close()
        await app.close()


@pytest.mark.parametrize("content", [None, "", "*:*:*:khoso_app:short\n", "no password file\n"])
def test_a_missing_or_weak_password_ends_it_before_anything_is_changed(
    server: EmbeddedPostgres, passfiles: dict[str, Path], content: str | None
) -> None:
    _run(server, passfiles)
    if content is None:
        passfiles["app"].unlink()
    else:
        passfiles["app"].write_text(content)
    refused = _run(server, passfiles)
    assert refused.returncode != 0
    assert "ALTER ROLE" not in refused.stdout


def _run(server: EmbeddedPostgres, passfiles: dict[str, Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [find_bindir(None) / "psql", "--no-psqlrc", "-f", ROLES, server.dsn()],
        env={
            "PATH": os.environ["PATH"],
            "KHOSO_OWNER_PASSFILE": str(passfiles["owner"]),
            "KHOSO_APP_PASSFILE": str(passfiles["app"]),
        },
        capture_output=True,
        text=True,
        check=False,
    )


async def _connect(server: EmbeddedPostgres, passfiles: dict[str, Path], role: str) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=str(server.socket_dir), user=f"khoso_{role}", database="khoso", passfile=str(passfiles[role])
    )


def _write_passfile(path: Path, role: str, password: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(f"*:*:*:khoso_{role}:{password}\n")
    return path


def _logged(server: EmbeddedPostgres, text: str) -> bool:
    return text in (server.base / "postgres.log").read_text()
