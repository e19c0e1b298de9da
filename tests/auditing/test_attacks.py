"""Whoever owns the database can change anything in it. The check names the first row that was touched, and how."""

import asyncpg
import pytest

from auditing.conftest import ROWS, Auditor
from khoso.formats.audit_chain import GENESIS, link, microseconds

FREELY = "ALTER TABLE audit DROP CONSTRAINT audit_pkey; "
"""So that rows can be renumbered in one statement."""

CHANGES = {
    "at": "at + interval '1 microsecond'",
    "actor": "'người khác'",
    "act": "'revoke'",
    "subject": "subject || ' '",
    "hash": "sha256('')",
}


@pytest.mark.parametrize("sequence", [1, 2, 12, 13, ROWS])
@pytest.mark.parametrize("column", CHANGES)
async def test_a_changed_row_is_named(auditor: Auditor, owner: asyncpg.Connection, column: str, sequence: int) -> None:
    await owner.execute(f"UPDATE audit SET {column} = {CHANGES[column]} WHERE chain = 0 AND sequence = $1", sequence)
    assert await auditor.found() == [("changed", 0, sequence)]


@pytest.mark.parametrize("change", ["at = 'infinity'", "at = '4713-01-01 BC'", "actor = NULL", "hash = NULL"])
async def test_what_no_program_can_have_written_is_a_changed_row_too(
    auditor: Auditor, owner: asyncpg.Connection, change: str
) -> None:
    await owner.execute("ALTER TABLE audit ALTER actor DROP NOT NULL, ALTER hash DROP NOT NULL")
    await owner.execute(f"UPDATE audit SET {change} WHERE chain = 1 AND sequence = 7")
    assert await auditor.found() == [("changed", 1, 7)]


async def test_text_moved_from_one_column_to_the_next_is_a_change(auditor: Auditor, owner: asyncpg.Connection) -> None:
    await owner.execute(
        "UPDATE audit SET act = act || left(subject, 1), subject = substr(subject, 2) WHERE sequence = 3"
    )
    assert await auditor.found() == [("changed", 0, 3), ("changed", 1, 3)]


@pytest.mark.parametrize(
    ("attack", "found"),
    [
        ("DELETE FROM audit WHERE chain = 0 AND sequence = 1", ("deleted", 0, 1)),
        ("DELETE FROM audit WHERE chain = 0 AND sequence BETWEEN 9 AND 11", ("deleted", 0, 9)),
        ("DELETE FROM audit WHERE chain = 0 AND sequence = 20", ("truncated", 0, 20)),
        ("DELETE FROM audit WHERE chain = 0", ("truncated", 0, 1)),
        (
            "DELETE FROM audit WHERE chain = 0 AND sequence IN (5, 6); UPDATE audit SET sequence = sequence - 2"
            " WHERE chain = 0 AND sequence > 6; UPDATE audit_head SET length = 18 WHERE chain = 0",
            ("deleted", 0, 5),
        ),
        (
            "UPDATE audit SET sequence = sequence + 1 WHERE chain = 0 AND sequence >= 5; INSERT INTO audit"
            " VALUES (0, 5, now(), 'x', 'issue', 'y', sha256('z')); UPDATE audit_head SET length = 21 WHERE chain = 0",
            ("inserted", 0, 5),
        ),
        ("INSERT INTO audit VALUES (0, 21, now(), 'x', 'issue', 'y', sha256('z'))", ("inserted", 0, 21)),
        ("INSERT INTO audit VALUES (0, 0, now(), 'x', 'issue', 'y', sha256('z'))", ("inserted", 0, 0)),
        ("INSERT INTO audit VALUES (5, 9, now(), 'x', 'issue', 'y', sha256('z'))", ("inserted", 5, 9)),
        ("INSERT INTO audit SELECT * FROM audit WHERE chain = 0 AND sequence = 9", ("inserted", 0, 9)),
        ("UPDATE audit_head SET length = 21 WHERE chain = 0", ("truncated", 0, 21)),
        ("UPDATE audit_head SET hash = sha256('') WHERE chain = 0", ("head_changed", 0, 20)),
        ("UPDATE audit_head SET length = 19 WHERE chain = 0", ("head_changed", 0, 19)),
        (
            "UPDATE audit_head SET length = 19, hash = (SELECT hash FROM audit WHERE chain = 0 AND sequence = 19)"
            " WHERE chain = 0",
            ("inserted", 0, 20),
        ),
        ("DELETE FROM audit_head WHERE chain = 0", ("head_changed", 0, 20)),
    ],
)
async def test_what_was_done_to_a_chain_is_named(
    auditor: Auditor, owner: asyncpg.Connection, attack: str, found: tuple[str, int, int]
) -> None:
    await owner.execute(FREELY + attack)
    assert await auditor.found() == [found]


