"""A slow phone before a running demonstration: what the benchmarks of the pages have in common."""

import json
import os
import shutil
import statistics
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from .load import BenchError

SLOWER = 4
"""How many times slower Chromium makes its processor."""


def read_codes(data_dir: Path) -> Mapping[str, str]:
    """The codes of the demonstration whose data directory this is, by their papers' slugs. Raises BenchError."""
    try:
        papers = json.loads((data_dir / "demo" / "papers.json").read_bytes())["papers"]
    except FileNotFoundError:
        raise BenchError(f"no demonstration in {data_dir}: start one with `make demo`, or name its directory") from None
    return {paper["slug"]: paper["code"] for paper in papers if paper["code"]}


@asynccontextmanager
async def open_chromium() -> AsyncIterator[Browser]:
    """The system's Chromium, or the one that Playwright brought. Raises BenchError where there is none."""
    flags = ["--no-sandbox"] * (os.geteuid() == 0)
    async with async_playwright() as playwright:
        executable = shutil.which("chromium") or shutil.which("chromium-headless-shell")
        if executable is None and not os.access(playwright.chromium.executable_path, os.X_OK):
            raise BenchError("no Chromium: apt-get install chromium-headless-shell")
        browser = await playwright.chromium.launch(executable_path=executable, args=flags)
        yield browser
        await browser.close()


async def open_slow_page(browser: Browser) -> Page:
    """A page of a browser that has nothing yet, slowed down."""
    page = await browser.new_page()
    client = await page.context.new_cdp_session(page)
    await client.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    return page


def told(times: Sequence[float]) -> str:
    """Median and slowest of times in milliseconds."""
    return f"median {statistics.median(times):.1f} ms, slowest {max(times):.1f} ms"
