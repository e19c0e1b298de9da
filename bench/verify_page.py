"""The verify page in a slow phone: what it weighs, and how long from a code to an answer without a network.

    make demo                                  # in another window
    python -m bench.verify_page [DATA_DIR]

Chromium slows its processor down to a quarter. Each paper is judged by the page alone, as often as ROUNDS says.
"""

import asyncio
import gzip
import sys
from pathlib import Path

from playwright.async_api import Page, Response

from .phone import SLOWER, open_chromium, open_slow_page, read_codes, told

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
    codes = list(read_codes(data_dir).values())
    async with open_chromium() as browser:
        page = await open_slow_page(browser)
        await _weigh(page, codes[0])
        await _time(page, codes)


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
    print(f"judged: {told(judged)}; shown: {told(times)}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("var")))
