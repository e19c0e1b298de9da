"""The roles and the database, and what they may not do."""

import stat
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from khoso.embedded import APP, OWNER, WITHOUT_DURABILITY, EmbeddedPostgres, provision
from khoso.embedded.passfile import read_password, write_passfile


@pytest.fixture(scope="module")
def server(base: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(base, settings=WITHOUT_DURABILITY) as server:
        yield server


async def fetch_row(dsn: str, query: str) -> tuple[object, ...]:
    connection = await asyncpg.connect(dsn)
    try:
        row = await connection.fetchrow(query)
        assert row is not None
        return tuple(row)
    finally:
        await connection.close()


async def test_each_role_comes_in_with_its_own_private_password(server: EmbeddedPostgres) -> None:
    made = await provision(server)
    for dsn, role in ((made.owner_dsn, OWNER), (made.app_dsn, APP)):
        assert await fetch_row(dsn, "SELECT current_user, current_database()") == (role, "khoso")
        assert stat.S_IMODE(server.passfile(role).stat().st_mode) == 0o600
        assert read_password(server.passfile(role)) not in dsn
    assert read_password(server.passfile(OWNER)) != read_password(server.passfile(APP))


async def test_neither_role_has_a_power_beyond_owning_the_database(server: EmbeddedPostgres) -> None:
    await provision(server)
    powers = """
        SELECT bool_or(rolsuper), bool_or(rolcreatedb), bool_or(rolcreaterole), bool_or(rolreplication),
               bool_or(rolbypassrls), bool_and(rolcanlogin), count(*)
        FROM pg_roles WHERE rolname IN ('khoso_owner', 'khoso_app')
    """
    assert await fetch_row(server.dsn(), powers) == (False, False, False, False, False, True, 2)
    owner = "SELECT datdba::regrole::text FROM pg_database WHERE datname = 'khoso'"
    assert await fetch_row(server.dsn(), owner) == (OWNER,)


async def test_the_owner_makes_tables_and_the_app_cannot(server: EmbeddedPostgres) -> None:
    made = await provision(server)
    owner, app = await asyncpg.connect(made.owner_dsn), await asyncpg.connect(made.app_dsn)
    try:
        await owner.execute("CREATE TABLE secret (n int)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute("CREATE TABLE mine (n int)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.fetch("SELECT * FROM secret")
    finally:
        await owner.close()
        await app.close()


async def test_another_role_may_not_connect(server: EmbeddedPostgres) -> None:
    await provision(server)
    password = write_passfile(server.passfile("stranger"), "stranger")
    admin = await asyncpg.connect(server.dsn())
    await admin.execute(f"CREATE ROLE stranger LOGIN PASSWORD '{password}'")
    await admin.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        await asyncpg.connect(server.dsn("khoso", "stranger"))


async def test_repeating_changes_nothing_and_puts_right_what_was_changed(server: EmbeddedPostgres) -> None:
    made = await provision(server)
    password = read_password(server.passfile(APP))
    admin = await asyncpg.connect(server.dsn())
    await admin.execute("ALTER ROLE khoso_app SUPERUSER PASSWORD 'forgotten'")
    await admin.execute("ALTER DATABASE khoso OWNER TO postgres")
    await admin.close()
    assert await provision(server) == made
    assert read_password(server.passfile(APP)) == password
    superuser = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
    assert await fetch_row(made.app_dsn, superuser) == (False,)


async def test_a_lost_password_file_is_replaced(server: EmbeddedPostgres) -> None:
    made = await provision(server)
    server.passfile(APP).unlink()
    await provision(server)
    assert await fetch_row(made.app_dsn, "SELECT current_user") == (APP,)


async def test_no_password_reaches_the_log(server: EmbeddedPostgres) -> None:
    await provision(server)
    log = (server.base / "postgres.log").read_text()
    assert "ready to accept connections" in log
    for role in ("postgres", OWNER, APP):
        assert read_password(server.passfile(role)) not in log
