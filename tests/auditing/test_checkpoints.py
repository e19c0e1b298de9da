"""Checkpoints: signed only over sound chains, by one key, numbered without gaps."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from auditing.conftest import ROWS, Auditor, write
from grounds import Clock
from khoso.auditing import service
from khoso.db import Pool
from khoso.errors import AuditNotSound
from khoso.formats import audit_chain


async def test_a_checkpoint_says_where_all_chains_end(auditor: Auditor) -> None:
    said = audit_chain.read_checkpoint(await auditor.sign(), [auditor.key.public_key()])
    assert (said.number, audit_chain.instant(said.at)) == (1, auditor.clock())
    assert [(head.chain, head.length) for head in said.heads] == [(0, ROWS), (1, ROWS), *((n, 0) for n in range(2, 8))]
    report = await auditor.check(auditor.log)
    assert (report.sound, report.checkpoints, report.rows_since_checkpoint) == (True, 2, 0)


async def test_without_a_checkpoint_no_row_is_covered(auditor: Auditor) -> None:
    assert (await auditor.check()).rows_since_checkpoint == 2 * ROWS


async def test_the_next_one_is_made_when_something_was_written(auditor: Auditor) -> None:
    first = await auditor.sign()
    auditor.clock.forward(timedelta(hours=1))
    assert await auditor.sign() == first
    await write(auditor.pool, auditor.clock, 1, 3)
    assert (await auditor.check()).rows_since_checkpoint == 3
    assert audit_chain.read_checkpoint(await auditor.sign(), [auditor.key.public_key()]).number == 2
    report = await auditor.check([first])
    assert (report.sound, report.checkpoints, report.rows_since_checkpoint) == (True, 3, 0)


async def test_several_at_once_are_one(auditor: Auditor) -> None:
    assert len(set(await asyncio.gather(*(auditor.sign() for _ in range(8))))) == 1
    assert (await auditor.check()).checkpoints == 1


async def test_an_audit_without_rows_has_a_checkpoint_too(pool: Pool, clock: Clock) -> None:
    auditor = Auditor(pool, clock)
    await auditor.sign()
    assert (await auditor.check(auditor.log)).sound


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE audit SET hash = sha256('') WHERE chain = 0 AND sequence = 20",
        "UPDATE audit_head SET hash = sha256('') WHERE chain = 1",
        "DELETE FROM audit WHERE chain = 1 AND sequence = 20",
        "UPDATE audit_head SET length = 0, hash = decode(repeat('00', 32), 'hex') WHERE chain = 1",
        "DELETE FROM audit_head WHERE chain = 7",
    ],
)
async def test_nothing_is_signed_over_an_end_that_does_not_hold(
    auditor: Auditor, owner: asyncpg.Connection, attack: str
) -> None:
    await auditor.sign()
    await write(auditor.pool, auditor.clock, 1, 1)
    await owner.execute(attack)
    with pytest.raises(AuditNotSound):
        await auditor.sign()
    assert (await auditor.check()).checkpoints == 1


async def test_a_missing_checkpoint_is_named(auditor: Auditor, owner: asyncpg.Connection) -> None:
    for _ in range(4):
        await write(auditor.pool, auditor.clock, 1, 1)
        await auditor.sign()
    await owner.execute("DELETE FROM audit_checkpoint WHERE number IN (2, 4)")
    assert await blamed(auditor) == [("checkpoint_missing", 2)]
    assert await blamed(auditor, auditor.log) == [("checkpoint_missing", 2), ("checkpoint_missing", 4)]
    await owner.execute("UPDATE audit_checkpoint SET number = 2 WHERE number = 3")
    assert await blamed(auditor) == [("checkpoint_missing", 2), ("checkpoint_missing", 3)], "one in place of another"


async def test_what_another_key_signed_counts_for_nothing(auditor: Auditor, owner: asyncpg.Connection) -> None:
    await auditor.sign()
    stranger = Auditor(auditor.pool, auditor.clock)
    assert await blamed(stranger) == [("checkpoint_not_ours", 1)]
    await owner.execute("UPDATE audit_checkpoint SET signed = overlay(signed PLACING 'xx' FROM 30)")
    assert await blamed(auditor) == [("checkpoint_not_ours", 1)]
    await owner.execute("UPDATE audit_checkpoint SET signed = 'nothing'")
    assert await blamed(auditor) == [("checkpoint_not_ours", 1)]


async def test_a_new_key_begins_anew_and_the_old_one_still_checks(auditor: Auditor) -> None:
    await auditor.sign()
    await write(auditor.pool, auditor.clock, 1, 1)
    successor = Auditor(auditor.pool, auditor.clock)
    await successor.sign()
    keys = [auditor.key.public_key(), successor.key.public_key()]
    report = await service.check(auditor.pool, keys, [], begin=auditor.read.append, advance=auditor.read.append)
    assert (report.sound, report.checkpoints) == (True, 2)


async def test_two_checkpoints_that_contradict_each_other_are_a_fault(auditor: Auditor) -> None:
    """Whichever of them the rows agree with."""
    await auditor.sign()
    heads = (audit_chain.Head(0, ROWS, bytes(32)),)
    other = audit_chain.sign_checkpoint(audit_chain.Checkpoint(1, 0, heads), auditor.key)
    assert await auditor.found([other]) == [("checkpoint_contradicts", 0, ROWS)]


async def blamed(auditor: Auditor, outside: list[str] | None = None) -> list[tuple[str, int | None]]:
    return [(fault.kind, fault.checkpoint) for fault in (await auditor.check(outside)).faults]
