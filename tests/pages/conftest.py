"""The demonstration served for real, and a real Chromium in front of it.

site        a running Kho Số with the demonstration's papers
chromium    one browser for the session
phone       a page as on a phone; the test fails if the browser complained of anything
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize, expect

from browsers import open_chromium
from demo.launching import free_port
from demo_site import Site
from khoso.config import Config
from khoso.demo.build import load_demonstration
from khoso.embedded import APP, OWNER, EmbeddedPostgres
from khoso.pages.model import PaperToScan
from khoso.wiring import open_services, utc_now
from threads import served_in_a_thread

DATABASE = "khoso_pages"
PHONE = ViewportSize(width=390, height=844)

expect.set_options(timeout=20_000)  # as long as a machine may need that many others are busy on


@pytest.fixture(scope="session")
def site(
    server: EmbeddedPostgres, city_template: str, key_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    asyncio.run(_create_database(server, city_template))
    config = Config(
        database_url=server.dsn(DATABASE, APP),
        public_url=f"http://localhost:{free_port()}",
        keys_dir=key_dir,
        data_dir=tmp_path_factory.mktemp("demo"),
        demo=True,
        log_level="warning",
    )
    papers = asyncio.run(_load_papers(config))
    with served_in_a_thread(config):
        yield Site(config.public_url, papers, server.dsn(DATABASE))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with open_chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def phone(chromium: Browser) -> AsyncIterator[Page]:
    context = await chromium.new_context(viewport=PHONE, device_scale_factor=2, has_touch=True, is_mobile=True)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    await context.close()
    assert [text for text in complaints if not text.startswith("Failed to load resource")] == []


async def _create_database(server: EmbeddedPostgres, template: str) -> None:
    admin = await asyncpg.connect(server.dsn())
    await admin.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {template} OWNER {OWNER}")
    await admin.close()


async def _load_papers(config: Config) -> Mapping[str, PaperToScan]:
    async with open_services(config) as services:
        demonstration = await load_demonstration(config, services, utc_now)
        assert (await services.publisher.publish()).refused == {}
    return {paper.slug: paper for paper in demonstration.papers}
