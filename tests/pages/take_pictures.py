"""Take the pictures of docs/pictures from a running demonstration: python tests/pages/take_pictures.py [DATA_DIR]."""

import asyncio
import io
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, FloatRect, Page, async_playwright

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
MAX_BYTES = 60_000
COLOURS = 64
PHONE = (390, 1000)
DESK = (1280, 1000)
PRINT = (718, 1000)  # the width between the margins of A4, at 96 dpi, and three papers
API, LISTS = "**/api/v1/verify", "**/lists/bundle"
SCANNED = {
    "in-force": "truck-good",
    "revoked": "house-revoked",
    "not-issued": "guide-unrecorded",
    "superseded": "house-superseded",
}


async def main(data_dir: Path) -> None:
    """Write every picture anew."""
    papers = json.loads((data_dir / "demo" / "papers.json").read_bytes())["papers"]
    codes = {paper["slug"]: paper["code"] for paper in papers}
    flags = ["--no-sandbox"] * (os.geteuid() == 0)
    async with async_playwright() as playwright:
        executable = shutil.which("chromium") or playwright.chromium.executable_path
        browser = await playwright.chromium.launch(executable_path=executable, args=flags)
        await take_answers(browser, codes)
        await take_home_and_sheet(browser, codes["truck-good"].partition("/v#")[0])
        await browser.close()


async def take_answers(browser: Browser, codes: Mapping[str, str]) -> None:
    """What a phone shows after a scan."""
    for name, slug in SCANNED.items():
        page = await open_page(browser, PHONE)
        await scan(page, codes[slug])
        await save(page, f"verify-{name}")
    for name, away in {"verify-offline": [API], "verify-cannot-tell": [API, LISTS]}.items():
        page = await open_page(browser, PHONE)
        for address in away:
            await page.route(address, lambda route: route.abort())
        await scan(page, codes[SCANNED["in-force"]])
        await save(page, name)


async def take_home_and_sheet(browser: Browser, origin: str) -> None:
    """The first page that a visitor sees, and the first that a printer gives."""
    page = await open_page(browser, DESK, scale=1)
    await page.goto(origin)
    await save(page, "home")
    page = await open_page(browser, PRINT, scale=1.5)
    await page.emulate_media(media="print")
    await page.goto(f"{origin}/demo/papers")
    await save(page, "sheet")


async def open_page(browser: Browser, size: tuple[int, int], scale: float = 1.5) -> Page:
    width, height = size
    context = await browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=scale)
    return await context.new_page()


async def scan(page: Page, code: str) -> None:
    await page.goto(code)
    await page.locator("article.verdict").wait_for()


async def save(page: Page, name: str) -> None:
    """As much of the page as fits its window, never more than there is. Raises SystemExit for too large a file."""
    assert page.viewport_size is not None
    height = await page.evaluate("document.body.scrollHeight")
    clip = FloatRect(x=0, y=0, width=page.viewport_size["width"], height=min(height, page.viewport_size["height"]))
    picture = Image.open(io.BytesIO(await page.screenshot(clip=clip)))
    path = PICTURES / f"{name}.webp"
    picture.quantize(COLOURS, dither=Image.Dither.NONE).convert("RGB").save(path, lossless=True, method=6)
    print(f"{path.name} {picture.width}x{picture.height} {path.stat().st_size} bytes")
    if path.stat().st_size > MAX_BYTES:
        raise SystemExit(f"{path}: more than {MAX_BYTES} bytes")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else "var")))
