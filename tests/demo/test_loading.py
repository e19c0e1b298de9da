"""Loading that was interrupted is taken up where it was, even on another day."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from demo.test_launcher import RECORDED, count_credentials
from grounds import Clock, Database
from khoso.config import Config
from khoso.demo.build import load_demonstration
from khoso.demo.errors import DemoUnusable
from khoso.demo.places import Places
from khoso.demo.record import find_demonstration, read_papers, write_demonstration
from khoso.wiring import Services


async def load_until(count: int, config: Config, services: Services, clock: Clock, city: Database) -> None:
    """Load, and be interrupted when so many papers are there."""
    loading = asyncio.create_task(load_demonstration(config, services, clock))
    async with asyncio.timeout(30):
        while await count_credentials(city.admin_dsn) < count:
            assert not loading.done()
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading


async def test_what_was_begun_yesterday_is_completed_without_doubling(
    config: Config, services: Services, clock: Clock, city: Database
) -> None:
    began_at = clock()
    for count in (5, 20):
        await load_until(count, config, services, clock, city)
        assert read_papers(config) == []
        clock.forward(timedelta(days=1))
    demonstration = await load_demonstration(config, services, clock)
    assert demonstration.loading_began_at == began_at
    assert await count_credentials(city.admin_dsn) == RECORDED
    assert await load_demonstration(config, services, clock) == demonstration
    assert [paper.slug for paper in read_papers(config)] == [paper.slug for paper in demonstration.papers]


async def test_another_database_gets_papers_of_its_own(
    config: Config, services: Services, clock: Clock, city: Database
) -> None:
    first = await load_demonstration(config, services, clock)
    elsewhere = msgspec.structs.replace(first.papers[0], result_code="H17.05.12-200101-000001-KQ1")
    write_demonstration(Places(config.data_dir).papers, msgspec.structs.replace(first, papers=[elsewhere]))
    second = await load_demonstration(config, services, clock)
    assert [paper.slug for paper in second.papers] == [paper.slug for paper in first.papers]
    assert await count_credentials(city.admin_dsn) == RECORDED


def test_a_record_of_another_version_is_refused(config: Config) -> None:
    path = Places(config.data_dir).papers
    path.parent.mkdir(parents=True)
    path.write_text('{"loaded_on": "2026-11-23"}')
    with pytest.raises(DemoUnusable, match=r"papers\.json"):
        find_demonstration(path)
