"""axe-core finds nothing on any page, for any colour of answer, in either language, by day or by night."""

from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Page, expect

from demo_site import Site
from khoso.formats.verdict import Outcome

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async (rules) => {
  const { violations, passes } = await axe.run(document, { runOnly: rules });
  const found = violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 120)}`));
  return { found, passed: passes.length };
}"""
SCANNED = (Outcome.IN_FORCE, Outcome.SUPERSEDED, Outcome.NOT_ISSUED, Outcome.EXPIRED)


async def violations(page: Page) -> Any:
    await page.evaluate(AXE.read_text("utf-8"))
    result = await page.evaluate(RUN, RULES)
    assert result["passed"] > 15
    return result["found"]


@pytest.mark.parametrize("path", ["/", "/v", "/docs/api", "/demo/papers"])
async def test_a_page_is_clean(site: Site, phone: Page, path: str) -> None:
    await phone.goto(site.origin + path)
    await phone.evaluate("document.querySelectorAll('.sheet ~ .sheet').forEach((paper) => paper.remove())")  # 64 alike
    assert await violations(phone) == []


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_an_answer_is_clean(site: Site, phone: Page, scheme: Literal["light", "dark"], language: str) -> None:
    await phone.emulate_media(color_scheme=scheme)
    await phone.goto(f"{site.origin}/v")
    await phone.locator(f"#language-{language}").check()
    for outcome in SCANNED:
        await phone.goto(site.paper(outcome).code or "")
        await expect(phone.locator("article.verdict")).to_be_visible()
        assert await violations(phone) == [], outcome


async def test_an_answer_of_this_browser_alone_is_clean(site: Site, phone: Page) -> None:
    await phone.route("**/api/v1/verify", lambda route: route.abort("internetdisconnected"))
    await phone.goto(site.paper(Outcome.IN_FORCE).code or "")
    await expect(phone.locator("article.verdict")).to_have_attribute("data-colour", "amber")
    assert await violations(phone) == []


async def test_axe_finds_what_is_wrong(site: Site, phone: Page) -> None:
    await phone.goto(site.origin)
    await phone.locator("h1").evaluate("node => { node.style.color = '#cccccc' }")
    assert any("color-contrast" in one for one in await violations(phone))
