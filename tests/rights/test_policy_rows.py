"""Every policy, row by row: what a transaction sees, locks, writes, changes and drops within its bounds, and outside.

Each table that has policies gets two rows, which differ in all that policies ask about; and nothing but policies keeps
anybody from anything, for other constraints are dropped. What gets through, under any bounds, follows from
docs/database.md.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

import asyncpg
import pytest

from grounds import Database
from khoso import db, working
from khoso.bounds import DUTIES, NOTHING, Bounds, Duty
from khoso.forgetting import forget
from rights.test_policies import TABLES, read_documented

POLICIES = read_documented()
CLOSED = sorted({table for table, _ in POLICIES})
FORGOTTEN = {table for (table, command), words in POLICIES.items() if command == "delete" and "forget" in words}

OWN, ANOTHERS, READER = "H17.05.12", "H17.05.13", "H17.16"
TIME = datetime(2026, 11, 23, tzinfo=UTC)
LATER = TIME + timedelta(days=1_000)
ASKED: Mapping[str, tuple[Any, Any]] = {
    "vault_id": (UUID(int=1), UUID(int=2)),
    "agency_code": (OWN, ANOTHERS),
    "reporter_agency": (OWN, ANOTHERS),
    "issuer": (READER, ANOTHERS),
    "state": ("scheduled", "carried_out"),
    "finished_at": (None, TIME),
    "ended_at": (TIME, None),
    "order_id": (UUID(int=1), UUID(int=2)),
    "import_id": (UUID(int=1), UUID(int=2)),
}
"""What policies ask about, of the first row of a table and of the second. The first one's paper is READER's."""
TRUE_OF = {"everybody": {0, 1}, "scheduled": {0}, "unfinished": {0}, "ended": {0}}
"""Of which of the two rows words of the page are true, whatever the bounds."""


def holds(word: str, table: str, command: str, place: int, bounds: Bounds) -> bool:
    """Whether one word of the page's table is true of a row."""
    if word in DUTIES:
        return bounds.duty == word
    if word == "vault":
        return bounds.vault_id is not None and bounds.vault_id == ASKED["vault_id"][place]
    if word == "agencies":
        named = {"reporter_agency", "issuer"} if (table, command) == ("mismatch_report", "select") else {"agency_code"}
        return any(ASKED[name][place] in bounds.agencies for name in named)
    if word.startswith("its "):  # the parent of a row has its place
        return bool(letting(word.removeprefix("its "), "select", place, bounds))
    return place in TRUE_OF[word]


def letting(table: str, command: str, place: int, bounds: Bounds) -> set[str]:
    """What lets a row through, in the words of the page."""
    return {
        words
        for words in POLICIES.get((table, command), ())
        if all(holds(word, table, command, place, bounds) for word in words.partition(" to ")[0].split(" + "))
    }


def every_bounds() -> Iterator[Bounds]:
    """Nothing, a vault, agencies, a duty, and a duty for agencies."""
    yield NOTHING
    yield from (Bounds(vault_id=UUID(int=number)) for number in (1, 3))
    for agencies in ((), (OWN,), (READER,)):
        yield from (Bounds(agencies=agencies, duty=duty) for duty in (None, *get_args(Duty)))


