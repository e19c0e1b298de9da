"""The scanner in a slow phone: what it weighs, when it is ready, how long from a code or a picture to an answer.

    make demo                            # in another window
    python -m bench.scanner [DATA_DIR]

Chromium slows its processor down to a quarter. Each paper is judged without a network, as often as ROUNDS says.
Pictures are read by ZXing: Chromium on Linux reads none itself. The times of a visit are those that the browser and the
page note themselves (`performance.mark`), for whoever waits for them from outside takes of the same slow processor.
"""

import asyncio
import gzip
import os
import sys
from pathlib import Path

from playwright.async_api import Browser, Page

from .phone import SLOWER, open_chromium, open_slow_page, read_codes, told

VISITS = 9
PATIENCE_SECONDS = 60
ROUNDS = 3
PICTURES = 20
SCAN = """async (code) => {
  const result = document.getElementById("result");
  const shown = new Promise((resolve) => {
    const watcher = new MutationObserver(() => result.querySelector("article") && resolve(watcher.disconnect()));
    watcher.observe(result, { childList: true });
  });
  document.getElementById("code").value = code;
  const began = performance.now();
  document.getElementById("typed").requestSubmit();
  await shown;
  return performance.now() - began;
}"""
STEPS = {
    "response": "answered",
    "first-paint": "painted",
    "evaluated": "scripts run",
    "ready": "ready",
    "lists": "lists there",
    "believed": "lists believed",
    "installed": "installed",
}
"""What a visit comes through, by what the browser and the page call it, and in words."""
MARKS = """() => {
  const [visit] = performance.getEntriesByType("navigation");
  const entries = [...performance.getEntriesByType("paint"), ...performance.getEntriesByType("mark")];
  const noted = Object.fromEntries(entries.map(({ name, startTime }) => [name, startTime]));
  return { ...noted, response: visit.responseStart, evaluated: visit.domContentLoadedEventEnd };
}"""
DURATIONS = "name => performance.getEntriesByName(name).map((entry) => entry.duration)"


async def main(data_dir: Path) -> None:
    """Print the figures."""
    codes = read_codes(data_dir)
    async with open_chromium() as browser:
        address = next(iter(codes.values())).partition("/v#")[0] + "/scan"
        await _visit(browser, address)
        page = await open_slow_page(browser)
        await _weigh(page, address)
        await page.context.set_offline(True)
        await _restart(page)
        await _judge(page, list(codes.values()))
        await _read(page, [data_dir / "demo" / "codes" / f"{slug}.png" for slug in list(codes)[:PICTURES]])


async def _visit(browser: Browser, address: str) -> None:
    """First visits, each of a browser that has nothing yet."""
    visits = []
    for _ in range(VISITS):
        page = await open_slow_page(browser)
        await page.goto(address, wait_until="commit")
        visits.append(await _wait_for_mark(page, "installed"))
        await page.context.close()
    print(f"{VISITS} first visits, {SLOWER}x slower, load {os.getloadavg()[0]:.1f}")
    for name, words in STEPS.items():
        print(f"{words:>15}: {told([one[name] for one in visits])}")


async def _wait_for_mark(page: Page, name: str) -> dict[str, float]:
    """All that the page has noted, when that is among it."""
    for _ in range(PATIENCE_SECONDS):
        await asyncio.sleep(1)
        noted: dict[str, float] = await page.evaluate(MARKS)
        if name in noted:
            return noted
    raise TimeoutError(name)


async def _weigh(page: Page, address: str) -> None:
    asked: set[str] = set()
    page.on("response", lambda response: asked.add(response.url))
    await page.goto(address)
    await _wait_for_mark(page, "installed")
    reader = "({ dataset }) => [dataset.decoder, dataset.wasm].map((path) => location.origin + path)"
    asked.update(await page.locator("#scanner").evaluate(reader))  # which come later
    weights = {url: len(gzip.compress(await (await page.request.get(url)).body())) for url in asked}
    for url, weight in sorted(weights.items(), key=lambda pair: -pair[1]):
        print(f"{weight / 1000:7.1f} KB  {url.rpartition('/')[2]}")
    light = sum(weight for url, weight in weights.items() if not url.endswith(".wasm"))
    print(f"{light / 1000:7.1f} KB  in all without the decoder")


async def _restart(page: Page) -> None:
    await page.reload(wait_until="commit")
    noted = await _wait_for_mark(page, "ready")
    print(f"start without a network: ready after {noted['ready']:.0f} ms")


async def _judge(page: Page, codes: list[str]) -> None:
    shown = [await page.evaluate(SCAN, code) for _ in range(ROUNDS) for code in codes]
    print(f"{len(shown)} codes: judged {told(await page.evaluate(DURATIONS, 'judge'))}; shown {told(shown)}")


async def _read(page: Page, pictures: list[Path]) -> None:
    for picture in pictures:
        scans = int(await page.locator("#scanner").get_attribute("data-scans") or 0)
        await page.set_input_files("#picture", picture)
        await page.locator(f"#scanner[data-scans='{scans + 1}']").wait_for()
    print(f"{len(pictures)} pictures of codes: read {told(await page.evaluate(DURATIONS, 'read'))}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("var")))
