"""What outlives a kill. The test itself is the client, so what it saw acknowledged survives every death."""

import asyncio
import itertools
import os
import pwd
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import pytest

from khoso.embedded import EmbeddedPostgres
from khoso.embedded.account import Account
from khoso.embedded.binaries import find_bindir, make_executable_for
from khoso.embedded.locks import hold

CLIENTS = 4

CUT_OFF = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)

Launch = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Start launcher.py; whatever still runs at the end of the test is killed."""
    with ExitStack() as running:

        def start(base: Path, *, bindir: Path | None = None, uid: int | None = None) -> subprocess.Popen[str]:
            program = Path(__file__).with_name("launcher.py")
            identity = () if uid is None else (str(uid),)
            process = running.enter_context(
                subprocess.Popen(
                    [sys.executable, str(program), str(base), str(bindir or find_bindir(None)), *identity],
                    stdout=subprocess.PIPE,
                    text=True,
                    cwd="/",
                    start_new_session=True,
                )
            )
            running.callback(_gone, base)
            running.callback(process.kill)
            return process

        yield start


def _gone(base: Path) -> None:
    """Wait until no PostgreSQL holds the lock of `base`."""
    if base.exists():
        with hold(base / "postgres.lock", 10):
            pass


def read_dsn(launcher: subprocess.Popen[str]) -> str:
    assert launcher.stdout is not None
    dsn = launcher.stdout.readline().strip()
    assert dsn.startswith("postgresql://")
    return dsn


def kill(launcher: subprocess.Popen[str]) -> None:
    launcher.kill()
    launcher.wait()


def read_pid(base: Path) -> int:
    return int((base / "pgdata" / "postmaster.pid").read_text().partition("\n")[0])


async def insert_until_cut_off(dsn: str, numbers: Iterator[int], acknowledged: list[int]) -> None:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        while True:
            number = next(numbers)
            await connection.execute("INSERT INTO acknowledged VALUES ($1)", number)
            acknowledged.append(number)
    except CUT_OFF:
        connection.terminate()


async def list_missing(dsn: str, acknowledged: list[int]) -> set[int]:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        return set(acknowledged) - {row[0] for row in await connection.fetch("SELECT n FROM acknowledged")}
    finally:
        await connection.close()


async def create_table(dsn: str) -> None:
    connection = await asyncpg.connect(dsn, timeout=10)
    await connection.execute("CREATE TABLE acknowledged (n bigint PRIMARY KEY)")
    await connection.close()


async def test_nothing_acknowledged_is_lost_when_launcher_and_server_are_killed(room: Path, launch: Launch) -> None:
    base = room / "base"
    with EmbeddedPostgres(base) as server:
        await create_table(server.dsn())
    numbers = itertools.count()
    acknowledged: list[int] = []
    for kill_server_too in (False, True, False, True):
        before = len(acknowledged)
        launcher = launch(base)
        dsn = read_dsn(launcher)
        assert await list_missing(dsn, acknowledged) == set()
        clients = [asyncio.create_task(insert_until_cut_off(dsn, numbers, acknowledged)) for _ in range(CLIENTS)]
        await asyncio.sleep(random.uniform(0.2, 0.6))
        if kill_server_too:
            os.kill(read_pid(base), signal.SIGKILL)
        kill(launcher)
        async with asyncio.timeout(30):
            await asyncio.gather(*clients)
        assert len(acknowledged) - before > 100
    with EmbeddedPostgres(base) as server:
        assert await list_missing(server.dsn(), acknowledged) == set()
    assert "automatic recovery in progress" in (base / "postgres.log").read_text()


def test_the_server_goes_when_the_launcher_is_killed(base: Path, launch: Launch) -> None:
    launcher = launch(base)
    read_dsn(launcher)
    server = read_pid(base)
    assert Path(f"/proc/{server}").exists()
    kill(launcher)
    with hold(base / "postgres.lock", 5):
        assert not (base / "pgdata" / "postmaster.pid").exists()  # an orderly shutdown
    assert "received fast shutdown request" in (base / "postgres.log").read_text()


async def test_ctrl_c_reaches_the_launcher_first(base: Path, launch: Launch) -> None:
    launcher = launch(base)
    read_dsn(launcher)
    assert os.getsid(read_pid(base)) != os.getsid(launcher.pid)
    os.killpg(launcher.pid, signal.SIGINT)
    assert launcher.wait(10) == 0
    with EmbeddedPostgres(base) as server:
        connection = await asyncpg.connect(server.dsn())
        assert await connection.fetchval("SELECT text FROM note") == "written after Ctrl-C"
        await connection.close()


def test_initdb_killed_half_way_leaves_nothing_half_made(room: Path, launch: Launch) -> None:
    base = room / "base"
    launcher = launch(base)
    while not (base / "pgdata.new" / "data" / "PG_VERSION").exists():
        assert launcher.poll() is None
        time.sleep(0.001)
    kill(launcher)
    assert not (base / "pgdata").exists()
    with EmbeddedPostgres(base):
        assert {path.name for path in base.iterdir()} == {
            *("launcher.lock", "pgdata", "pgpass-postgres", "postgres.lock", "postgres.log", "socket")
        }


def test_a_long_base_leaves_no_socket_directory_after_a_kill(room: Path, launch: Launch) -> None:
    base = room / ("d" * 120)
    launcher = launch(base)
    read_dsn(launcher)
    left_behind = (base / "socket").readlink()
    assert left_behind.exists()
    kill(launcher)
    with EmbeddedPostgres(base) as server:
        assert server.socket_dir != left_behind
        assert not left_behind.exists()


@pytest.fixture
def ordinary_uid() -> int | None:
    """The user to become; None when the tests already run as an ordinary one."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


async def test_an_ordinary_user_runs_it_as_himself(room: Path, launch: Launch, ordinary_uid: int | None) -> None:
    uid = os.geteuid() if ordinary_uid is None else ordinary_uid
    base = room / "base"
    base.mkdir(mode=0o700)
    os.chown(base, uid, -1)
    bindir = find_bindir(None)
    if ordinary_uid is not None:
        # The interpreter and its packages may lie in root's home, which this user cannot enter.
        bindir, _ = make_executable_for(Account(uid, uid, ()), bindir, room / "programs")
    launcher = launch(base, bindir=bindir, uid=ordinary_uid)
    connection = await asyncpg.connect(read_dsn(launcher))
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()
    assert {path.stat().st_uid for path in (base, *base.iterdir(), Path(f"/proc/{read_pid(base)}"))} == {uid}
    os.killpg(launcher.pid, signal.SIGINT)
    assert launcher.wait(10) == 0
