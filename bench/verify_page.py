"""The verify page in a slow phone: what it weighs, and how long from a code to an answer without a network.

    make demo                                  # in another window
    python -m bench.verify_page [DATA_DIR]

Chromium slows its processor down to a quarter. Each paper is judged by the page alone, as often as ROUNDS says.
"""

import asyncio
import gzip
import json
import os
import shutil
import statistics
import sys
from pathlib import Path

from playwright.async_api import Browser, Page, Response, async_playwright

SLOWER = 4
ROUNDS = 5
ANSWER = """async (fragment) => {
  const result = document.getElementById("result");
  const answered = new Promise((resolve) => {
    const watcher = new MutationObserver(() => result.querySelector(".again") && resolve(watcher.disconnect()));
    watcher.observe(result, { childList: true });
  });
  const began = performance.now();
  location.hash = fragment;
  await answered;
  return performance.now() - began;
}"""


async def main(data_dir: Path) -> None:
    """Print the figures."""
    papers = json.loads((data_dir / "demo" / "papers.json").read_bytes())["papers"]
    codes = [paper["code"] for paper in papers if paper["code"]]
    flags = ["--no-sandbox"] * (os.geteuid() == 0)
    async with async_playwright() as playwright:
        executable = shutil.which("chromium") or playwright.chromium.executable_path
        browser = await playwright.chromium.launch(executable_path=executable, args=flags)
        page = await _open(browser)
        await _weigh(page, codes[0])
        await _time(page, codes)
        await browser.close()


async def _open(browser: Browser) -> Page:
    page = await browser.new_page()
    client = await page.context.new_cdp_session(page)
    await client.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    return page


async def _weigh(page: Page, code: str) -> None:
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response))
    await page.goto(code)
    await page.locator("#result .again").wait_for()
    shown = await page.evaluate("performance.now()")
    weights = [(len(gzip.compress(await response.body())), response.url) for response in responses]
    for weight, url in sorted(weights, reverse=True):
        print(f"{weight / 1000:7.1f} KB  {url.rpartition('/')[2]}")
    print(f"{sum(weight for weight, _ in weights) / 1000:7.1f} KB  in all; first answer after {shown:.0f} ms")


async def _time(page: Page, codes: list[str]) -> None:
    await page.context.set_offline(True)
    fragments = [code.partition("#")[2] for code in codes]
    times = [await page.evaluate(ANSWER, fragment) for _ in range(ROUNDS) for fragment in fragments[1:]]
    judged = await page.evaluate("performance.getEntriesByName('judge').map((entry) => entry.duration)")
    print(f"{len(times)} codes without a network, {SLOWER}x slower")
    print(f"judged: {_told(judged)}; shown: {_told(times)}")


def _told(times: list[float]) -> str:
    return f"median {statistics.median(times):.1f} ms, slowest {max(times):.1f} ms"


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("var")))
