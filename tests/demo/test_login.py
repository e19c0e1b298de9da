"""The people of the demonstration log in, in a real browser, at its identity provider."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page

from browsers import open_chromium
from demo.launching import Demo
from khoso.caller import SCOPES

Json = dict[str, Any]


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with open_chromium() as browser:
        yield await browser.new_page()


async def log_in(page: Page, demo: Demo, who: str) -> Json:
    """Log in and answer who one is then."""
    await page.goto(f"{demo.origin}/account")
    log_out = page.get_by_role("button", name="Đăng xuất", exact=True)
    if await log_out.count():
        await log_out.click()
    await page.get_by_role("link", name="Đăng nhập bằng tài khoản định danh").click()
    await page.get_by_role("button", name=who, exact=True).click()
    await page.wait_for_url(f"{demo.origin}/account")
    return await ask(page, "/api/v1/me")


async def ask(page: Page, path: str) -> Json:
    """What a script of our own page gets."""
    found: Json = await page.evaluate("path => fetch(path).then(answer => answer.json())", path)
    return found


@pytest.mark.timeout(300)  # a whole demonstration, and a browser
async def test_each_comes_with_what_is_his(demo: Demo, page: Page) -> None:
    citizen = await log_in(page, demo, "cong-dan.thinh")
    assert citizen["scopes"] == ["vault:read"]
    assert (await ask(page, "/api/v1/vault/results"))["items"], "his papers are there"
    assert await page.evaluate("document.cookie") == "", "no script sees the session"

    officer = await log_in(page, demo, "can-bo.hai-chau")
    assert (officer["name"], officer["agency"]["agency_code"]) == ("Lê Thị Thu Hà", "H17.05.12")
    assert "credentials:issue" in officer["scopes"]

    await page.get_by_role("button", name="Đăng xuất", exact=True).click()
    await page.goto(f"{demo.origin}/scan")
    await page.get_by_role("link", name="Đăng nhập").click()
    await page.get_by_role("button", name="thanh-tra.da-nang", exact=True).click()
    await page.wait_for_url(f"{demo.origin}/scan")
    await page.get_by_role("link", name="Chọn cơ quan").click()
    await page.select_option("#agency_code", "H17.05.12")
    await page.get_by_role("button", name="Chọn", exact=True).click()
    await page.get_by_text(SCOPES["inspect"].vi).wait_for()
    inspector = await ask(page, "/api/v1/me")
    assert inspector["agency"]["agency_code"] == "H17.05.12"
    assert "credentials:issue" not in inspector["scopes"]

    administrator = await log_in(page, demo, "quan-tri.he-thong")
    assert len(administrator["agencies"]) > 90
