"""A Chromium that asks nobody but whom a page asks, and a phone's authenticator in it."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, CDPSession, Page, async_playwright


@asynccontextmanager
async def open_chromium(*flags: str) -> AsyncIterator[Browser]:
    """One more, with these flags. Skips the test on a machine without any."""
    every = ["--disable-background-networking", *flags, *["--no-sandbox"] * (os.geteuid() == 0)]
    async with async_playwright() as playwright:
        # The shell is the same browser without its windows: a page opened in it costs a third.
        executable = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        if executable is None and not os.access(playwright.chromium.executable_path, os.X_OK):
            pytest.skip("needs chromium-headless-shell")
        browser = await playwright.chromium.launch(executable_path=executable, args=every)
        yield browser
        await browser.close()


@dataclass(frozen=True)
class Authenticator:
    """Makes passkeys and confirms by them, as long as it recognises its owner."""

    cdp: CDPSession
    name: str

    @classmethod
    async def put_into(cls, page: Page) -> "Authenticator":
        """One that recognises him."""
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        added = await cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        return cls(cdp, added["authenticatorId"])

    async def recognise(self, *, owner: bool) -> None:
        await self.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self.name, "isUserVerified": owner})