@dataclass(frozen=True)
class Table:
    """A table with its two rows."""

    name: str
    columns: Mapping[str, str]
    """Their types."""
    key: frozenset[str]
    required: frozenset[str]
    """Columns that are never empty, but in these tests."""

    def make(self, place: int, number: int) -> dict[str, Any]:
        """A row like the first or the second, other than all of another number."""
        any_value = {
            "uuid": UUID(int=number),
            "text": str(number),
            "bytea": bytes([number]),
            "timestamp with time zone": TIME,
            "boolean": False,
            "jsonb": "{}",
            "text[]": [],
            "smallint": number,
            "integer": number,
            "bigint": number,
        }
        asked = {name: ASKED[name][place] for name in self.columns.keys() & ASKED.keys()}
        asked = {name: value for name, value in asked.items() if value is not None or name not in self.required}
        return {name: asked[name] if name in asked else any_value[kind] for name, kind in self.columns.items()}

    @property
    def changed(self) -> str:
        """A column that may be changed, and that no policy asks about."""
        granted = {right.partition(" ")[2] for right in TABLES[self.name].rights if right.startswith("update ")}
        return max(granted - ASKED.keys() - self.key)

    async def insert(self, conn: Any, row: Mapping[str, Any]) -> None:
        marks = ", ".join(f"${number}" for number in range(1, len(row) + 1))
        await conn.execute(f"INSERT INTO {self.name} ({', '.join(row)}) VALUES ({marks})", *row.values())


@pytest.fixture
async def tables(database: Database) -> list[Table]:
    owner = await asyncpg.connect(database.owner_dsn)
    await owner.execute(f"TRUNCATE {', '.join(CLOSED)} CASCADE")
    for table, name in await owner.fetch(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype IN ('c', 'f') AND conrelid <> 0"
    ):
        await owner.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    tables = [await read_table(owner, name) for name in CLOSED]
    for table in tables:
        for place in (0, 1):
            await table.insert(owner, table.make(place, place + 1))
    await owner.close()
    return tables


async def read_table(owner: asyncpg.Connection, name: str) -> Table:
    """A table, of which every column but its key may now be empty."""
    columns = await owner.fetch(
        """
        SELECT attname, format_type(atttypid, atttypmod), coalesce(attnum = ANY (indkey), false), attnotnull
          FROM pg_attribute
          LEFT JOIN pg_index ON indrelid = attrelid AND indisprimary
         WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
        """,
        name,
    )
    key = frozenset(column for column, _, in_key, _ in columns if in_key)
    may_be_empty = [f"ALTER COLUMN {column} DROP NOT NULL" for column, _, in_key, _ in columns if not in_key]
    if may_be_empty:
        await owner.execute(f"ALTER TABLE {name} {', '.join(may_be_empty)}")
    required = frozenset(column for column, _, _, needed in columns if needed)
    return Table(name, {column: kind for column, kind, *_ in columns}, key, required)


@asynccontextmanager
async def undone(conn: Any) -> AsyncIterator[None]:
    """Whatever was done, or failed, leaves nothing."""
    await conn.execute("SAVEPOINT before")
    try:
        yield
    finally:
        await conn.execute("ROLLBACK TO before")


async def count(conn: Any, sql: str) -> int:
    """How many rows a statement touches."""
    return int((await conn.execute(sql)).rpartition(" ")[2])


async def try_to(conn: Any, sql: str) -> int | None:
    """How many rows a change touches; None where it is refused."""
    async with undone(conn):
        try:
            return await count(conn, sql)
        except asyncpg.InsufficientPrivilegeError:
            return None


async def inserts(conn: Any, table: Table, place: int) -> bool:
    """Whether another row like that one gets in, but for its key, which may be taken."""
    async with undone(conn):
        try:
            await table.insert(conn, table.make(place, 9))
        except asyncpg.InsufficientPrivilegeError:
            return False
        except asyncpg.UniqueViolationError:
            return True
        return True


