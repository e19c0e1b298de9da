"""A Chromium that asks nobody but whom a page asks."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright


@asynccontextmanager
async def open_chromium(*flags: str) -> AsyncIterator[Browser]:
    """One more, with these flags. Skips the test on a machine without any."""
    every = ["--disable-background-networking", *flags, *["--no-sandbox"] * (os.geteuid() == 0)]
    async with async_playwright() as playwright:
        executable = shutil.which("chromium") or playwright.chromium.executable_path
        if not os.access(executable, os.X_OK):
            pytest.skip("needs chromium")
        browser = await playwright.chromium.launch(executable_path=executable, args=every)
        yield browser
        await browser.close()
