"""The bundle on disk: written whole by every web worker, and believed under the pinned root only."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from demo.launching import free_port
from desk import Desk
from forging import resign
from grounds import ORIGIN, Clock
from khoso.caller import Caller
from khoso.config import Config
from khoso.errors import Unavailable
from khoso.formats import cose, link
from khoso.publishing import published
from khoso.publishing.bundle_file import BundleFile
from khoso.publishing.checking import count_valid
from khoso.publishing.model import LIFETIME, OVERDUE
from khoso.signing.files import KeyFiles
from khoso.wiring import Services, open_services
from publishing.reading import act, publish


@pytest.fixture
def away(config: Config) -> Config:
    """The city without its database."""
    nobody = f"postgresql://khoso_app@127.0.0.1:{free_port()}/khoso"
    return msgspec.structs.replace(config, database_url=nobody)


@pytest.fixture
def file(config: Config) -> BundleFile:
    return BundleFile(config.data_dir / "lists")


async def make_bundle(services: Services) -> bytes:
    """The newest, published now."""
    assert await publish(services) == {}
    await services.published.refresh()
    return services.published.get_bundle().body


async def test_the_newest_bundle_is_kept_on_disk(
    desk: Desk, services: Services, file: BundleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the application that the desk stands at."""
    monkeypatch.setattr(published, "KEPT_SECONDS", 0.05)
    issued = await desk.issue()
    for _ in range(2):
        data = await make_bundle(services)
        async with asyncio.timeout(30):
            while file.read() != data:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await act(desk, issued["result_code"], "suspend" if _ == 0 else "restore")
    assert [path.name for path in file.path.parent.iterdir()] == ["bundle"]


def test_a_reader_finds_one_bundle_or_the_other_and_never_a_part(tmp_path: Path) -> None:
    file, big = BundleFile(tmp_path / "lists"), [bytes([letter]) * 3_000_000 for letter in b"ab"]
    file.write(big[0])
    seen: list[bytes | None] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            seen.append(file.read())

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(10):
        file.write(big[turn % 2])
    ended.set()
    reader.join()
    assert len(seen) > 5
    assert all(one in big for one in seen)


def test_the_same_bundle_is_not_written_again(tmp_path: Path) -> None:
    file = BundleFile(tmp_path)
    file.write(b"one")
    inode = file.path.stat().st_ino
    file.write(b"one")
    assert file.path.stat().st_ino == inode
    file.write(b"two")
    assert file.path.stat().st_ino != inode


