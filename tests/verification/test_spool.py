"""What could not be written is kept in files, whole or not at all, and delivered once, whoever comes first."""

import errno
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from grounds import Clock
from khoso import db
from khoso.bounds import Bounds
from khoso.db import Connection, Pool
from khoso.errors import Unavailable
from khoso.verification import spool as spooling
from khoso.verification import store
from khoso.verification.counting import ScanCounts
from khoso.verification.keeping import MAX_AGE, RECEIPTS_KEPT, ScanKeeper
from khoso.verification.spool import Batch, DamagedBatch, Spool, SpoolFull
from khoso.verification.store import CountedScan, SpooledScan
from khoso.wiring import Services
from verification.test_fingerprints import issue

PLAIN = SpooledScan(UUID(int=1), 0, 3, b"\x07" * 32, Clock()(), "inspector-1", "H17.05.12", "in_force", "checks")


class Told(Counter[str]):
    """What a keeper told."""

    def __call__(self, fate: str, scans: int) -> None:
        self[fate] += scans


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    directory = tmp_path / "own spool"
    directory.mkdir()
    spool = Spool(directory)
    yield spool
    spool.close()


@pytest.fixture
def keeper(services: Services, spool: Spool, clock: Clock, told: Told) -> ScanKeeper:
    return ScanKeeper(services.pool, spool, clock, told)


def batch(clock: Clock, *scans: SpooledScan) -> Batch:
    return Batch(uuid4(), clock(), scans=scans or (PLAIN,))


def die(spool: Spool) -> None:
    """What the kernel does for a killed process."""
    assert spool._lock is not None
    os.close(spool._lock)
    spool._tray = spool._lock = None


async def scan_of(services: Services, serial: int = 1, **changes: Any) -> SpooledScan:
    _, ref, signed_hash = await issue(services, serial)
    given = {"list_id": ref.list_id, "status_index": ref.status_index, "signed_hash": signed_hash} | changes
    return SpooledScan(
        **({name: getattr(PLAIN, name) for name in PLAIN.__struct_fields__} | {"scan_id": uuid4()} | given)
    )


async def logged(services: Services) -> list[UUID]:
    """The scans in the holders' logs."""
    async with db.transaction(services.pool, Bounds(duty="issue")) as conn:
        holders = [row["vault_id"] for row in await conn.fetch("SELECT vault_id FROM holder")]
    scans: list[UUID] = []
    for vault_id in holders:
        async with db.transaction(services.pool, Bounds(vault_id=vault_id)) as conn:
            found = await conn.fetch("SELECT scan_id FROM scan ORDER BY scanned_at, scan_id")
            scans += [row["scan_id"] for row in found]
    return scans


async def counted(services: Services) -> int | None:
    async with services.pool.acquire() as conn:
        found: int | None = await conn.fetchval("SELECT sum(scans)::int FROM scan_count")
        return found


def test_a_batch_is_read_as_it_was_written_by_this_account_alone(spool: Spool, clock: Clock) -> None:
    kept = batch(clock)
    spool.write(kept)
    [path] = spool.list_own_scans()
    assert spooling.read(path) == kept
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_spool_has_an_end_and_goes_on_when_there_is_room_again(tmp_path: Path, clock: Clock) -> None:
    spool = Spool(tmp_path, max_bytes=8_192)
    first = batch(clock)
    spool.write(first)
    spool.write(first)
    spool.write(batch(clock))
    with pytest.raises(SpoolFull):
        spool.write(batch(clock))
    spool.drop(spool.list_own_scans()[0])
    spool.write(batch(clock))
    assert len(spool.list_own_scans()) == 2
    die(spool)
    with pytest.raises(SpoolFull):
        Spool(tmp_path, max_bytes=8_192).write(batch(clock))


def test_a_tray_that_is_empty_goes_with_its_process(spool: Spool, clock: Clock) -> None:
    spool.write(batch(clock))
    [path] = spool.list_own_scans()
    spool.drop(path)
    (path.parent / "unfinished.part").touch()
    spool.close()
    assert not path.parent.exists()


