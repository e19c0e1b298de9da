"""The scanner in a slow phone: what it weighs, when it is ready, how long from a code or a picture to an answer.

    make demo                            # in another window
    python -m bench.scanner [DATA_DIR]

Chromium slows its processor down to a quarter. Each paper is judged without a network, as often as ROUNDS says.
Pictures are read by ZXing: Chromium on Linux reads none itself. The times of a visit are those that the browser and the
page note themselves (`performance.mark`), for whoever waits for them from outside takes of the same slow processor.
"""

import asyncio
import gzip
import json
import os
import shutil
import statistics
import sys
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

SLOWER = 4
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
    papers = json.loads((data_dir / "demo" / "papers.json").read_bytes())["papers"]
    codes = {paper["slug"]: paper["code"] for paper in papers if paper["code"]}
    flags = ["--no-sandbox"] * (os.geteuid() == 0)
    async with async_playwright() as playwright:
        executable = shutil.which("chromium") or playwright.chromium.executable_path
        browser = await playwright.chromium.launch(executable_path=executable, args=flags)
        address = next(iter(codes.values())).partition("/v#")[0] + "/scan"
        await _visit(browser, address)
        page = await _open(browser)
        await _weigh(page, address)
        await page.context.set_offline(True)
        await _restart(page)
        await _judge(page, list(codes.values()))
        await _read(page, [data_dir / "demo" / "codes" / f"{slug}.png" for slug in list(codes)[:PICTURES]])
        await browser.close()


async def _open(browser: Browser) -> Page:
    page = await browser.new_page()
    client = await page.context.new_cdp_session(page)
    await client.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    return page


async def _visit(browser: Browser, address: str) -> None:
    """First visits, each of a browser that has nothing yet."""
    visits = []
    for _ in range(VISITS):
        page = await _open(browser)
        await page.goto(address, wait_until="commit")
        visits.append(await _wait_for_mark(page, "installed"))
        await page.context.close()
    print(f"{VISITS} first visits, {SLOWER}x slower, load {os.getloadavg()[0]:.1f}")
    for name, words in STEPS.items():
        print(f"{words:>15}: {_told([one[name] for one in visits])}")


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
    print(f"{len(shown)} codes: judged {_told(await page.evaluate(DURATIONS, 'judge'))}; shown {_told(shown)}")


async def _read(page: Page, pictures: list[Path]) -> None:
    for picture in pictures:
        scans = int(await page.locator("#scanner").get_attribute("data-scans") or 0)
        await page.set_input_files("#picture", picture)
        await page.locator(f"#scanner[data-scans='{scans + 1}']").wait_for()
    print(f"{len(pictures)} pictures of codes: read {_told(await page.evaluate(DURATIONS, 'read'))}")


def _told(times: list[float]) -> str:
    return f"median {statistics.median(times):.1f} ms (slowest {max(times):.1f})"


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("var")))
