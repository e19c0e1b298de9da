"""The schema as the migrations made it, against docs/database.md: kinds of tables, their rules, and who may do what."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

import khoso
from grounds import Database
from store.documented import Table, read_tables

TABLES = read_tables()


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    conn = await asyncpg.connect(database.owner_dsn)
    yield conn
    await conn.close()


@pytest.fixture
async def app(database: Database) -> AsyncIterator[asyncpg.Connection]:
    conn = await asyncpg.connect(database.app_dsn)
    yield conn
    await conn.close()


def of_kind(*kinds: str) -> list[str]:
    return [table.name for table in TABLES.values() if table.kind in kinds]


async def test_every_table_is_documented(owner: asyncpg.Connection) -> None:
    made = await owner.fetch(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    )
    assert {row["relname"] for row in made} == TABLES.keys()


async def test_the_vault_comes_first_in_every_key_of_citizen_data(owner: asyncpg.Connection) -> None:
    columns = await owner.fetch(
        """
        SELECT attrelid::regclass::text AS name
          FROM pg_attribute
         WHERE attname = 'vault_id' AND atttypid = 'uuid'::regtype AND attnotnull AND attnum > 0
        """
    )
    assert set(of_kind("citizen")) <= {row["name"] for row in columns}
    indexes = await owner.fetch(
        """
        SELECT i.indexrelid::regclass::text AS name, a.attname AS first_column, i.indisprimary
          FROM pg_index i
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
         WHERE i.indrelid::regclass::text = ANY ($1::text[])
        """,
        of_kind("citizen"),
    )
    assert {row["name"]: row["first_column"] for row in indexes} == {row["name"]: "vault_id" for row in indexes}
    assert sum(row["indisprimary"] for row in indexes) == len(of_kind("citizen"))


async def test_foreign_keys_stay_within_a_vault_or_within_a_kind(owner: asyncpg.Connection) -> None:
    keys = await owner.fetch(
        """
        SELECT c.conname AS name, c.conrelid::regclass::text AS source, c.confrelid::regclass::text AS target,
               a.attname AS source_column, b.attname AS target_column
          FROM pg_constraint c
          JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
          JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1]
         WHERE c.contype = 'f'
        """
    )
    assert keys
    for key in keys:
        source, target = TABLES[key["source"]].kind, TABLES[key["target"]].kind
        assert source == target, key["name"]
        assert source != "value", key["name"]
        if source == "citizen":
            assert (key["source_column"], key["target_column"]) == ("vault_id", "vault_id"), key["name"]


async def test_ids_and_times_come_from_the_application(owner: asyncpg.Connection) -> None:
    spread = of_kind("citizen", "value", "reference")
    defaults = await owner.fetch(
        """
        SELECT adrelid::regclass::text || '.' || attname AS name, pg_get_expr(adbin, adrelid) AS expression
          FROM pg_attrdef
          JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
         WHERE adrelid::regclass::text = ANY ($1::text[])
        """,
        spread,
    )
    assert [tuple(row) for row in defaults] == [("catalogue_version.singleton", "true")]
    made_there = await owner.fetch(
        """
        SELECT attrelid::regclass::text FROM pg_attribute
         WHERE (attidentity <> '' OR attgenerated <> '') AND attrelid::regclass::text = ANY ($1::text[])
         UNION ALL
        SELECT tgrelid::regclass::text FROM pg_trigger
         WHERE NOT tgisinternal AND tgrelid::regclass::text = ANY ($1::text[])
         UNION ALL
        SELECT ev_class::regclass::text FROM pg_rewrite WHERE ev_class::regclass::text = ANY ($1::text[])
        """,
        spread,
    )
    assert made_there == []


async def test_every_value_and_reference_table_has_a_primary_key(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch("SELECT conrelid::regclass::text AS name FROM pg_constraint WHERE contype = 'p'")
    assert set(of_kind("value", "reference", "citizen")) <= {row["name"] for row in rows}


async def test_nothing_but_plain_postgresql_is_needed(owner: asyncpg.Connection) -> None:
    assert [row["extname"] for row in await owner.fetch("SELECT extname FROM pg_extension")] == ["plpgsql"]
    functions = await owner.fetch("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
    assert {row["proname"] for row in functions} == {"fn_pgqueuer_changed", "draft_forgotten_alone"}


NOT_WHEN_SPREAD = re.compile(
    r"\bnow\(\)|\bMERGE INTO\b|\bROLLUP\b|\bset_config\(|\bCURRENT_TIMESTAMP\b|gen_random_uuid"
)


def test_the_stores_ask_only_what_a_spread_database_answers() -> None:
    stores = list(Path(khoso.__file__).parent.glob("*/*store.py"))
    assert len(stores) > 4
    found = {str(path): NOT_WHEN_SPREAD.findall(path.read_text()) for path in stores if "embedded" not in path.parts}
    assert {path: words for path, words in found.items() if words} == {}


async def test_the_application_may_do_what_is_documented_and_nothing_else(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch(
        """
        SELECT table_name, lower(privilege_type) AS "right" FROM information_schema.role_table_grants
         WHERE grantee IN ('khoso_app', 'PUBLIC') AND table_schema = 'public'
         UNION ALL
        SELECT attrelid::regclass::text, lower(granted.privilege_type) || ' ' || attname
          FROM pg_attribute, aclexplode(attacl) AS granted
         WHERE granted.grantee IN ('khoso_app'::regrole, 0) AND attrelid::regclass::text = ANY ($1::text[])
        """,
        list(TABLES),
    )
    granted = {name: sorted(row["right"] for row in rows if row["table_name"] == name) for name in TABLES}
    assert granted == {table.name: sorted(table.rights) for table in TABLES.values()}


async def test_the_application_is_nobody_in_particular(owner: asyncpg.Connection) -> None:
    role = await owner.fetchrow(
        """
        SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication,
               EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid OR roleid = pg_roles.oid) AS related,
               EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid) AS owns,
               has_schema_privilege(oid, 'public', 'CREATE') AS creates
          FROM pg_roles
         WHERE rolname = 'khoso_app'
        """
    )
    assert role is not None
    assert set(role.values()) == {False}


def forbidden(table: Table) -> list[str]:
    """Statements on a table that its rights do not allow."""
    statements = [f"ALTER TABLE {table.name} ADD COLUMN n int", f"DROP TABLE {table.name}"]
    if "delete" not in table.rights:
        statements.append(f"DELETE FROM {table.name}")
    if "truncate" not in table.rights:
        statements.append(f"TRUNCATE {table.name}")
    return statements


async def test_what_must_not_vanish_cannot_be_deleted_by_the_application(app: asyncpg.Connection) -> None:
    for table in TABLES.values():
        for statement in forbidden(table):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(statement)


async def test_what_must_not_change_cannot_be_changed_by_the_application(
    app: asyncpg.Connection, owner: asyncpg.Connection
) -> None:
    columns = await owner.fetch(
        """
        SELECT table_name, column_name FROM information_schema.columns
         WHERE table_schema = 'public' AND is_generated = 'NEVER' AND is_identity = 'NO'
        """
    )
    allowed, tried = set(), 0
    for row in columns:
        table, column = TABLES[row["table_name"]], row["column_name"]
        if not {"update", f"update {column}"} & table.rights:
            tried += 1
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(f'UPDATE {table.name} SET "{column}" = "{column}"')
        else:
            allowed.add(f"{table.name}.{column}")
            await app.execute(f'UPDATE {table.name} SET "{column}" = "{column}"')
    assert tried > 80
    assert {"credential.status", "status_entry.status"} <= allowed
    assert not allowed & {"credential.signed", "status_entry.signed_hash", "audit.actor", "status_act.reason_code"}


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (n int)",
        "SET ROLE khoso_owner",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY vault TO PROGRAM 'true'",
        "SELECT lo_import('/etc/passwd')",
        "ALTER ROLE khoso_app SUPERUSER",
        "GRANT khoso_owner TO khoso_app",
        "CREATE EXTENSION pg_trgm",
    ],
)
async def test_the_application_reaches_nothing_beside_its_tables(app: asyncpg.Connection, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(statement)


async def test_the_database_itself_refuses_what_no_code_may_write(owner: asyncpg.Connection) -> None:
    """Even the owner: the constraints are the last word."""
    entry = "INSERT INTO status_entry VALUES (0, {}, {}, 0, '', gen_random_uuid(), gen_random_uuid(), '')"
    for statement, constraint in (
        ("INSERT INTO status_list VALUES (0, '', 131073, 0)", "status_list_not_overfull"),
        (entry.format(131072, 0), "status_entry_index_range"),
        (entry.format(0, 4), "status_entry_status_known"),
        ("INSERT INTO catalogue_version VALUES (false, 1)", "catalogue_version_singleton_check"),
    ):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await owner.execute(statement)
        assert refused.value.constraint_name == constraint
