"""axe-core in the page under test."""

from pathlib import Path
from typing import Any

from playwright.async_api import Page

AXE = Path(__file__).parents[1] / "web/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async (rules) => {
  const { violations, passes } = await axe.run(document, { runOnly: rules });
  const found = violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 120)}`));
  return { found, passed: passes.length };
}"""


async def violations(page: Page) -> Any:
    """What it finds, each with the beginning of its element."""
    await page.evaluate(AXE.read_text("utf-8"))
    result = await page.evaluate(RUN, RULES)
    assert result["passed"] > 15
    return result["found"]
