"""What assignments give, and what no assignment can be."""

import re
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from bilingual import is_bilingual
from grounds import Clock, Database
from khoso import db
from khoso.bounds import Bounds
from khoso.caller import SCOPES, Grant
from khoso.wiring import Services

ROOT = Path(__file__).parents[2]


async def assign(conn: asyncpg.Connection, clock: Clock, **changed: object) -> None:
    row = {
        "assignment_id": uuid4(),
        "subject": "person:7",
        "role": "approver",
        "agency_code": "H17.05.12",
        "valid_from": clock(),
        "granted_by": "person:1",
        "granted_at": clock(),
    } | changed
    columns, marks = ", ".join(row), ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await conn.execute("SET khoso.duty = 'assign'")
    await conn.execute(f"INSERT INTO assignment ({columns}) VALUES ({marks})", *row.values())


async def test_the_grants_of_a_subject_are_those_of_the_moment(
    city: Database, services: Services, clock: Clock
) -> None:
    conn = await asyncpg.connect(city.app_dsn)
    hour = timedelta(hours=1)
    await assign(conn, clock, valid_until=clock() + hour)
    await assign(conn, clock, role="inspector", type_code="KQ.H17.000003")
    await assign(conn, clock, role="helper", valid_from=clock() + hour)
    await assign(conn, clock, role="monitor", ended_at=clock(), ended_by="person:1")
    await assign(conn, clock, subject="person:8", role="officer")

    async def grants() -> list[Grant]:
        async with db.transaction(services.pool, Bounds(duty="identify")) as pooled:
            return await services.authority.grants_of(pooled, "person:7")

    inspect = Grant(scope="inspect", agency_code="H17.05.12", type_code="KQ.H17.000003")
    until = {"agency_code": "H17.05.12", "valid_until": clock() + hour}
    approving = [Grant(scope=scope, **until) for scope in ("credentials:approve", "credentials:read")]  # type: ignore[arg-type]
    assert await grants() == [*approving, inspect]
    clock.forward(hour)
    assert await grants() == [Grant(scope="dossiers:assist", agency_code="H17.05.12"), inspect]
    await conn.close()


async def test_every_scope_of_a_role_exists(database: Database) -> None:
    conn = await asyncpg.connect(database.app_dsn)
    scopes = {row["scope"] for row in await conn.fetch("SELECT scope FROM role_scope")}
    assert scopes <= SCOPES.keys()
    assert SCOPES.keys() - scopes == {"vault:read"}  # of one's own vault: no office gives it
    await conn.close()


def test_every_scope_is_told_in_both_languages() -> None:
    assert all(is_bilingual(f"{words.vi} | {words.en}") for words in SCOPES.values())


@pytest.mark.parametrize(
    ("changed", "constraint"),
    [
        ({"granted_by": "person:7"}, "assignment_by_another"),
        ({"role": "king"}, "assignment_role_known"),
        ({"agency_code": "H17.99"}, "assignment_agency_known"),
        ({"subject": ""}, "assignment_subject_form"),
        ({"subject": "person 7"}, "assignment_subject_form"),
        ({"type_code": "H17.000003"}, "assignment_type_form"),
        ({"ended_by": "person:1"}, "assignment_end_signed"),
        ({"valid_until": "now"}, "assignment_dates_ordered"),
        ({}, "assignment_once"),
    ],
)
async def test_the_database_refuses(city: Database, clock: Clock, changed: dict[str, object], constraint: str) -> None:
    conn = await asyncpg.connect(city.app_dsn)
    await assign(conn, clock, subject="person:7")
    if "valid_until" in changed:
        changed = {"valid_until": clock()}
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
        await assign(conn, clock, **{"role": "approver", **changed})
    assert refused.value.constraint_name == constraint
    await conn.close()


_ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


async def test_the_roles_are_those_of_the_page(database: Database) -> None:
    conn = await asyncpg.connect(database.app_dsn)
    rows = await conn.fetch(
        """
        SELECT role, name_vi, array_agg(scope ORDER BY scope COLLATE "C") AS scopes
          FROM role JOIN role_scope USING (role) GROUP BY role, name_vi
        """
    )
    documented = _ROW.findall((ROOT / "docs" / "rights.md").read_text("utf-8"))
    written = {role: (name, re.findall(r"`([^`]+)`", scopes)) for role, name, scopes in documented}
    assert {row["role"]: (row["name_vi"], row["scopes"]) for row in rows} == written
    await conn.close()
