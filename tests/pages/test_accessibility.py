"""axe-core finds nothing on any page, for any colour of answer, in either language, by day or by night."""

from typing import Literal

import pytest
from playwright.async_api import Page, expect

from account_pages import be_logged_in
from axe import violations
from demo_site import Site
from khoso.formats.verdict import Outcome

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATHS = ("/", "/v", "/docs/api", "/demo/papers", "/demo/papers/guide", "/scan", "/account", "/reports", "/nothing")
Scheme = Literal["light", "dark"]
LOOKS: tuple[tuple[Scheme, str], ...] = (("light", "vi"), ("dark", "en"))
"""By day and by night, in one language and the other: what is wrong with a look is wrong in either language."""


async def open_in(page: Page, address: str, scheme: Scheme, language: str) -> None:
    await page.emulate_media(color_scheme=scheme)
    await page.goto(address)
    await page.locator(f"#language-{language}").check()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("scheme", "language"), LOOKS)
async def test_a_page_is_clean(site: Site, phone: Page, path: str, scheme: Scheme, language: str) -> None:
    await open_in(phone, site.origin + path, scheme, language)
    await phone.evaluate(
        "document.querySelectorAll('.sheet ~ .sheet, .case ~ .case').forEach((paper) => paper.remove())"
    )
    assert await violations(phone) == []


@pytest.mark.parametrize(("scheme", "language"), LOOKS)
async def test_every_answer_is_clean(site: Site, phone: Page, scheme: Scheme, language: str) -> None:
    await open_in(phone, f"{site.origin}/v", scheme, language)
    broken = f"{site.origin}/v#1" + "0" * 400
    papers = {paper.expect_reason + paper.expect: paper for paper in site.papers.values()}
    for code in (*(paper.code or "" for paper in papers.values()), broken):
        await phone.goto(code)
        await expect(phone.locator("#result .again")).to_be_visible()
        assert await violations(phone) == [], code


@pytest.mark.parametrize(("scheme", "language"), LOOKS)
async def test_a_look_up_is_clean(site: Site, phone: Page, scheme: Scheme, language: str) -> None:
    await open_in(phone, f"{site.origin}/v", scheme, language)
    for typed in ("hello", site.paper(Outcome.REVOKED).lookup_code or ""):
        await phone.locator("#lookup_code").fill(typed)
        await phone.locator("#lookup button").click()
        await expect(phone.locator("#lookup-problem, article.verdict")).to_be_visible()
        assert await violations(phone) == [], typed


@pytest.mark.parametrize(("scheme", "language"), LOOKS)
async def test_the_account_of_somebody_logged_in_is_clean(
    site: Site, phone: Page, scheme: Scheme, language: str
) -> None:
    await be_logged_in(site, phone, "Nguyễn Văn An", "Firefox 145 · Windows")
    await open_in(phone, f"{site.origin}/account", scheme, language)
    await phone.locator("#passkeys summary").click()
    await phone.locator("#passkeys .rows button").click()
    await expect(phone.locator("#passkeys .confirmation")).to_be_visible()
    assert await violations(phone) == []
    await phone.context.clear_cookies()
    await phone.locator("[name=confirm]").click()
    await expect(phone.locator("#passkeys .told .problem")).to_be_visible()
    assert await violations(phone) == []


@pytest.mark.parametrize(("scheme", "language"), LOOKS)
async def test_the_scanner_is_clean(site: Site, phone: Page, scheme: Scheme, language: str) -> None:
    await open_in(phone, f"{site.origin}/scan", scheme, language)
    await expect(phone.locator("#lists")).to_have_attribute("data-age", "fresh")
    look_alike = (site.papers["truck-good"].code or "").replace("/v#", ".evil.example/v#")
    revoked, truck = site.paper(Outcome.REVOKED).code, site.papers["truck-good"].code
    for code in (look_alike, revoked or "", truck or ""):
        await phone.locator("#code").fill(code)
        await phone.locator("#typed button").click()
        await expect(phone.locator("#result article.verdict")).to_be_visible()
        assert await violations(phone) == [], code
        await phone.locator("#next").click()
    await phone.locator("#history summary").click()
    await phone.locator("#settings summary").click()
    assert await violations(phone) == []


async def test_an_answer_of_this_browser_alone_is_clean(site: Site, phone: Page) -> None:
    await phone.route("**/api/v1/verify", lambda route: route.abort("internetdisconnected"))
    await phone.goto(site.paper(Outcome.IN_FORCE).code or "")
    await expect(phone.locator("article.verdict")).to_have_attribute("data-colour", "amber")
    assert await violations(phone) == []


async def test_axe_finds_what_is_wrong(site: Site, phone: Page) -> None:
    await phone.goto(site.origin)
    await phone.locator("h1").evaluate("node => { node.style.color = '#cccccc' }")
    assert any("color-contrast" in one for one in await violations(phone))
