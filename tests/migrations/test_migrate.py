"""Migrations on a real server: from nothing, again, at the same time, and from every release there was."""

import asyncio
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from pogo_core.error import BadMigrationError

from grounds import Database
from invariants import CHAIN_BREAKS
from khoso import migrating
from khoso.errors import Unavailable
from khoso.formats import cose
from khoso.migrating import migrate, migrations_dir
from store.documented import read_tables

ROOT = Path(__file__).parents[2]
MIGRATIONS = migrations_dir()
FIRST_RELEASE = "0.1.0"
RELEASES = Path(__file__).with_name("releases")
"""For each release `<version>.sql`: the schema it made, with a few papers in it, as `pg_dump` wrote it."""

Shape = set[tuple[str, ...]]


async def read_shape(dsn: str) -> Shape:
    """Every column, index, constraint and grant there is."""
    conn = await asyncpg.connect(dsn)
    try:
        rows = await conn.fetch(
            """
            SELECT 'column', table_name, column_name, data_type || is_nullable || coalesce(column_default, '')
              FROM information_schema.columns WHERE table_schema = 'public'
             UNION ALL
            SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
             UNION ALL
            SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
              FROM pg_constraint WHERE connamespace = 'public'::regnamespace
             UNION ALL
            SELECT 'grant', table_name, column_name, grantee || privilege_type
              FROM information_schema.column_privileges WHERE table_schema = 'public'
            """
        )
        return {tuple(row) for row in rows}
    finally:
        await conn.close()


async def read_applied(dsn: str) -> list[asyncpg.Record]:
    conn = await asyncpg.connect(dsn)
    try:
        applied: list[asyncpg.Record] = await conn.fetch("SELECT * FROM _pogo_migration ORDER BY 1")
        return applied
    finally:
        await conn.close()


async def test_from_nothing_to_what_is_documented(empty: str) -> None:
    await migrate(empty)
    assert {table for _, table, *_ in await read_shape(empty)} == read_tables().keys()
    assert len(await read_applied(empty)) == len(list(migrations_dir().glob("*.sql")))


async def test_again_changes_nothing(empty: str) -> None:
    await migrate(empty)
    shape, applied = await read_shape(empty), await read_applied(empty)
    await migrate(empty)
    assert (await read_shape(empty), await read_applied(empty)) == (shape, applied)


async def test_several_at_once_are_one(empty: str, database: Database) -> None:
    await asyncio.gather(*(migrate(empty) for _ in range(4)))
    assert await read_shape(empty) == await read_shape(database.owner_dsn)


async def test_a_migration_that_fails_leaves_nothing_of_itself(
    empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And when it has been put right, it is applied."""
    broken = tmp_path / "0001_broken.sql"
    text = "-- broken\n-- depends:\n\n-- migrate: apply\n\nCREATE TABLE kept (n int);\n{}\n\n-- migrate: rollback\n"
    monkeypatch.setattr(migrating, "migrations_dir", lambda: tmp_path)
    broken.write_text(text.format("SELECT 1 / 0;"))
    with pytest.raises(BadMigrationError):
        await migrate(empty)
    assert "kept" not in {table for _, table, *_ in await read_shape(empty)}
    broken.write_text(text.format(""))
    await migrate(empty)
    assert "kept" in {table for _, table, *_ in await read_shape(empty)}


async def test_what_was_audited_before_the_chains_is_carried_over(
    empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of its times, with whatever texts it has, into a chain that is whole."""
    with monkeypatch.context() as before:
        before.setattr(migrating, "migrations_dir", lambda: tmp_path)
        for name in ("0001_foundations.sql", "0002_jobs.sql"):
            (tmp_path / name).write_text((MIGRATIONS / name).read_text())
        await migrate(empty)
    conn = await asyncpg.connect(empty)
    try:
        await conn.execute(
            """
            INSERT INTO audit (audit_id, at, actor, act, subject)
            SELECT gen_random_uuid(), timestamptz '2026-11-23' - number * interval '1.000001 s', 'cán bộ ' || number,
                   '', repeat('ồ', number)
              FROM generate_series(1, 3000) AS number
            """
        )
        before_it = await conn.fetch("SELECT at, actor, act, subject FROM audit ORDER BY at")
        await migrate(empty)
        assert await conn.fetch("SELECT at, actor, act, subject FROM audit ORDER BY chain, sequence") == before_it
        assert await conn.fetch(CHAIN_BREAKS) == []
        heads = await conn.fetch("SELECT chain, length FROM audit_head ORDER BY chain")
        assert [tuple(row) for row in heads] == [(0, 3000), *((chain, 0) for chain in range(1, 8))]
    finally:
        await conn.close()


async def test_without_a_server_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        await migrate(f"postgresql://khoso_owner@/khoso?host={tmp_path}")


async def test_papers_that_were_there_before_are_known_by_their_key(
    empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0006 reads the kid of each from the bytes that were signed."""
    earlier = [file for file in migrations_dir().glob("*.sql") if file.name < "0003"]
    everything = migrations_dir()
    for file in earlier:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "migrations_dir", lambda: tmp_path)
        await migrate(empty)
    kids = [bytes([number] * 8) for number in range(3)]
    conn = await asyncpg.connect(empty)
    try:
        for number, kid in enumerate(kids):
            await _insert_paper(conn, number, cose.assemble(kid, b"claims", bytes(64)))
        await migrate(empty)
        assert everything == migrations_dir()
        rows = await conn.fetch("SELECT kid FROM status_entry ORDER BY status_index")
        assert [row["kid"] for row in rows] == kids
    finally:
        await conn.close()


async def _insert_paper(conn: asyncpg.Connection, number: int, signed: bytes) -> None:
    """A credential and its status entry as release 0.1.0 wrote them."""
    vault_id, credential_id, now = uuid4(), uuid4(), datetime(2026, 11, 23, tzinfo=UTC)
    await conn.execute("INSERT INTO vault VALUES ($1, $2)", vault_id, now)
    await conn.execute(
        """
        INSERT INTO credential
        VALUES ($1, $2, $3, 'KQ.H17.000001', 1, 'H17', 'dossier', 'holder', '{}', $4, $4, NULL, 1, 0, $5, $6, 'secret',
                '', 0, $4)
        """,
        vault_id,
        credential_id,
        f"result {number}",
        now,
        number,
        signed,
    )
    await conn.execute(
        """
        INSERT INTO status_entry (list_id, status_index, status, list_version, signed_hash, vault_id, credential_id)
        VALUES (0, $1, 0, 0, '', $2, $3)
        """,
        number,
        vault_id,
        credential_id,
    )


async def test_every_release_can_be_brought_up_to_date(empty: str, database: Database) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    dumps = sorted(RELEASES.glob("*.sql"))
    assert dumps or version == FIRST_RELEASE, "keep a dump of each release here before the next one"
    for dump in dumps:
        await _restore(empty, dump.read_text())
        await migrate(empty)
        assert await read_shape(empty) == await read_shape(database.owner_dsn), dump.name


async def _restore(dsn: str, dump: str) -> None:
    conn = await asyncpg.connect(dsn)
    try:
        await conn.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await conn.execute(dump)
    finally:
        await conn.close()
