"""What the eye and the thumb need, measured in a real Chromium; and papers that real decoders read from the page."""

import io
import math
import re
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from PIL import Image
from playwright.async_api import Browser, Page, expect

from account_pages import be_logged_in
from demo_site import Site
from khoso.formats.verdict import Outcome
from khoso.pages.sheet import render_sheet
from khoso.rendering.qr import qr_svg
from khoso.verification.wording import words
from rendering.decoders import DECODERS

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATHS = ("/", "/v", "/docs/api", "/demo/papers", "/demo/papers/guide", "/scan", "/account", "/reports", "/nothing")
COLOURS = ("green", "amber", "red", "grey")

# WCAG 2.2, 1.4.3: every visible text against the nearest opaque background; large text may have less.
FAINT_TEXTS = """() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const background = (node) => {
    for (; node; node = node.parentElement) {
      const [r, g, b, alpha = 1] = parse(getComputedStyle(node).backgroundColor);
      if (alpha === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const hasText = (node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  return [...document.body.querySelectorAll("*")]
    .filter((node) => hasText(node) && node.checkVisibility() && !node.closest("legend, .skip, svg, noscript"))
    .map((node) => {
      const style = getComputedStyle(node);
      const pair = [luminance(parse(style.color)), luminance(background(node))].sort((a, b) => b - a);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
      const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
      return { text: node.textContent.trim().slice(0, 40), ratio, wanted: large ? 3 : 4.5 };
    })
    .filter(({ ratio, wanted }) => ratio < wanted);
}"""

# WCAG 2.2, 2.5.8 asks for 24 px; thumbs in gloves get 44. A link inside a sentence is exempt.
SMALL_TARGETS = """() => [...document.querySelectorAll("a, button, input, label, summary")]
  .filter((node) => node.checkVisibility() && getComputedStyle(node).display !== "inline" && !node.matches(".skip"))
  .filter((node) => !node.matches("form label"))
  .map((node) => ({ what: node.outerHTML.slice(0, 60), height: node.getBoundingClientRect().height }))
  .filter(({ height }) => height < 44)"""

PRINTED_CODES = """nodes => nodes.map((node) => {
  const code = document.createRange();
  code.selectNodeContents(node.firstChild);
  const pt = parseFloat(getComputedStyle(node).fontSize) * 72 / 96;
  return { lines: code.getClientRects().length, overflow: node.scrollWidth - node.clientWidth, pt };
})"""


async def show_verdict(page: Page, site: Site, outcome: Outcome, kind: str = "") -> None:
    await page.goto(site.paper(outcome, kind).code or "")
    await expect(page.locator("article.verdict")).to_be_visible()


async def faint_texts(page: Page) -> Any:
    return await page.evaluate(FAINT_TEXTS)