async def faults(conn: Any, table: Table, bounds: Bounds) -> Iterator[str]:
    """What gets through in a transaction and should not, or should and does not."""

    def through(command: str) -> list[set[str]]:
        return [letting(table.name, command, place, bounds) for place in (0, 1)]

    seen = through("select")
    found: dict[str, tuple[object, object]] = {}
    commands = {command for name, command in POLICIES if name == table.name}
    if "select" in commands:
        found["SELECT"] = (await count(conn, f"SELECT FROM {table.name}"), sum(map(bool, seen)))
    if "insert" in commands:
        got_in = [await inserts(conn, table, place) for place in (0, 1)]
        found["INSERT"] = (got_in, [bool(words) for words in through("insert")])
    if "delete" in commands:
        found["DELETE"] = (await try_to(conn, f"DELETE FROM {table.name}"), sum(map(bool, through("delete"))))
    if "update" in commands:
        reached = through("update")
        kept = [{words for words in one if " to " not in words} for one in reached]
        awaited = sum(map(bool, reached)) if list(map(bool, kept)) == list(map(bool, reached)) else None
        found["UPDATE"] = (await try_to(conn, f"UPDATE {table.name} SET {table.changed} = NULL"), awaited)
        both = sum(bool(one and another) for one, another in zip(seen, reached, strict=True))
        found["LOCK"] = (await count(conn, f"SELECT FROM {table.name} FOR NO KEY UPDATE"), both)
    return (f"{what} {table.name}, {bounds}: {got}, not {due}" for what, (got, due) in found.items() if got != due)


async def count_rows(owner: asyncpg.Connection, tables: list[Table]) -> dict[str, int]:
    return {table.name: await owner.fetchval(f"SELECT count(*) FROM {table.name}") for table in tables}


async def test_under_any_bounds_those_rows_are_there_that_the_page_says(
    database: Database, tables: list[Table]
) -> None:
    wrong: list[str] = []
    reasons: set[tuple[str, str, str]] = set()
    async with await db.create_pool(database.app_dsn, 1) as pool:
        for bounds in every_bounds():
            async with db.transaction(pool, bounds) as conn:
                for table in tables:
                    wrong += await faults(conn, table, bounds)
            reasons |= {
                (table, command, words) for table, command in POLICIES for words in letting(table, command, 0, bounds)
            }
    assert not wrong, "\n".join(wrong[:40])
    everything = {(table, command, words) for (table, command), cell in POLICIES.items() for words in cell}
    assert reasons == everything, "each policy has let a row through"


async def test_the_worker_forgets_what_the_page_says_and_nothing_else(database: Database, tables: list[Table]) -> None:
    """Long after everything: what it may not see it would leave without a word."""
    async with await db.create_pool(database.app_dsn, 1) as pool:
        for kind in (kind for kind in working.KINDS if kind.table in CLOSED):
            async with db.transaction(pool, Bounds(duty="forget")) as conn:
                assert await kind.forget(conn, LATER - kind.kept, 1) == 1, f"one of {kind.table}, where there are two"
        await forget(pool, working.KINDS, LATER, at_a_time=1)
    owner = await asyncpg.connect(database.owner_dsn)
    left = await count_rows(owner, tables)
    requests = await owner.fetch("SELECT request IS NULL AS forgotten FROM draft ORDER BY draft_id")
    reports = await owner.fetch("SELECT num_nulls(note, code, photo) AS forgotten FROM mismatch_report")
    await owner.close()
    assert left == {table.name: 0 if table.name in FORGOTTEN else 2 for table in tables}
    assert [row["forgotten"] for row in requests] == [True, False], "one has ended, the other waits"
    assert [row["forgotten"] for row in reports] == [3, 3]


async def test_what_cannot_be_forgotten_keeps_nothing_else(
    database: Database, tables: list[Table], capsys: pytest.CaptureFixture[str]
) -> None:
    """The first kind and another one may not be dropped: a right to the table is missing."""
    kept = {"idempotency_key", "spent_proof"}
    owner = await asyncpg.connect(database.owner_dsn)
    await owner.execute(f"REVOKE DELETE ON {', '.join(kept)} FROM khoso_app")
    async with await db.create_pool(database.app_dsn, 1) as pool:
        with pytest.raises(RuntimeError, match=r"^not forgotten: idempotency_key, spent_proof$"):
            await forget(pool, working.KINDS, LATER)
    left = await count_rows(owner, tables)
    await owner.close()
    assert left == {table.name: 0 if table.name in FORGOTTEN - kept else 2 for table in tables}
    assert capsys.readouterr().out.count("not forgotten") == len(kept)
