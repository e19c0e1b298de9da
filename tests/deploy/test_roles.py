"""deploy/postgres/roles.sql as it stands, run by psql on a server that would log every statement."""

from pathlib import Path

import asyncpg
import pytest

from deploy.conftest import PASSWORD, MakeRoles
from khoso.embedded import EmbeddedPostgres


def test_makes_both_roles_and_the_database_and_may_run_again(
    own_server: EmbeddedPostgres, make_roles: MakeRoles
) -> None:
    for _ in range(2):
        assert make_roles().returncode == 0
    log = (own_server.base / "postgres.log").read_text()
    assert "SET log_statement = 'none'" in log, "the last that is logged before the passwords"
    assert PASSWORD.split()[0] not in log


async def test_the_owner_makes_tables_and_the_application_reaches_only_what_it_was_granted(
    own_server: EmbeddedPostgres, passfiles: dict[str, Path], make_roles: MakeRoles
) -> None:
    make_roles()
    owner, app = [await _connect(own_server, passfiles, role) for role in ("owner", "app")]
    try:
        await owner.execute("CREATE TABLE kept (n int)")
        await owner.execute("CREATE TABLE granted (n int); GRANT SELECT ON granted TO khoso_app")
        assert await app.fetch("SELECT n FROM granted") == []
        for refused in ("SELECT n FROM kept", "CREATE TABLE mine (n int)", "CREATE TEMPORARY TABLE mine (n int)"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(refused)
        await owner.execute("DROP TABLE granted, kept")
        settings = [await app.fetchval(f"SHOW {name}") for name in ("statement_timeout", "timezone", "jit")]
        assert settings == ["30s", "UTC", "off"]
    finally:
        await owner.close()
        await app.close()


@pytest.mark.parametrize("content", [None, "", "*:*:*:khoso_app:short\n", "no password file\n"])
def test_a_missing_or_weak_password_ends_it_before_anything_is_changed(
    passfiles: dict[str, Path], make_roles: MakeRoles, content: str | None
) -> None:
    make_roles()
    if content is None:
        passfiles["app"].unlink()
    else:
        passfiles["app"].write_text(content)
    refused = make_roles()
    assert refused.returncode != 0
    assert "ALTER ROLE" not in refused.stdout


async def _connect(server: EmbeddedPostgres, passfiles: dict[str, Path], role: str) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=str(server.socket_dir), user=f"khoso_{role}", database="khoso", passfile=str(passfiles[role])
    )
