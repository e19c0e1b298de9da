"""What a hand does with the scanner, for tests in a browser."""

from datetime import UTC, datetime, timedelta

from playwright.async_api import Page, expect

LISTS = "**/lists/bundle"


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


async def set_clock(page: Page, ahead: timedelta) -> None:
    """Turn the phone's clock; its timers go on."""
    await page.context.clock.set_fixed_time(datetime.now(UTC) + ahead)


async def refresh(page: Page) -> None:
    """The network comes back, and with it an answer."""
    async with page.expect_response(LISTS):
        await page.evaluate("dispatchEvent(new Event('online'))")
