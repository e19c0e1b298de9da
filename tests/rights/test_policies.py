"""Row-level security as the migrations made it, against docs/database.md; and what it lets through, row by row."""

import re
from collections import defaultdict
from collections.abc import AsyncIterator

import asyncpg
import pytest

from grounds import Database
from khoso import db
from khoso.bounds import DUTIES, NOTHING, Bounds
from khoso.errors import ConfigurationError, NotPermitted
from store.documented import PAGE, read_tables

COMMANDS = ("select", "insert", "update", "delete")
TABLES = read_tables()

PURPOSES = {"false": " to lock", "(request IS NULL)": " to empty", "(note IS NULL)": " to empty"}
"""What a row may become, where that is not what it may be."""

Policies = dict[tuple[str, str], set[str]]
"""What lets through, by table and command."""


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    conn = await asyncpg.connect(database.owner_dsn)
    yield conn
    await conn.close()


def read_documented() -> Policies:
    """The second table of the page's chapter."""
    found: Policies = {}
    chapter = PAGE.read_text("utf-8").partition("## Row-level security")[2]
    for table, cells in re.findall(r"^\| `(\w+)` \|([^\n]*)\|$", chapter, re.MULTILINE):
        for command, cell in zip(COMMANDS, cells.replace("`", "").split("|"), strict=True):
            if cell.strip():
                found[table, command] = {one.strip() for one in cell.split(",")}
    return found


async def read_made(owner: asyncpg.Connection, role: str) -> Policies:
    """The policies for one role, in the words of the page."""
    rows = await owner.fetch(
        "SELECT tablename, lower(cmd) AS cmd, permissive, qual, with_check FROM pg_policies WHERE roles = $1", [role]
    )
    found: Policies = defaultdict(set)
    for row in rows:
        assert row["permissive"] == "PERMISSIVE"
        for command in COMMANDS if row["cmd"] == "all" else (row["cmd"],):
            expression = row["with_check"] if command == "insert" else row["qual"]
            purpose = "" if row["with_check"] in (None, expression) else PURPOSES[row["with_check"]]
            found[row["tablename"], command] |= {words + purpose for words in say(expression).split(", ")}
    return found


def say(expression: str) -> str:
    """A policy's condition in the words of the page; what is none of the usual ones stays as it is."""
    text = re.sub(r"\s+", " ", expression)
    for pattern, words in (
        (r"\(vault_id = \(NULLIF\(current_setting\('khoso\.vault'::text, true\), ''::text\)\)::uuid\)", "vault"),
        (
            r"\((?:agency_code|reporter_agency|issuer) = ANY "
            r"\(string_to_array\(current_setting\('khoso\.agencies'::text, true\), ' '::text\)\)\)",
            "agencies",
        ),
        (r"\(EXISTS \( SELECT FROM (\w+) WHERE \(\1\.(\w+) = \w+\.\2\)\)\)", r"its \1"),
        (r"\(current_setting\('khoso\.duty'::text, true\) = '(\w+)'::text\)", r"\1"),
        (r"\(current_setting\('khoso\.duty'::text, true\) = ANY \(ARRAY\[([^]]*)\]\)\)", r"\1"),
        (r"'(\w+)'::text", r"\1"),
        (r"\(state = scheduled\)", "scheduled"),
        (r"\(finished_at IS NULL\)", "unfinished"),
        (r"\(ended_at IS NOT NULL\)", "ended"),
        (r"^\((.*) AND (.*)\)$", r"\1 + \2"),
        (r"^true$", "everybody"),
    ):
        text = re.sub(pattern, words, text)
    return text


async def test_the_policies_are_those_of_the_page(owner: asyncpg.Connection) -> None:
    assert await read_made(owner, "khoso_app") == read_documented()


def test_the_duties_are_those_of_the_page() -> None:
    chapter = PAGE.read_text("utf-8").partition("| Duty |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| (\w+) \|", chapter, re.MULTILINE)) == DUTIES


def test_every_duty_may_touch_something() -> None:
    named = {
        word for words in read_documented().values() for one in words for word in one.partition(" to ")[0].split(" + ")
    }
    assert named >= DUTIES


