"""Browsers that read codes themselves, as those of most phones do: the scanner takes their word and loads no reader.

Chromium on Linux is none of them. What it lacks is put into the page in the standard's form (W3C Shape Detection), with
a real decoder behind it, which here is not the scanner's own.
"""

import io
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import FilePayload, Page, expect

from browsers import open_chromium
from demo_site import Site
from filming import CONDITIONS, MODULE_PX, before, write_film
from khoso.rendering.qr import qr_png
from rendering.decoders import read_by_zxing

pytestmark = pytest.mark.asyncio(loop_scope="session")

DETECTOR = """
globalThis.BarcodeDetector = class {
  static async getSupportedFormats() { return ["aztec", "qr_code"]; }
  constructor({ formats }) { if (String(formats) !== "qr_code") throw new TypeError(formats); }
  async detect(picture) {
    const canvas = new OffscreenCanvas(picture.videoWidth ?? picture.width, picture.videoHeight ?? picture.height);
    canvas.getContext("2d").drawImage(picture, 0, 0);
    const bytes = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
    const text = await readBySystem(btoa(Array.from(bytes, (one) => String.fromCharCode(one)).join("")));
    return text === null ? [] : [{ rawValue: text, format: "qr_code" }];
  }
};
"""


@dataclass
class System:
    """What reads codes for the browser."""

    page: Page
    blind: bool = False
    looks: int = 0

    def read(self, png: str) -> str | None:
        self.looks += 1
        return None if self.blind else read_by_zxing(Image.open(io.BytesIO(b64decode(png))))

    @property
    def loaded_a_reader(self) -> bool:
        return self.page.workers != []


@pytest_asyncio.fixture(loop_scope="session")
async def system(site: Site, tmp_path: Path) -> AsyncIterator[System]:
    """A phone whose browser reads codes, with a paper before its camera."""
    film = tmp_path / "paper.y4m"
    paper = Image.open(io.BytesIO(qr_png(site.papers["truck-good"].code or "", module_px=MODULE_PX)))
    write_film(film, [paper], CONDITIONS["still"])
    async with open_chromium(*before(film)) as browser:
        context = await browser.new_context(service_workers="block", viewport={"width": 390, "height": 844})
        page = await context.new_page()
        found = System(page)
        await page.expose_function("readBySystem", found.read)
        await page.add_init_script(DETECTOR)
        yield found


async def test_the_camera_is_read_by_the_browser(site: Site, system: System) -> None:
    await system.page.context.grant_permissions(["camera"])
    await system.page.goto(f"{site.origin}/scan")
    verdict = system.page.locator("article.verdict")
    await expect(verdict).to_have_attribute("data-outcome", "in_force")
    await expect(verdict.locator(".compare .large")).to_be_visible()
    assert system.looks > 0
    assert not system.loaded_a_reader


async def test_a_picture_that_the_browser_cannot_read_is_read_after_all(site: Site, system: System) -> None:
    await system.page.goto(f"{site.origin}/scan")
    await expect(system.page.locator("#lists[data-age=fresh]")).to_be_visible()
    verdict = system.page.locator("article.verdict")
    for blind, slug, outcome in ((False, "food-good", "in_force"), (True, "house-revoked", "revoked")):
        system.blind = blind
        picture = qr_png(site.papers[slug].code or "", module_px=6)
        await system.page.locator("#picture").set_input_files(
            FilePayload(name="paper.png", mimeType="image/png", buffer=picture)
        )
        await expect(verdict).to_have_attribute("data-outcome", outcome)
        assert system.loaded_a_reader == blind
    assert system.looks == 2