@pytest.mark.parametrize("content", [b"", b"\n", b"\x00" * 300, b"0" * 64 + b"\n{}"])
def test_a_file_with_something_else_is_no_batch(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DamagedBatch):
        spooling.read(tmp_path / "x")
    (tmp_path / "y").write_bytes(spooling._digest(content) + b"\n" + content)
    with pytest.raises(DamagedBatch):
        spooling.read(tmp_path / "y")


async def test_a_scan_is_in_the_holders_log_once_however_often_it_is_handed_over(
    services: Services, keeper: ScanKeeper, spool: Spool, told: Told
) -> None:
    scan = await scan_of(services)
    await keeper.keep(scan)
    [path] = spool.list_own_scans()
    content = path.read_bytes()
    for _ in range(3):
        await keeper.deliver()
        assert not path.exists()
        path.write_bytes(content)
    path.unlink()
    await keeper.keep(scan)  # in another batch: the record had it already, and nobody had heard
    await keeper.deliver()
    assert await logged(services) == [scan.scan_id]
    assert told == {"spooled": 2, "delivered": 4}


async def test_only_what_was_recorded_has_a_holder(services: Services, keeper: ScanKeeper, told: Told) -> None:
    scan = await scan_of(services)
    await keeper.keep(await scan_of(services, 2, signed_hash=b"\x00" * 32))
    await keeper.keep(PLAIN)
    await keeper.keep(scan)
    await keeper.deliver()
    assert await logged(services) == [scan.scan_id]
    assert told == {"spooled": 3, "delivered": 3}


async def test_what_the_dead_left_is_delivered_and_what_the_living_hold_is_not(
    services: Services, keeper: ScanKeeper, spool: Spool, clock: Clock, told: Told
) -> None:
    scan = await scan_of(services)
    other = Spool(spool._directory)
    other.write(batch(clock, scan))
    other.write(Batch(uuid4(), clock(), counts=((CountedScan(clock(), "", "malformed", "x"), 5),)))
    await keeper.deliver()
    assert await logged(services) == []
    die(other)
    await keeper.deliver()
    assert await logged(services) == [scan.scan_id]
    assert await counted(services) == 5
    assert list(spool._directory.iterdir()) == []