@pytest.mark.parametrize("contrast", ["no-preference", "more"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_stands_out(
    site: Site, phone: Page, scheme: Literal["light", "dark"], contrast: Literal["no-preference", "more"]
) -> None:
    await phone.emulate_media(color_scheme=scheme, contrast=contrast)
    for path in PATHS:
        await phone.goto(site.origin + path)
        assert await faint_texts(phone) == [], path
    await show_verdict(phone, site, Outcome.SUPERSEDED)
    for colour in COLOURS:
        await phone.locator("article.verdict").evaluate("(node, colour) => { node.dataset.colour = colour }", colour)
        assert await faint_texts(phone) == [], colour


async def test_the_measure_of_contrast_finds_a_faint_text(site: Site, phone: Page) -> None:
    await phone.goto(site.origin)
    await phone.locator("h1").evaluate("node => { node.style.color = '#cccccc' }")
    assert len(await faint_texts(phone)) == 1


async def test_a_title_takes_two_lines_at_most(site: Site, phone: Page) -> None:
    await show_verdict(phone, site, Outcome.IN_FORCE)
    title = phone.locator(".answer h1 span[lang=vi]")
    for outcome in Outcome:
        await title.evaluate("(node, text) => { node.textContent = text }", words(outcome, "").title.vi)
        assert await title.evaluate("node => node.getClientRects().length") <= 2, outcome


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_nothing_sticks_out_of_the_narrowest_phone(site: Site, phone: Page, language: str) -> None:
    await phone.set_viewport_size({"width": 320, "height": 640})
    width = "document.documentElement.scrollWidth"
    for path in PATHS:
        await phone.goto(site.origin + path)
        await phone.locator(f"#language-{language}").check()
        assert await phone.evaluate(width) == 320, path
    for kind in ("house", "truck", "fishing", "guide"):
        await show_verdict(phone, site, Outcome.IN_FORCE, kind)
        large = phone.locator(".compare .large")
        assert await large.evaluate("node => node.scrollWidth <= node.clientWidth"), kind
        assert await phone.evaluate(width) == 320, kind


async def test_thumbs_find_every_control(site: Site, phone: Page) -> None:
    for path in PATHS:
        await phone.goto(site.origin + path)
        assert await phone.evaluate(SMALL_TARGETS) == [], path
    await show_verdict(phone, site, Outcome.SUPERSEDED)
    assert await phone.evaluate(SMALL_TARGETS) == []
    await be_logged_in(site, phone, "Nguyễn Văn An", "Firefox 145 · Windows")
    await phone.goto(f"{site.origin}/account")
    await phone.locator("#passkeys summary").click()
    assert await phone.evaluate(SMALL_TARGETS) == []


async def test_the_verdict_is_announced_and_reached_without_a_mouse(site: Site, phone: Page) -> None:
    await show_verdict(phone, site, Outcome.REVOKED)
    assert await phone.evaluate("document.activeElement.innerText") == "Đã thu hồi"
    assert await phone.locator("#result").get_attribute("aria-live") == "polite"
    assert await phone.locator("h1:visible").count() == 1
    assert await phone.locator("svg:not([aria-hidden=true])").count() == 0


async def test_without_colours_the_answers_still_differ(site: Site, phone: Page) -> None:
    await phone.emulate_media(forced_colors="active")
    pictures = set()
    await show_verdict(phone, site, Outcome.IN_FORCE)
    for colour in COLOURS:
        await phone.locator("article.verdict").evaluate("(node, colour) => { node.dataset.colour = colour }", colour)
        pictures.add(await phone.locator(".answer .icon:visible").screenshot())
    assert len(pictures) == len(COLOURS)


def read(png: bytes) -> set[str | None]:
    picture = Image.open(io.BytesIO(png)).convert("L")
    return {decode(picture) for decode in DECODERS.values()}


async def test_papers_are_scanned_from_the_screen_and_from_print(site: Site, chromium: Browser) -> None:
    context = await chromium.new_context(viewport={"width": 794, "height": 1123}, device_scale_factor=2)
    page = await context.new_page()
    for medium in ("screen", "print"):
        await page.emulate_media(media=medium)
        await page.goto(f"{site.origin}/demo/papers")
        for slug in ("house-good", "fishing-good", "truck-altered-plate", "guide-unrecorded"):
            assert read(await page.locator(f"#{slug} .qr svg").screenshot()) == {site.papers[slug].code}, medium
    await context.close()


async def test_a_paper_prints_its_code_top_left_and_its_altered_values(site: Site, phone: Page) -> None:
    await phone.set_viewport_size({"width": 794, "height": 1123})
    await phone.emulate_media(media="print")
    await phone.goto(f"{site.origin}/demo/papers")
    paper = site.papers["truck-altered-plate"]
    sheet = phone.locator("#truck-altered-plate .permit")
    qr, whole = await sheet.locator(".qr svg").bounding_box(), await sheet.bounding_box()
    assert qr is not None
    assert whole is not None
    assert 0 < qr["x"] - whole["x"] < 40
    assert 0 < qr["y"] - whole["y"] < 40
    assert 35 <= qr["width"] / 96 * 25.4 <= 45  # mm
    shown = await sheet.inner_text()
    assert all(field.shown.vi in shown for field in paper.fields)
    assert "không có giá trị pháp lý" in shown.lower()
    await expect(phone.locator(".bar")).to_be_hidden()


async def test_the_look_up_code_can_be_typed_from_print(site: Site, phone: Page) -> None:
    await phone.set_viewport_size({"width": 794, "height": 1123})
    await phone.emulate_media(media="print")
    await phone.goto(f"{site.origin}/demo/papers")
    typed = await phone.locator(".typed").evaluate_all(PRINTED_CODES)
    assert len(typed) > 50
    assert {code["lines"] for code in typed} == {1}
    assert max(code["overflow"] for code in typed) <= 0
    assert min(code["pt"] for code in typed) >= 9


async def test_three_papers_are_printed_on_a_page(site: Site, phone: Page) -> None:
    await phone.goto(f"{site.origin}/demo/papers")
    pdf = await phone.pdf(prefer_css_page_size=True)
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert pages == math.ceil(len(site.papers) / 3)


async def test_the_sheet_works_as_one_file(site: Site, phone: Page, tmp_path: Path) -> None:
    papers = [
        msgspec.structs.replace(paper, qr_svg=qr_svg(paper.code).decode())
        for paper in list(site.papers.values())[:3]
        if paper.code is not None
    ]
    html = render_sheet(papers)
    assert "http" not in html.replace(site.origin, "").replace("http://www.w3.org/2000/svg", "")
    (tmp_path / "papers.html").write_text(html, "utf-8")
    asked: list[str] = []
    phone.on("request", lambda request: asked.append(request.url))
    await phone.goto(f"file://{tmp_path}/papers.html")
    assert len(asked) == 1
    assert await phone.locator(".permit .qr svg").count() == len(papers)
    assert read(await phone.locator(".permit .qr svg").first.screenshot()) == {papers[0].code}
    await phone.locator("#language-en").check()
    await expect(phone.get_by_text("The right answer").first).to_be_visible()
