"""What is remembered of a paper's content lies in files that others may damage; and the database may go back."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import msgspec
import pytest

from desk import AGENCY
from grounds import Clock, Database
from khoso import db
from khoso.bounds import Bounds
from khoso.config import Config
from khoso.errors import ConfigurationError
from khoso.formats import cose, link
from khoso.formats.claims import StatusRef, decode
from khoso.formats.status_list import SIZE
from khoso.formats.verdict import Outcome
from khoso.issuance.model import IssueRequest
from khoso.verification.fingerprints import Fingerprints
from khoso.verification.statuses import StatusSnapshot
from khoso.wiring import STATUSES, Services, open_services
from samples import house_permit

CONTENT, OTHER = b"\x01" * 32, b"\x02" * 32


@pytest.fixture
def files(config: Config) -> Path:
    return config.data_dir / STATUSES


@pytest.fixture
def snapshot(services: Services, clock: Clock, files: Path) -> Iterator[StatusSnapshot]:
    """What another worker of this machine remembers."""
    snapshot = StatusSnapshot(services.pool, clock, files)
    yield snapshot
    snapshot.close()


async def issue(services: Services, serial: int = 1) -> tuple[str, StatusRef, bytes]:
    """The code of a new paper, its index and its hash."""
    request = msgspec.convert(house_permit(serial), IssueRequest)
    issued = await services.issuer.issue(request, AGENCY, "clerk", f"key-{serial}")
    parts = cose.parse(link.parse(issued.code, "https://kho.danang.gov.vn"))
    async with db.transaction(services.pool, Bounds(duty="follow")) as conn:
        ref = decode(parts.unverified_payload).status
        hashed = await conn.fetchval("SELECT signed_hash FROM status_entry WHERE status_index = $1", ref.status_index)
    return issued.code, ref, hashed


def the_file(files: Path) -> Path:
    [path] = files.iterdir()
    return path


def test_what_one_worker_writes_another_one_holds(tmp_path: Path) -> None:
    one, other = Fingerprints(tmp_path, 0, "life"), Fingerprints(tmp_path, 0, "life")
    stranger = Fingerprints(tmp_path, 0, "another-life")
    one.write(SIZE - 1, CONTENT)
    assert other.holds(SIZE - 1, CONTENT)
    assert not other.holds(SIZE - 1, OTHER)
    assert not other.holds(0, CONTENT)
    assert not other.holds(SIZE, CONTENT)
    assert not stranger.holds(SIZE - 1, CONTENT)
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600, 0o600]
    for fingerprints in (one, other, stranger):
        fingerprints.close()


def test_what_stands_there_already_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = Fingerprints(tmp_path, 0, "life"), Fingerprints(tmp_path, 0, "life")
    one.write(7, CONTENT)
    monkeypatch.setattr(os, "pwrite", refuse)
    other.write(7, CONTENT)
    with pytest.raises(OSError, match="No space"):
        other.write(7, OTHER)
    for fingerprints in (one, other):
        fingerprints.close()


@pytest.mark.parametrize("damage", [b"", b"\xff" * 100, os.urandom(SIZE * 8), bytes(SIZE * 9)])
async def test_a_file_found_damaged_is_repaired_from_the_database(
    damage: bytes, services: Services, clock: Clock, files: Path
) -> None:
    _, ref, signed_hash = await issue(services)
    await services.statuses.refresh()
    good = the_file(files).read_bytes()
    services.statuses.close()
    the_file(files).write_bytes(damage)
    again = StatusSnapshot(services.pool, clock, files)
    await again.refresh()
    assert again.is_recorded(ref, signed_hash)
    assert the_file(files).read_bytes() == good
    again.close()


async def test_a_file_damaged_meanwhile_sends_the_scan_to_the_record_which_repairs_it(
    services: Services, files: Path
) -> None:
    code, ref, signed_hash = await issue(services)
    await services.statuses.refresh()
    for damage in (bytes(8), b"\xff" * 8):
        with the_file(files).open("r+b") as file:
            file.seek(ref.status_index * 8)
            file.write(damage)
        assert not services.statuses.is_recorded(ref, signed_hash)
        checked = await services.verifier.verify_code(code, None)
        assert checked.verdict.outcome is Outcome.IN_FORCE
        assert services.statuses.is_recorded(ref, signed_hash)


def refuse(*_: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def write_short(*_: object) -> int:
    return 7


@pytest.mark.parametrize("pwrite", [refuse, write_short])
async def test_a_full_disk_costs_queries_and_heals(
    pwrite: Callable[..., int], services: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, old, old_hash = await issue(services)
    await services.statuses.refresh()
    code, ref, signed_hash = await issue(services, 2)
    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", pwrite)
        for _ in range(3):
            await services.statuses.refresh()
            assert (await services.verifier.verify_code(code, None)).verdict.outcome is Outcome.IN_FORCE
            assert not services.statuses.is_recorded(ref, signed_hash)
            assert not services.statuses.is_recorded(old, old_hash), "the list as a whole is in doubt"
    assert capsys.readouterr().out.count("fingerprints not written") == 1
    await services.statuses.refresh()
    assert services.statuses.is_recorded(ref, signed_hash)
    assert services.statuses.is_recorded(old, old_hash)


async def test_lists_without_their_files_are_followed_all_the_same(
    services: Services, clock: Clock, city: Database, tmp_path: Path
) -> None:
    """Two lists, of which one is tried again at a time."""
    owner = await asyncpg.connect(city.owner_dsn)
    await owner.execute("INSERT INTO status_list VALUES (7, 'secret', 131072, 0)")
    await owner.close()
    snapshot = StatusSnapshot(services.pool, clock, tmp_path / "nowhere")
    for serial in (1, 2, 3, 4):
        _, ref, signed_hash = await issue(services, serial)
        await snapshot.refresh()
        snapshot.remember(ref, signed_hash)
        answer = snapshot.find_status(ref)
        assert answer is not None
        assert answer.value == 0
        assert not snapshot.is_recorded(ref, signed_hash)


@pytest.mark.parametrize("left_out", [-1, 1], ids=["a full list", "a list with gaps"])
async def test_a_whole_list_is_remembered_as_its_rows_say(
    left_out: int, snapshot: StatusSnapshot, city: Database
) -> None:
    owner = await asyncpg.connect(city.owner_dsn)
    await owner.execute("INSERT INTO status_list VALUES (7, 'secret', 131072, 1)")
    await owner.execute(
        """
        INSERT INTO status_entry
        SELECT 7, i, (i * 7 + i / 5) % 4, 1, sha256(int4send(i)), gen_random_uuid(), gen_random_uuid(), int8send(i)
          FROM generate_series(0, 131071) AS i
         WHERE i % 3 <> $1
        """,
        left_out,
    )
    rows = {row["status_index"]: row for row in await owner.fetch("SELECT * FROM status_entry WHERE list_id = 7")}
    await owner.close()
    await snapshot.refresh()
    wrong = []
    for index in range(SIZE):
        ref, row = StatusRef(7, index), rows.get(index)
        answer = snapshot.find_status(ref)
        assert answer is not None
        recorded = row is not None and snapshot.is_recorded(ref, row["signed_hash"])
        if (answer.value, recorded) != ((1, False) if row is None else (row["status"], True)):
            wrong.append(index)
    assert wrong == []


@pytest.mark.parametrize(
    "restored",
    [
        "UPDATE status_list SET version = version - 1",
        "UPDATE status_list SET seed = 'another secret'",
        "UPDATE status_list SET seed = 'another secret', version = version + 1",
    ],
)
async def test_a_list_that_went_back_is_forgotten_and_loaded_anew(
    restored: str, services: Services, snapshot: StatusSnapshot, city: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    _, lost, lost_hash = await issue(services)
    _, kept, kept_hash = await issue(services, 2)
    await snapshot.refresh()
    owner = await asyncpg.connect(city.owner_dsn)
    await owner.execute("DELETE FROM status_entry WHERE status_index = $1", lost.status_index)
    await owner.execute("UPDATE status_entry SET status = 2")
    await owner.execute(restored)
    await snapshot.refresh()
    statuses = [answer.value for ref in (lost, kept) if (answer := snapshot.find_status(ref)) is not None]
    assert statuses == [1, 2]
    assert snapshot.is_recorded(kept, kept_hash)
    assert not snapshot.is_recorded(lost, lost_hash)
    assert "status list went back" in capsys.readouterr().out

    await owner.execute("DELETE FROM status_entry")
    await owner.execute("DELETE FROM status_list")
    await owner.close()
    await snapshot.refresh()
    assert snapshot.find_status(kept) is None


async def test_a_data_directory_that_cannot_be_used_stops_the_start(config: Config, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="KHOSO_DATA_DIR"):
        async with open_services(msgspec.structs.replace(config, data_dir=tmp_path / "file")):
            raise AssertionError("it opened")
