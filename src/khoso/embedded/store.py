"""The two login roles and the database of Kho Số on an embedded PostgreSQL."""

from dataclasses import dataclass

import asyncpg

from khoso.embedded.passfile import read_password, write_passfile
from khoso.embedded.server import EmbeddedPostgres

OWNER = "khoso_owner"
APP = "khoso_app"
DATABASE = "khoso"

_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class ProvisionedDatabase:
    """The addresses of the database, for who migrates and for who serves."""

    owner_dsn: str
    app_dsn: str


async def provision(server: EmbeddedPostgres) -> ProvisionedDatabase:
    """Make the roles `khoso_owner` and `khoso_app` and the database `khoso`, or put right what is there.

    The owner makes the schema; the app owns nothing and cannot bypass row-level security. Only these two, and
    the superuser, may connect. Passwords last until their files are removed.
    """
    connection = await asyncpg.connect(server.dsn(), timeout=_TIMEOUT_SECONDS, command_timeout=_TIMEOUT_SECONDS)
    try:
        for role in (OWNER, APP):
            await _put_role(connection, role, _keep_password(server, role))
        await _put_settings(connection)
        await _put_database(connection)
    finally:
        await connection.close()
    return ProvisionedDatabase(server.dsn(DATABASE, OWNER), server.dsn(DATABASE, APP))


def _keep_password(server: EmbeddedPostgres, role: str) -> str:
    # The file comes before the role: killed in between, the next call gives the role the password of the file.
    path = server.passfile(role)
    return read_password(path) if path.exists() else write_passfile(path, role)


async def _put_role(connection: asyncpg.Connection, role: str, password: str) -> None:
    async with connection.transaction():
        # Handed over as settings because DDL takes no parameters.
        await connection.execute(
            "SELECT set_config('khoso.role', $1, true), set_config('khoso.password', $2, true)", role, password
        )
        await connection.execute(
            """
            DO $$
            DECLARE
                role text := current_setting('khoso.role');
            BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
                    EXECUTE format('CREATE ROLE %I', role);
                END IF;
                EXECUTE format(
                    'ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD %L',
                    role, current_setting('khoso.password')
                );
            END
            $$
            """
        )


async def _put_settings(connection: asyncpg.Connection) -> None:
    """As deploy/postgres/roles.sql has them: on the role, for a pooler between hands no settings on."""
    await connection.execute(
        """
        ALTER ROLE khoso_app SET statement_timeout = '30s';
        ALTER ROLE khoso_app SET timezone = 'UTC';
        ALTER ROLE khoso_app SET jit = off;
        """
    )


async def _put_database(connection: asyncpg.Connection) -> None:
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'khoso')"):
        await connection.execute("CREATE DATABASE khoso OWNER khoso_owner")
    await connection.execute(
        """
        ALTER DATABASE khoso OWNER TO khoso_owner;
        REVOKE ALL ON DATABASE khoso FROM PUBLIC;
        GRANT CONNECT ON DATABASE khoso TO khoso_owner, khoso_app;
        """
    )