@pytest.mark.parametrize(("one", "other"), [(4, 5), (12, 13), (3, 17), (1, 20), (19, 20)])
@pytest.mark.parametrize("columns", ["at, actor, act, subject, hash", "at, actor, act, subject"])
async def test_two_rows_that_changed_places_are_named(
    auditor: Auditor, owner: asyncpg.Connection, one: int, other: int, columns: str
) -> None:
    """With their hashes, or leaving them where they were."""
    await owner.execute(
        f"""
        UPDATE audit SET ({columns}) = (SELECT {columns} FROM audit AS other
                                         WHERE chain = 0 AND other.sequence = {one} + {other} - audit.sequence)
         WHERE chain = 0 AND sequence IN ({one}, {other})
        """
    )
    assert await auditor.found() == [("reordered", 0, one)]


async def test_each_chain_has_its_own_first_fault(auditor: Auditor, owner: asyncpg.Connection) -> None:
    await owner.execute("UPDATE audit SET actor = '' WHERE (chain, sequence) IN ((0, 8), (0, 3), (1, 5))")
    assert await auditor.found() == [("changed", 0, 3), ("changed", 1, 5)]


async def test_a_row_of_another_chain_is_a_stranger(auditor: Auditor, owner: asyncpg.Connection) -> None:
    """Even where the chains agree in everything but their number."""
    await owner.execute(FREELY + "UPDATE audit SET chain = 1 - chain; UPDATE audit_head SET chain = chain")
    assert await auditor.found() == [("changed", 0, 1), ("changed", 1, 1)]


async def test_a_tail_cut_off_with_its_head_is_told_by_a_checkpoint(
    auditor: Auditor, owner: asyncpg.Connection
) -> None:
    await auditor.sign()
    await owner.execute("DELETE FROM audit WHERE chain = 0 AND sequence > 15")
    await fix_head(owner, 0)
    assert await auditor.found() == [("truncated", 0, 16)]
    await owner.execute("TRUNCATE audit_checkpoint")
    assert await auditor.found() == []
    assert await auditor.found(auditor.log) == [("checkpoint_missing", None, None), ("truncated", 0, 16)]


async def test_a_chain_written_anew_is_told_by_a_checkpoint(auditor: Auditor, owner: asyncpg.Connection) -> None:
    """Every hash fits; only a signature from before knows better."""
    await auditor.sign()
    await rebuild(owner, 0, leaving_out=9)
    assert await auditor.found() == [("truncated", 0, 20)]
    await rebuild(owner, 1, subject="H17-1-KQ1")
    assert await auditor.found() == [("truncated", 0, 20), ("checkpoint_contradicts", 1, 20)]


async def test_what_was_written_since_the_checkpoint_hides_nothing(auditor: Auditor, owner: asyncpg.Connection) -> None:
    await auditor.sign()
    await rebuild(owner, 0, subject="H17-1-KQ1", more=5)
    assert await auditor.found() == [("checkpoint_contradicts", 0, 20)]


async def fix_head(owner: asyncpg.Connection, chain: int) -> None:
    await owner.execute(
        """
        UPDATE audit_head SET (length, hash) = (SELECT sequence, hash FROM audit WHERE chain = $1
                                                 ORDER BY sequence DESC LIMIT 1)
         WHERE chain = $1
        """,
        chain,
    )


async def rebuild(
    owner: asyncpg.Connection, chain: int, *, leaving_out: int = 0, subject: str | None = None, more: int = 0
) -> None:
    """The chain as a careful forger writes it: other rows, right hashes, right head."""
    rows = await owner.fetch(
        "SELECT * FROM audit WHERE chain = $1 AND sequence <> $2 ORDER BY sequence", chain, leaving_out
    )
    rows += rows[:more]
    await owner.execute("DELETE FROM audit WHERE chain = $1", chain)
    last = GENESIS
    for sequence, row in enumerate(rows, 1):
        told = (row["actor"], row["act"], subject or row["subject"])
        last = link(last, chain, sequence, microseconds(row["at"]), *told)
        values = (chain, sequence, row["at"], *told, last)
        await owner.execute("INSERT INTO audit VALUES ($1, $2, $3, $4, $5, $6, $7)", *values)
    await fix_head(owner, chain)
