"""The scanner in a real Chromium: installed once, then off line, with old lists, wrong clocks and foreign codes."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import FilePayload, Page, expect

from demo_site import Site
from khoso.formats.verdict import Outcome
from khoso.rendering.qr import qr_png

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def scanner(site: Site, phone: Page) -> AsyncIterator[Page]:
    """The scanner, installed."""
    await phone.goto(f"{site.origin}/scan")
    await expect(phone.locator("#scanner[data-installed=true]")).to_be_visible()
    yield phone
    await phone.context.set_offline(False)


async def paste(page: Page, text: str | None) -> None:
    """Check what was typed or pasted, from wherever the scanner is."""
    if await page.locator("#next").is_visible():
        await page.locator("#next").click()
    await page.locator("#code").fill(text or "")
    await page.get_by_role("button", name="Kiểm tra", exact=True).click()
    await expect(page.locator("#result article.verdict")).to_be_visible()


async def shown(page: Page) -> tuple[str | None, str | None]:
    article = page.locator("#result article.verdict")
    return await article.get_attribute("data-outcome"), await article.get_attribute("data-colour")


async def restart_off_line(page: Page) -> None:
    await page.context.set_offline(True)
    await page.reload()
    await expect(page.locator("#scanner[data-ready=true]")).to_be_visible()


async def test_installed_it_starts_and_judges_without_a_network(site: Site, scanner: Page) -> None:
    await restart_off_line(scanner)
    await paste(scanner, site.papers["truck-good"].code)
    assert await shown(scanner) == ("in_force", "green")
    await expect(scanner.get_by_text("Ngoại tuyến: chưa kiểm tra thu hồi")).to_be_visible()
    await expect(scanner.locator("#lists")).to_have_attribute("data-age", "fresh")


async def test_a_picture_is_read_without_a_network(site: Site, scanner: Page) -> None:
    await restart_off_line(scanner)
    paper = site.paper(Outcome.SUSPENDED)
    picture = FilePayload(name="paper.png", mimeType="image/png", buffer=qr_png(paper.code or "", module_px=6))
    await scanner.locator("#picture").set_input_files(picture)
    await expect(scanner.locator("article.verdict")).to_have_attribute("data-outcome", "suspended")