async def test_a_disk_that_takes_nothing_is_told_and_the_lists_are_served_on(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(published, "KEPT_SECONDS", 0.01)
    await make_bundle(services)
    (tmp_path / "file").write_bytes(b"")
    keeping = asyncio.create_task(services.published.keep_in(BundleFile(tmp_path / "file" / "lists")))
    async with asyncio.timeout(30):
        while "bundle not kept on disk" not in (told := capsys.readouterr().out):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    keeping.cancel()
    assert "error" in told
    assert services.published.get_bundle()


def damage(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[len(changed) // 2] ^= 1
    return bytes(changed)


FAULTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "tampered with": (damage, ""),
    "cut short": (lambda data: data[:-1], "cbor"),
    "not a bundle": (lambda _: b"\xa0", "bundle"),
    "without a word": (lambda _: b"", "cbor"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_bad_bundle_starts_nothing(
    desk: Desk, services: Services, away: Config, file: BundleFile, clock: Clock, fault: str
) -> None:
    change, reason = FAULTS[fault]
    await desk.issue()
    file.write(change(await make_bundle(services)))
    with pytest.raises(Unavailable, match=f"not to be believed: {reason}"):
        async with open_services(away, clock, serving=True):
            pass


async def test_a_bundle_of_another_root_starts_nothing(
    services: Services, away: Config, file: BundleFile, clock: Clock, tmp_path: Path
) -> None:
    file.write(await make_bundle(services))
    KeyFiles(tmp_path / "others").prepare(development=True)
    with pytest.raises(Unavailable, match="signer_unknown"):
        async with open_services(msgspec.structs.replace(away, keys_dir=tmp_path / "others"), clock, serving=True):
            pass


async def test_a_bundle_of_another_city_starts_nothing(
    services: Services, away: Config, file: BundleFile, clock: Clock
) -> None:
    file.write(await make_bundle(services))
    elsewhere = msgspec.structs.replace(away, public_url="https://kho.example.vn")
    with pytest.raises(Unavailable, match="origin"):
        async with open_services(elsewhere, clock, serving=True):
            pass


async def test_without_a_bundle_it_says_what_is_missing(away: Config, clock: Clock, file: BundleFile) -> None:
    for serving, said in ((True, str(file.path)), (False, "is PostgreSQL running")):
        with pytest.raises(Unavailable, match=said):
            async with open_services(away, clock, serving=serving):
                pass


async def test_what_a_server_without_database_says_grows_old(
    desk: Desk, services: Services, away: Config, file: BundleFile, clock: Clock
) -> None:
    issued = await desk.issue()
    file.write(await make_bundle(services))
    async with open_services(away, clock, serving=True) as alone:
        for seconds, outcome in ((30, "in_force"), (1, "in_force_offline"), (86_000, "in_force_offline")):
            clock.forward(timedelta(seconds=seconds))
            for inspector in (None, Caller(subject="inspector-1", scopes=frozenset({"inspect"}))):
                checked = await alone.verifier.verify_code(issued["code"], inspector)
                assert checked.verdict.outcome == outcome, seconds
        clock.forward(LIFETIME)
        checked = await alone.verifier.verify_code(issued["code"], None)
        assert (checked.verdict.outcome, checked.verdict.reason) == ("cannot_tell", "status_list_expired")


async def test_other_content_on_a_good_index_is_not_believed_without_the_database(
    desk: Desk, services: Services, away: Config, file: BundleFile, clock: Clock
) -> None:
    """As a thief with an agency's key would sign it. What was remembered is on the disk; what was not, is not."""
    issued, later = await desk.issue(), await desk.issue()
    file.write(await make_bundle(services))
    await services.statuses.refresh()
    forged = await resign(issued["code"], away.keys_dir, fields={1: "Nhà của kẻ gian"})
    (away.data_dir / "statuses" / "notes").touch()
    (away.data_dir / "statuses" / "1-x").mkdir()
    async with open_services(away, clock, serving=True) as alone:
        for code, outcome in ((issued["code"], "in_force"), (forged, "cannot_tell"), (later["code"], "in_force")):
            assert (await alone.verifier.verify_code(code, None)).verdict.outcome == outcome
        [left] = alone.statuses._left[0]
        left.replace(bytes(left._map[:]).replace(sha256_of(issued["code"])[:8], bytes(8)))
        assert (await alone.verifier.verify_code(forged, None)).verdict.outcome == "in_force", "nothing is remembered"


def sha256_of(code: str) -> bytes:
    return cose.parse(link.parse(code, ORIGIN)).signed_hash


async def test_a_paper_younger_than_the_list_is_not_called_forged(
    desk: Desk, services: Services, away: Config, file: BundleFile, clock: Clock
) -> None:
    await desk.issue()
    file.write(await make_bundle(services))
    clock.forward(timedelta(minutes=3))
    younger = await desk.issue()
    async with open_services(away, clock, serving=True) as alone:
        checked = await alone.verifier.verify_code(younger["code"], None)
    assert (checked.verdict.outcome, checked.verdict.reason) == ("cannot_tell", "database_away")


async def test_a_database_older_than_the_bundle_does_not_undo_a_withdrawal(
    desk: Desk, services: Services, config: Config, file: BundleFile, clock: Clock
) -> None:
    """A backup was restored: what was published since is not taken back."""
    issued = await desk.issue()
    await make_bundle(services)
    [older] = await desk.rows("SELECT cwt, version, issued_at FROM status_publication")
    await act(desk, issued["result_code"], "revoke")
    file.write(await make_bundle(services))
    [newer] = await desk.rows("SELECT cwt, version, issued_at FROM status_publication")
    restore = "UPDATE status_publication SET cwt = $1, version = $2, issued_at = $3"
    await desk.rows(restore, *older)
    refused: list[str] = []
    async with open_services(config, clock, serving=True) as restarted:
        restarted.published._alarms._count = refused.append
        token = restarted.published.lists.status_tokens[0]
        assert count_valid(token.statuses) == 0
    assert restarted.published.lists.status_tokens[0].version == newer["version"]
    await desk.rows(restore, *newer)


async def test_papers_of_which_no_list_was_ever_published_are_told(
    desk: Desk, services: Services, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    await services.published.refresh()
    clock.forward(timedelta(days=2))
    assert services.published.tell_age() == 0, "there is no paper yet"
    await desk.issue()
    await services.published.refresh()
    clock.forward(OVERDUE + timedelta(seconds=1))
    assert services.published.tell_age() == OVERDUE.total_seconds() + 1
    assert "published lists overdue" in capsys.readouterr().out


async def test_lists_that_are_overdue_are_told(
    desk: Desk, services: Services, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert services.published.tell_age() == 0, "nothing is published yet"
    await desk.issue()
    await make_bundle(services)
    capsys.readouterr()
    for forward, told in (
        (OVERDUE, 0),
        (timedelta(seconds=1), 1),
        (timedelta(minutes=5), 0),
        (timedelta(minutes=6), 1),
    ):
        clock.forward(forward)
        age = services.published.tell_age()
        assert capsys.readouterr().out.count("published lists overdue") == told
    assert age == (OVERDUE + timedelta(minutes=11, seconds=1)).total_seconds()
