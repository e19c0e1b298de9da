"""Starting, stopping and refusing, on a real PostgreSQL."""

import os
import stat
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from khoso.embedded import EmbeddedPostgres
from khoso.embedded.account import choose_account
from khoso.embedded.binaries import find_bindir
from khoso.embedded.errors import (
    EmbeddedBaseInUse,
    EmbeddedBaseUnusable,
    PostgresStartFailed,
    PostgresVersionMismatch,
)
from khoso.embedded.passfile import read_password


async def fetch_value(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def read_pid(base: Path) -> int:
    return int((base / "pgdata" / "postmaster.pid").read_text().partition("\n")[0])


def list_sockets(pid: int) -> set[str]:
    """The inodes of all sockets a process has open, of whatever kind."""
    opened = {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
    return {name[len("socket:[") : -1] for name in opened if name.startswith("socket:[")}


def list_listening_on_tcp() -> set[str]:
    tables = [Path("/proc/net", name).read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table]
    return {row[9] for row in rows if row[3] == "0A"}


async def test_it_is_durable_and_listens_on_a_unix_socket_only(base: Path) -> None:
    with EmbeddedPostgres(base) as server:
        for setting, value in {"fsync": "on", "synchronous_commit": "on", "listen_addresses": ""}.items():
            assert await fetch_value(server.dsn(), f"SHOW {setting}") == value
        assert stat.S_ISSOCK((server.socket_dir / ".s.PGSQL.5432").stat().st_mode)
        sockets = list_sockets(read_pid(base))
        assert sockets
        assert not sockets & list_listening_on_tcp()


async def test_what_was_written_is_there_after_a_restart(base: Path) -> None:
    with EmbeddedPostgres(base) as server:
        await fetch_value(server.dsn(), "CREATE TABLE kept AS SELECT 42 AS n")
        assert await fetch_value(server.dsn(), "SHOW server_version_num") == f"{server.version}0006"
    with EmbeddedPostgres(base) as server:
        assert await fetch_value(server.dsn(), "SELECT n FROM kept") == 42


async def test_the_password_is_asked_for_and_stands_in_a_private_file_only(base: Path) -> None:
    with EmbeddedPostgres(base) as server:
        passfile = server.passfile("postgres")
        password = read_password(passfile)
        assert len(password) == 32
        assert stat.S_IMODE(passfile.stat().st_mode) == 0o600
        assert password not in server.dsn()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.dsn(), password="wrong")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.dsn(), passfile="/nonexistent")


def test_libpq_understands_the_same_address(base: Path) -> None:
    psql = str(find_bindir(None) / "psql")
    with EmbeddedPostgres(base) as server:
        command = [psql, "--no-psqlrc", "--no-password", "-Atc", "SELECT current_user", server.dsn()]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "postgres\n"


@pytest.mark.parametrize("name", ["d" * 120, "Kho Số, bản thử 100% & 'một'+\"hai\""])
async def test_a_base_whose_name_does_not_do_for_a_socket_gets_a_short_one(room: Path, name: str) -> None:
    with EmbeddedPostgres(room / name) as server:
        assert len(os.fsencode(server.socket_dir)) < 88
        assert await fetch_value(server.dsn(), "SELECT 1") == 1
    assert not server.socket_dir.exists()
    assert not (room / name / "socket").is_symlink()


async def test_a_second_instance_is_refused_and_the_first_goes_on(base: Path) -> None:
    with EmbeddedPostgres(base) as first:
        with pytest.raises(EmbeddedBaseInUse, match="held by another process"), EmbeddedPostgres(base):
            pass
        assert await fetch_value(first.dsn(), "SELECT 1") == 1


def test_another_thread_than_the_main_one_is_refused(base: Path) -> None:
    refusals = []

    def start() -> None:
        try:
            with EmbeddedPostgres(base):
                pass
        except PostgresStartFailed as refusal:
            refusals.append(refusal)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert len(refusals) == 1


async def test_a_stale_pid_file_whose_number_is_another_process_now_does_not_block(base: Path) -> None:
    account = choose_account(base / "pgdata")
    pid_file = base / "pgdata" / "postmaster.pid"
    with account.spawn("/bin/sleep", "60", output=subprocess.DEVNULL) as stranger:
        pid_file.write_text(f"{stranger.pid}\n{base}/pgdata\n1700000000\n5432\n/tmp\n\n 1 1\nready   \n")
        account.take(pid_file)
        # PostgreSQL by itself would not start:
        with pytest.raises(PostgresStartFailed, match=r"lock file .* already exists"):
            account.run(find_bindir(None) / "postgres", "-D", base / "pgdata", "--listen_addresses=")
        with EmbeddedPostgres(base) as server:
            assert await fetch_value(server.dsn(), "SELECT 1") == 1
        assert stranger.poll() is None
        stranger.kill()


def test_a_postgres_started_by_hand_is_left_alone(base: Path) -> None:
    account = choose_account(base / "pgdata")
    program = find_bindir(None) / "postgres"
    data = base / "pgdata"
    with account.spawn(program, "-D", data, "--listen_addresses=", "-k", data, output=subprocess.DEVNULL) as other:
        while "ready" not in ((data / "postmaster.pid").read_text() if (data / "postmaster.pid").exists() else ""):
            assert other.poll() is None
            time.sleep(0.01)
        with pytest.raises(EmbeddedBaseInUse, match=str(other.pid)), EmbeddedPostgres(base):
            pass
        assert read_pid(base) == other.pid
        assert other.poll() is None
        other.terminate()


def test_data_of_another_major_version_are_refused_untouched(base: Path) -> None:
    mark = base / "pgdata" / "PG_VERSION"
    present = mark.read_text()
    mark.write_text("15\n")
    try:
        with pytest.raises(PostgresVersionMismatch, match=f"PostgreSQL 15, .* version {present.strip()}"):
            EmbeddedPostgres(base).__enter__()
    finally:
        mark.write_text(present)


@pytest.mark.parametrize("part", ["pgdata/PG_VERSION", "pgpass-postgres"])
def test_a_base_with_a_part_missing_is_refused(base: Path, part: str) -> None:
    hidden = (base / part).rename(base / "hidden")
    try:
        with pytest.raises(EmbeddedBaseUnusable, match=f"{part} is missing"):
            EmbeddedPostgres(base).__enter__()
    finally:
        hidden.rename(base / part)


def test_a_base_that_is_a_file_is_refused(room: Path) -> None:
    (room / "file").touch()
    with pytest.raises(EmbeddedBaseUnusable, match="File exists"):
        EmbeddedPostgres(room / "file").__enter__()


async def test_a_failed_start_says_why_and_leaves_nothing_running(base: Path) -> None:
    with pytest.raises(PostgresStartFailed, match="no_such_setting"):
        EmbeddedPostgres(base, settings={"no_such_setting": "1"}).__enter__()
    with EmbeddedPostgres(base, settings={"work_mem": "7MB"}) as server:
        assert await fetch_value(server.dsn(), "SHOW work_mem") == "7MB"


def test_settings_cannot_open_a_port(base: Path) -> None:
    with pytest.raises(ValueError, match="listen_addresses"):
        EmbeddedPostgres(base, settings={"listen_addresses": "*"})


async def test_an_address_is_made_for_each_database_and_role(base: Path) -> None:
    with EmbeddedPostgres(base) as server:
        address = urlsplit(server.dsn("sổ tay", "khoso_app"))
        assert address.username == "khoso_app"
        assert address.password is None
        assert parse_qs(address.query)["passfile"] == [str(base / "pgpass-khoso_app")]