async def test_whatever_is_of_a_vault_or_an_agency_is_closed_to_the_owner_too(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch(
        """
        SELECT relname, relrowsecurity AND relforcerowsecurity AS closed,
               EXISTS (SELECT FROM pg_attribute
                        WHERE attrelid = pg_class.oid AND attname IN ('vault_id', 'agency_code')) AS somebodys
          FROM pg_class
         WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
        """
    )
    open_to_all = {row["relname"] for row in rows if not row["closed"]}
    somebodys = {row["relname"] for row in rows if row["somebodys"]}
    assert {name for name in somebodys & open_to_all if TABLES[name].kind != "reference"} == set()
    assert {table for table, _ in read_documented()} == TABLES.keys() - open_to_all
    told = PAGE.read_text("utf-8").partition("tables have no policies:")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(\w+)`", told)) == open_to_all, "each with its reason"
    migrating = await read_made(owner, "khoso_owner")
    assert migrating == {
        (table, command): {"everybody"} for table in TABLES.keys() - open_to_all for command in COMMANDS
    }


async def test_no_policy_looks_into_what_may_lie_on_another_machine(owner: asyncpg.Connection) -> None:
    for (table, _), words in (await read_made(owner, "khoso_app")).items():
        for parent in re.findall(r"its (\w+)", ", ".join(words)):
            assert {TABLES[table].kind, TABLES[parent].kind} == {"local"}, table


async def test_every_right_to_a_table_has_rows_or_is_documented_as_none(owner: asyncpg.Connection) -> None:
    """A grant that no policy lets use is an access that nobody has yet: these, and no other."""
    granted = {
        (table.name, right.partition(" ")[0])
        for table in TABLES.values()
        for right in table.rights
        if any(table.name == name for name, _ in read_documented())
    }
    assert granted - read_documented().keys() == {
        ("outbox", "select"),
        ("outbox", "update"),
        ("import_error", "delete"),
        ("import_result", "delete"),
    }


async def test_with_an_open_table_the_application_does_not_start(owner: asyncpg.Connection, database: Database) -> None:
    await owner.execute("ALTER TABLE scan NO FORCE ROW LEVEL SECURITY")
    async with await db.create_pool(database.app_dsn, 1) as pool, db.transaction(pool) as conn:
        with pytest.raises(ConfigurationError):
            await db.check_schema(conn)


@pytest.mark.parametrize(
    "bounds",
    [
        Bounds(agencies=("H17'; SET ROLE khoso_owner; --",)),
        Bounds(agencies=("H17.05.12", "")),
        Bounds(agencies=("H17.05.12 H17.05.13",)),
        Bounds(agencies=("H17\n",)),
        Bounds(agencies=("h17",)),
        Bounds(agencies=("H" * 36,)),
        Bounds(duty="issue'; RESET ALL; --"),  # type: ignore[arg-type]
        Bounds(duty="migrate"),  # type: ignore[arg-type]
        Bounds(vault_id="' OR true OR '"),  # type: ignore[arg-type]
    ],
)
async def test_what_cannot_be_bounds_is_refused_before_anything_is_asked(database: Database, bounds: Bounds) -> None:
    async with await db.create_pool(database.app_dsn, 1) as pool:
        with pytest.raises(NotPermitted):
            async with db.transaction(pool, bounds):
                pytest.fail("it got in")


async def test_bounds_end_with_their_transaction(database: Database, owner: asyncpg.Connection) -> None:
    """On the very same connection, also after an error, and for whoever comes without one."""
    await owner.execute("INSERT INTO status_list VALUES (0, '', 0, 0)")

    async def count(bounds: Bounds = NOTHING) -> int:
        async with db.transaction(pool, bounds) as conn:
            found: int = await conn.fetchval("SELECT count(*) FROM status_list")
            return found

    async with await db.create_pool(database.app_dsn, 1) as pool:
        assert [await count(), await count(Bounds(duty="follow")), await count()] == [0, 1, 0]
        with pytest.raises(asyncpg.DivisionByZeroError):
            await _fail(pool)
        assert await count(Bounds(duty="verify")) == 0
        async with db.transaction(pool) as conn:
            assert await conn.fetchval("SELECT count(*) FROM status_list") == 0


async def _fail(pool: db.Pool) -> None:
    async with db.transaction(pool, Bounds(duty="follow")) as conn:
        await conn.execute("SELECT 1 / 0")