async def test_damaged_and_too_old_batches_are_set_aside_and_hold_up_nothing(
    services: Services, keeper: ScanKeeper, spool: Spool, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    scan = await scan_of(services)
    spool.write(batch(clock))
    [damaged] = spool.list_own_scans()
    damaged.write_bytes(damaged.read_bytes()[:-9])
    spool.write(batch(clock, await scan_of(services, 2, inspector="in\x00spector")))
    clock.forward(MAX_AGE + timedelta(seconds=1))
    spool.write(batch(clock, await scan_of(services, 3, inspector="in\x00spector")))
    spool.write(batch(clock, scan))
    await keeper.deliver()
    assert await logged(services) == [scan.scan_id]
    assert len(list((spool._directory / "damaged").iterdir())) == 3
    assert capsys.readouterr().out.count("batch set aside") == 3
    await keeper.deliver()
    assert capsys.readouterr().out == ""


async def test_what_was_set_aside_is_counted_and_delivered_when_somebody_hands_it_over_again(
    services: Services, keeper: ScanKeeper, spool: Spool, told: Told, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = await scan_of(services)
    spool.write(batch(clock, scan))
    with monkeypatch.context() as broken:
        broken.setattr(store, "insert_spooled_scans", None)
        await keeper.deliver()
    assert (spool.count_set_aside(), told) == (1, {})
    again = spool._directory / "again"
    again.mkdir(mode=0o700)
    for file in (spool._directory / "damaged").iterdir():
        file.rename(again / file.name)
    await keeper.deliver()
    assert await logged(services) == [scan.scan_id]
    assert (spool.count_set_aside(), told, again.exists()) == (0, {"delivered": 1}, False)


async def test_while_the_database_is_still_away_a_batch_waits_where_it_is(
    services: Services, keeper: ScanKeeper, spool: Spool, told: Told, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = batch(clock, await scan_of(services))
    spool.write(kept)

    @asynccontextmanager
    async def away(pool: Pool, bounds: Bounds) -> AsyncIterator[Connection]:
        raise Unavailable("away")
        yield

    with monkeypatch.context() as outage:
        outage.setattr(db, "transaction", away)
        with pytest.raises(Unavailable):
            await keeper.deliver()
    assert told["delivered"] == 0
    await keeper.deliver()
    assert told["delivered"] == 1


async def test_what_finds_no_room_is_counted_with_an_alarm(
    services: Services, tmp_path: Path, clock: Clock, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    spool = Spool(tmp_path, max_bytes=4_096)
    keeper = ScanKeeper(services.pool, spool, clock, told)
    for _ in range(3):
        await keeper.keep(PLAIN)
    keeper._coalescer._max_waiting = 0
    await keeper.keep(PLAIN)
    assert told == {"spooled": 1, "lost": 3}
    assert capsys.readouterr().out.count("scans of inspectors are being lost") == 1
    spool.close()


async def test_a_receipt_is_kept_longer_than_its_batch_may_be_handed_over(services: Services, clock: Clock) -> None:
    async with services.pool.acquire() as conn:
        ids = [uuid4(), uuid4()]
        assert await store.insert_receipt(conn, ids[0], clock() - RECEIPTS_KEPT - timedelta(seconds=1))
        assert await store.insert_receipt(conn, ids[1], clock() - MAX_AGE)
        await store.forget_receipts(conn, clock() - RECEIPTS_KEPT, 10)
        assert [await store.insert_receipt(conn, one, clock()) for one in ids] == [True, False]


# ---------------------------------------------------------------- counts


@pytest.fixture
def counts(services: Services, spool: Spool, clock: Clock) -> ScanCounts:
    return ScanCounts(services.pool, spool, clock, lambda _outcome, _scans: None)


def count(counts: ScanCounts, clock: Clock, times: int) -> None:
    for _ in range(times):
        counts.add(CountedScan(clock(), "", "malformed", "x"))


async def away(_conn: Connection, _counts: object) -> None:
    raise Unavailable("away")


async def test_counts_of_an_outage_are_written_when_it_ends(
    services: Services, counts: ScanCounts, spool: Spool, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as outage:
        outage.setattr(store, "add_counts", away)
        for times in (1, 2, 4):
            count(counts, clock, times)
            await counts._try_to_flush()
        await counts._try_to_flush()
    assert spool._tray is not None
    left = [spooling.read(path) for path in spooling.list_batches(spool._tray)]
    assert sum(times for batch in left for _, times in batch.counts) == 7
    await counts._try_to_flush()
    assert await counted(services) == 7
    assert spooling.list_batches(spool._tray) == []
    count(counts, clock, 1)
    await counts._try_to_flush()
    assert await counted(services) == 8


async def test_counts_of_a_process_that_died_in_an_outage_are_written_by_another(
    services: Services, counts: ScanCounts, spool: Spool, clock: Clock, monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    with monkeypatch.context() as outage:
        outage.setattr(store, "add_counts", away)
        for _ in range(3):
            count(counts, clock, 3)
            await counts._try_to_flush()
    directory = spool._directory
    die(spool)
    other = Spool(directory)
    for _ in range(2):
        await ScanKeeper(services.pool, other, clock, told).deliver()
    assert await counted(services) == 9


async def test_counts_whose_commit_nobody_heard_of_are_counted_once(
    services: Services, counts: ScanCounts, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    transaction = db.transaction

    @asynccontextmanager
    async def unheard(pool: Pool) -> AsyncIterator[Connection]:
        async with transaction(pool) as conn:
            yield conn
        raise Unavailable("the connection was lost")

    for _ in range(2):
        count(counts, clock, 3)
        with monkeypatch.context() as patch:
            patch.setattr(db, "transaction", unheard)
            await counts._try_to_flush()
        await counts._try_to_flush()
    assert await counted(services) == 6


async def test_counts_that_find_no_room_wait_in_memory(
    services: Services,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(_: Batch) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    spool = Spool(tmp_path)
    counts = ScanCounts(services.pool, spool, clock, lambda _outcome, _scans: None)
    with monkeypatch.context() as outage:
        outage.setattr(store, "add_counts", away)
        outage.setattr(spool, "write", refuse)
        for _ in range(3):
            count(counts, clock, 1)
            await counts._try_to_flush()
    assert capsys.readouterr().out.count("counts are in memory only") == 1
    await counts.flush()
    assert await counted(services) == 3
