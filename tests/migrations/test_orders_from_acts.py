"""What was issued and withdrawn before there were orders."""

import shutil
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from khoso import migrating
from khoso.migrating import migrate, migrations_dir

VAULT, CREDENTIAL, NEWER, ACT = (UUID(int=number) for number in (1, 2, 3, 4))
THEN = "2026-11-01T00:00:00Z"


async def test_acts_become_orders_and_papers_learn_who_issued_them(
    empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_migrations = migrations_dir()
    for old in ("0001_foundations.sql", "0002_jobs.sql"):
        shutil.copy(all_migrations / old, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "migrations_dir", lambda: tmp_path)
        await migrate(empty)
    conn = await asyncpg.connect(empty)
    await conn.execute(f"INSERT INTO vault VALUES ('{VAULT}', '{THEN}')")
    for number, (credential, code) in enumerate(((CREDENTIAL, "A-KQ1"), (NEWER, "A-KQ2"))):
        await conn.execute(
            f"""
            INSERT INTO credential
            VALUES ('{VAULT}', '{credential}', '{code}', 'KQ.H17.000001', 1, 'H17.05.12', 'A', 'An', '{{}}',
                    '{THEN}', '{THEN}', NULL, 1, 0, {number}, '', '', '', {3 - 3 * number}, '{THEN}')
            """
        )
        await conn.execute(f"INSERT INTO result_code VALUES ('{code}', '{VAULT}', '{credential}', 'H17.05.12')")
    await conn.execute(f"INSERT INTO audit VALUES ('{ACT}', '{THEN}', 'clerk', 'issue', 'A-KQ1')")
    await conn.execute(
        f"""
        INSERT INTO status_act
        VALUES ('{VAULT}', '{ACT}', '{CREDENTIAL}', 'supersede', 'moved', '1/QĐ', 'chief', '{THEN}', 'A-KQ2')
        """
    )
    await migrate(empty)
    issued_by = await conn.fetch("SELECT issued_by, type_code FROM result_code ORDER BY result_code")
    assert [tuple(row) for row in issued_by] == [("clerk", "KQ.H17.000001"), ("", "KQ.H17.000001")]
    order = await conn.fetchrow("SELECT agency_code, author, act, state, results, ended_at = due_at FROM status_order")
    assert tuple(order or ()) == ("H17.05.12", "chief", "supersede", "carried_out", 1, True)
    joined = await conn.fetchrow(
        """
        SELECT result_code, r.superseded_by, successor_id, effective_at = acted_at
          FROM status_act JOIN status_order_result AS r USING (order_id)
        """
    )
    assert tuple(joined or ()) == ("A-KQ1", "A-KQ2", NEWER, True)
    await conn.close()
