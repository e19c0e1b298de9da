"""The publisher in a real worker, beside a real server."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from desk import Desk
from grounds import ORIGIN
from invariants import check_everything
from khoso.config import Config
from khoso.formats import bundle
from khoso.formats.lists import Lists
from khoso.formats.verdict import OFFLINE, verify
from khoso.signing.files import KeyFiles
from servers import Server, WallClock, serving

VISIBLE_SECONDS = 60
"""What is promised: a withdrawal is in the published list by then."""


@pytest.fixture
def running(config: Config, tmp_path: Path) -> Iterator[Server]:
    with serving(msgspec.structs.replace(config, demo=True), tmp_path / "log", "--workers", "1") as server:
        yield server


@pytest.fixture
async def desk(running: Server, config: Config, key_dir: Path) -> AsyncIterator[Desk]:
    async with httpx.AsyncClient(base_url=running.url, timeout=30) as client:
        yield Desk(client, key_dir, WallClock(), config.database_owner_url)
    await check_everything(config.database_owner_url)


async def told_by_strangers(desk: Desk, code: str) -> str:
    """What somebody says who has downloaded everything just now."""
    lists = Lists(ORIGIN, KeyFiles(desk.key_dir).roots())
    answer = await desk.client.get("/lists/bundle")
    if answer.status_code == 503:
        return "nothing is published yet"
    lists.take(bundle.decode(answer.content))
    return verify(code, ORIGIN, lists.trust, lists.types, lists, int(time.time()), OFFLINE).outcome.value


async def test_issuing_and_withdrawing_is_published_within_a_minute(desk: Desk, running: Server) -> None:
    issued = await desk.issue()
    for act, outcome in (
        (None, "in_force"),
        ("suspend", "suspended"),
        ("restore", "in_force"),
        ("revoke", "not_issued"),
    ):
        if act is not None:
            await desk.act(issued["result_code"], act)
        async with asyncio.timeout(VISIBLE_SECONDS):
            while await told_by_strangers(desk, issued["code"]) != outcome:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
    assert "not published" not in running.log
    metrics = (await desk.client.get("/metrics", headers=desk.token("metrics:read"))).text
    [age] = [line for line in metrics.splitlines() if line.startswith("khoso_status_list_age_seconds")]
    assert float(age.rsplit(" ", 1)[1]) < VISIBLE_SECONDS
