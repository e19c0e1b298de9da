"""The database goes away and comes back: what is remembered is still told, with its age, and nothing is made up."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from desk import Desk, problem
from forging import malformed, resign
from grounds import CITY, ORIGIN, Clock, build_city, open_client, prepare
from invariants import check_everything
from khoso.config import Config
from khoso.embedded import APP, OWNER, WITHOUT_DURABILITY
from khoso.formats.claims import StatusRef
from own_postgres import OwnPostgres, own_postgres
from samples import house_permit


@pytest.fixture
def outage() -> Iterator[OwnPostgres]:
    with own_postgres(WITHOUT_DURABILITY) as postgres:
        yield postgres


@pytest.fixture
async def desk(outage: OwnPostgres, key_dir: Path, clock: Clock, tmp_path: Path) -> AsyncIterator[Desk]:
    await prepare(outage.server)
    await build_city(outage.server, key_dir)
    config = Config(database_url=outage.server.dsn(CITY, APP), public_url=ORIGIN, keys_dir=key_dir, data_dir=tmp_path)
    owner_dsn = outage.server.dsn(CITY, OWNER)
    async with open_client(config, clock) as client:
        yield Desk(client, key_dir, clock, owner_dsn)
    await check_everything(owner_dsn)


async def test_verification_outlives_the_database(desk: Desk, outage: OwnPostgres) -> None:
    issued, revoked = await desk.issue(), await desk.issue()
    await desk.act(revoked["result_code"], "revoke")
    await until_remembered(desk, revoked)
    forged = {
        await resign(issued["code"], desk.key_dir, expires_at=2_000_000_000),
        await resign(issued["code"], desk.key_dir, status=StatusRef(0, 77_777)),
    }
    outage.stop()

    assert (await desk.verify(code=issued["code"]))["colour"] == "green", "heard of a moment ago"
    for age, outcome, colour in ((61, "in_force_offline", "amber"), (86_400, "cannot_tell", "grey")):
        desk.clock.forward(timedelta(seconds=age))
        verdict = await desk.verify(code=issued["code"])
        assert (verdict["outcome"], verdict["colour"]) == (outcome, colour), age
        assert (await desk.verify(code=revoked["code"]))["colour"] != "green"
        for code in forged:
            assert (await desk.verify(code=code))["colour"] in ("red", "grey")
    for text in malformed(issued["code"], 200, seed=1):
        assert (await desk.try_verify(code=text)).status_code == 200

    for refused in await asyncio.gather(
        desk.try_verify(lookup_code=issued["lookup_code"]),
        desk.try_issue(house_permit(99), "during"),
        desk.try_act(issued["result_code"], "revoke"),
        desk.client.get("/readyz"),
    ):
        assert retry_after(refused) == "5"
    assert (await desk.client.get("/healthz")).status_code == 200

    outage.start()
    await until_ready(desk)
    assert (await desk.verify(code=issued["code"]))["colour"] == "green"
    assert (await desk.verify(lookup_code=revoked["lookup_code"]))["outcome"] == "revoked"
    await desk.issue()


async def test_an_inspectors_check_during_an_outage_is_never_green_for_what_is_not_remembered(
    desk: Desk, outage: OwnPostgres
) -> None:
    """Content that was never recorded, under an index that is in force: only the record, or its memory, tells it."""
    issued = await desk.issue()
    forged = await resign(issued["code"], desk.key_dir, expires_at=2_000_000_000)
    assert (await desk.verify(code=forged))["outcome"] == "not_issued"
    outage.stop()
    for inspector in (None, desk.token("inspect")):
        verdict = await desk.verify(inspector, code=forged)
        assert (verdict["outcome"], verdict["reason"]) == ("cannot_tell", "database_away")
        assert (await desk.verify(inspector, code=issued["code"]))["outcome"] == "in_force"
    outage.start()
    await until_ready(desk)


async def until_remembered(desk: Desk, revoked: dict[str, str]) -> None:
    async with asyncio.timeout(20):
        while (await desk.verify(code=revoked["code"]))["outcome"] != "revoked":  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def until_ready(desk: Desk) -> None:
    """The first write must succeed within five seconds after the database accepts."""
    async with asyncio.timeout(5):
        while (await desk.client.get("/readyz")).status_code != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        # Trust and status are followed once a second.
        await asyncio.sleep(1.1)


def retry_after(answer: httpx.Response) -> str:
    problem(answer, 503, "unavailable")
    return answer.headers["retry-after"]
