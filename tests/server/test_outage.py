"""PostgreSQL goes away under a running server: every worker goes on, and what inspectors did meanwhile is not lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from desk import Desk, problem
from grounds import CITY, ORIGIN, build_city, prepare
from invariants import check_everything
from khoso.config import Config
from khoso.embedded import APP, OWNER
from own_postgres import OwnPostgres, own_postgres
from servers import Server, WallClock, serving

INSPECTORS = 60

Json = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """A server of two workers on a PostgreSQL that may be stopped."""

    postgres: OwnPostgres
    server: Server
    desk: Desk

    @property
    def spool(self) -> Path:
        return self.server.config.data_dir / "spool"

    def restart(self) -> None:
        self.server.start("--workers", "2", "--no-with-worker")


@pytest.fixture
def postgres() -> Iterator[OwnPostgres]:
    with own_postgres({}) as postgres:
        yield postgres


@pytest.fixture
async def place(postgres: OwnPostgres, key_dir: Path, tmp_path: Path) -> AsyncIterator[Place]:
    await prepare(postgres.server)
    await build_city(postgres.server, key_dir)
    config = Config(database_url=postgres.server.dsn(CITY, APP), public_url=ORIGIN, keys_dir=key_dir, data_dir=tmp_path)
    with serving(config, tmp_path / "log", "--workers", "2", "--no-with-worker") as server:
        async with open_desk(server, key_dir, postgres.server.dsn(CITY, OWNER)) as desk:
            yield Place(postgres, server, desk)
    await check_everything(postgres.server.dsn(CITY, OWNER))


@asynccontextmanager
async def open_desk(server: Server, key_dir: Path, owner_dsn: str) -> AsyncIterator[Desk]:
    """Every request goes through a connection of its own, so that they are spread over the workers."""
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=server.url, limits=limits, timeout=30) as client:
        yield Desk(client, key_dir, WallClock(), owner_dsn)


async def issue_remembered(desk: Desk) -> str:
    """A paper's code, when every worker has had the time to learn of it."""
    code: str = (await desk.issue())["code"]
    await asyncio.sleep(2)
    return code


async def inspect(desk: Desk, code: str, number: int) -> Json | None:
    """The verdict that one of many inspectors was told; None if the connection broke."""
    token = desk.token("inspect", subject=f"inspector-{number}", agency="H17.05.12")
    try:
        answer = await desk.try_verify(token, code=code)
    except httpx.TransportError:
        return None
    assert answer.status_code == 200, answer.text
    verdict: Json = answer.json()
    return verdict


async def wait_for_rows(place: Place, wanted: int, sql: str) -> None:
    try:
        async with asyncio.timeout(60):
            while ((await place.desk.rows(sql))[0][0] or 0) < wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"fewer than {wanted} of {sql}; the server said:\n{place.server.log}")


async def read_log(desk: Desk) -> list[str]:
    """The inspectors in the holders' logs, in the order of their checks."""
    return [row["inspector"] for row in await desk.rows("SELECT inspector FROM scan ORDER BY scanned_at, scan_id")]


def spooled_counts(spool: Path) -> int:
    contents = [path.read_bytes().partition(b"\n")[2] for path in spool.glob("*/*.counts")]
    return sum(times for content in contents for _, times in json.loads(content)["counts"])


async def test_every_worker_goes_on_and_the_holder_sees_who_looked_meanwhile(place: Place) -> None:
    desk = place.desk
    code = await issue_remembered(desk)
    lookup_code = (await desk.issue())["lookup_code"]
    stopped_at = desk.clock()
    place.postgres.stop()

    verdicts = await asyncio.gather(*(inspect(desk, code, number) for number in range(INSPECTORS)))
    verdicts += await asyncio.gather(*(desk.verify(code=code) for _ in range(INSPECTORS)))
    for verdict in verdicts:
        assert verdict is not None
        assert verdict["outcome"] == "in_force"
        assert datetime.fromisoformat(verdict["status_as_of"]) <= stopped_at, "the age of what is told is told"
    for _ in range(8):
        problem(await desk.try_verify(lookup_code=lookup_code), 503, "unavailable")
        assert (await desk.client.get("/healthz")).status_code == 200
    assert len({path.parent for path in place.spool.glob("*/*.scans")}) == 2, "both workers had some"

    place.postgres.start()
    await wait_for_rows(place, INSPECTORS, "SELECT count(*) FROM scan")
    assert sorted(await read_log(desk)) == sorted(f"inspector-{number}" for number in range(INSPECTORS))
    await wait_for_rows(place, 2 * INSPECTORS, "SELECT sum(scans)::int FROM scan_count")
    await asyncio.sleep(1.5)
    assert len(await read_log(desk)) == INSPECTORS
    assert (await desk.rows("SELECT sum(scans)::int FROM scan_count"))[0][0] == 2 * INSPECTORS
    assert list(place.spool.glob("*/*")) == []


async def test_a_server_killed_meanwhile_loses_no_scan_that_it_had_answered(place: Place) -> None:
    desk = place.desk
    code = await issue_remembered(desk)
    place.postgres.stop()
    acknowledged: list[str] = []

    async def keep_inspecting(inspectors: Iterator[int]) -> None:
        for number in inspectors:
            if await inspect(desk, code, number) is None:
                return
            acknowledged.append(f"inspector-{number}")

    for turn in (1, 2):
        numbers = iter(range(1_000 * turn, 1_000 * (turn + 1)))
        inspecting = [asyncio.create_task(keep_inspecting(numbers)) for _ in range(8)]
        while len(acknowledged) < 100 * turn:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        place.server.kill_all()
        await asyncio.gather(*inspecting)
        place.postgres.start()
        place.restart()
        await wait_for_rows(place, len(acknowledged), "SELECT count(*) FROM scan")
        if turn == 1:
            place.postgres.stop()

    await asyncio.sleep(1)
    log = await read_log(desk)
    assert len(set(log)) == len(log), "each once"
    assert set(acknowledged) <= set(log)


@pytest.mark.parametrize("ending", ["SIGTERM", "SIGKILL"])
async def test_counts_of_an_outage_outlive_the_server(place: Place, ending: str) -> None:
    desk = place.desk
    code = await issue_remembered(desk)
    place.postgres.stop()
    await asyncio.gather(*(desk.verify(code=code) for _ in range(INSPECTORS)))
    if ending == "SIGTERM":
        assert await asyncio.to_thread(place.server.terminate) == 0
    else:
        async with asyncio.timeout(60):
            while spooled_counts(place.spool) < INSPECTORS:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        place.server.kill_all()
    assert spooled_counts(place.spool) == INSPECTORS
    place.postgres.start()
    place.restart()
    await wait_for_rows(place, INSPECTORS, "SELECT sum(scans)::int FROM scan_count")
    assert (await desk.rows("SELECT sum(scans)::int FROM scan_count"))[0][0] == INSPECTORS
