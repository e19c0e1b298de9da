"""Claims as an attack, in a real Chromium: real papers with hostile texts, on every page that shows what papers say.

Whatever a paper says, the browser runs nothing, asks nobody else and complains of nothing; the page has the markup and
the width of an innocent one; the text stands where it belongs, and nothing that cannot be seen is hidden in it.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unicodedata import normalize
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

import hostile
from account_pages import be_logged_in
from axe import violations
from demo_site import Site
from forging import resign
from khoso.formats import digits
from khoso.formats.hidden import made_visible
from khoso.formats.verdict import Outcome
from khoso.pages.guide import guide_page
from khoso.pages.headers import SECURITY_HEADERS
from khoso.pages.model import PaperToScan, PrintedField
from khoso.pages.sheet import sheet_page
from khoso.rendering.qr import qr_png
from khoso.text import Words
from tokens import bearer

pytestmark = pytest.mark.asyncio(loop_scope="session")

API = "**/api/v1/verify"
AGENCY, TYPE = "H17.14", "KQ.H17.000002"
ADDRESS, PREMISES = 1, 2
"""The fields of a food-safety certificate that hold a text; the first stands large."""
PLATE = 1
BOTH_FIT = 80
"""Bytes of a text that finds room in both fields of a code."""
NARROW = {"width": 320, "height": 640}

TELL_VIOLATIONS = """addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
  console.error("policy", violatedDirective, blockedURI);
})"""
MARKUP = "root => [...root.querySelectorAll('*')].map((node) => node.tagName).join(' ')"
STICKING_OUT = """(mayCut) => [...document.querySelectorAll("main, main *")]
  .filter((node) => node.checkVisibility() && !node.closest("svg, input, .unseen"))
  .filter((node) => !node.parentElement.closest("dd, .large, .choices span, #history p"))
  .filter((node) => node.getBoundingClientRect().right > innerWidth
                    || (node.scrollWidth > node.clientWidth && getComputedStyle(node).display !== "inline"
                        && !(mayCut && getComputedStyle(node).overflow === "clip")))
  .map((node) => node.outerHTML.slice(0, 100))"""


@dataclass(frozen=True)
class Issued:
    """A paper as its agency gave it out."""

    text: str
    code: str
    lookup_code: str
    result_code: str


def request_of(serial: int, address: str, premises: str) -> dict[str, Any]:
    return {
        "type_code": TYPE,
        "dossier_code": f"{AGENCY}-261125-{serial:06}",
        "holder": {"kind": "person", "id": "048176999009", "name": "Nguyễn Thị Hồng Nhung"},
        "fields": {
            "address": address,
            "premises": premises,
            "activity": "catering",
            "owner": "Nguyễn Thị Hồng Nhung",
            "certificate_number": "1/ATTP",
        },
    }


def in_both(text: str) -> str:
    """What stands in the second field beside such a text in the first."""
    return text if len(text.encode()) <= BOTH_FIT else "Quán"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(site: Site, key_dir: Path) -> AsyncIterator[httpx.AsyncClient]:
    """An officer's way into the API."""
    scopes = ("credentials:issue", "credentials:read", "credentials:change-status")
    headers = bearer(key_dir, datetime.now(UTC), *scopes, agency=AGENCY, origin=site.origin)
    async with httpx.AsyncClient(base_url=site.origin, headers=headers) as client:
        yield client


async def ask(desk: httpx.AsyncClient, serial: int, address: str, premises: str) -> httpx.Response:
    request = request_of(serial, address, premises)
    return await desk.post("/api/v1/credentials", json=request, headers={"idempotency-key": f"hostile-{serial}"})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def issued(desk: httpx.AsyncClient) -> Mapping[str, Issued]:
    """Every text that an issuer takes, in a paper that he issued; and an innocent one."""
    papers = {}
    for serial, (name, text) in enumerate({"innocent": "12 Lê Lợi", **hostile.ISSUABLE}.items(), 1):
        answer = await ask(desk, serial, text, in_both(text))
        assert answer.status_code == 201, (name, answer.text)
        given = answer.json()
        papers[name] = Issued(text, given["code"], given["lookup_code"], given["result_code"])
    return papers


@pytest_asyncio.fixture(loop_scope="session")
async def page(site: Site, phone: Page) -> AsyncIterator[Page]:
    """The narrowest phone. What it complains of, asks elsewhere or pops up fails the test."""
    dialogs: list[str] = []
    elsewhere: list[str] = []
    phone.on("dialog", lambda dialog: dialogs.append(dialog.message))
    phone.on("request", lambda request: elsewhere.append(request.url))
    await phone.add_init_script(TELL_VIOLATIONS)
    await phone.set_viewport_size({"width": 320, "height": 640})
    yield phone
    assert dialogs == []
    assert [url for url in elsewhere if not url.startswith(f"{site.origin}/")] == []


async def scan(page: Page, code: str) -> None:
    """Another code on the open page."""
    await page.evaluate("fragment => { location.hash = '#'; location.hash = fragment }", code.partition("#")[2])
    await expect(page.locator("#result .again")).to_be_visible()


async def assert_it_fits(page: Page, name: str) -> None:
    """Nothing sticks out of the screen, and nothing is cut off but marks heaped on one letter."""
    assert await page.evaluate("document.documentElement.scrollWidth") == NARROW["width"], name
    assert await page.evaluate(STICKING_OUT, "marks" in name) == [], name


async def assert_it_is_text(page: Page, text: str, name: str) -> None:
    """The text stands in its two places, visible to the last character, and the page keeps its width."""
    large = page.locator(".compare .large span[lang=vi]")
    listed = page.locator("dl dd span[lang=vi]").first
    assert await large.evaluate("node => node.textContent") == made_visible(text), name
    assert await listed.evaluate("node => node.textContent") == made_visible(in_both(text)), name
    await assert_it_fits(page, name)
    assert await page.title() == "Kiểm tra giấy tờ · Kho Số"


async def markup_of(page: Page) -> str:
    return str(await page.locator("#result").evaluate(MARKUP))


async def test_an_issuer_refuses_what_cannot_be_seen_and_says_what(desk: httpx.AsyncClient) -> None:
    for serial, (name, (text, code)) in enumerate(hostile.REFUSED.items(), 500):
        answer = await ask(desk, serial, text, "Quán")
        assert answer.status_code == 422, name
        [problem] = answer.json()["problems"]
        assert (problem["field"], problem["code"]) == ("fields.address", code), name
        if code == "hidden_character":
            assert f"U+{ord(next(c for c in text if made_visible(c) != c or c == chr(10))):04X}" in problem["message"]


async def test_papers_that_were_issued_are_shown_as_text(site: Site, page: Page, issued: Mapping[str, Issued]) -> None:
    await page.goto(issued["innocent"].code)
    await expect(page.locator("#result .again")).to_be_visible()
    innocent = await markup_of(page)
    for name, paper in issued.items():
        await scan(page, paper.code)
        await expect(page.locator("article.verdict")).to_have_attribute("data-outcome", "in_force")
        await assert_it_is_text(page, normalize("NFC", paper.text), name)
        assert await markup_of(page) == innocent, name


async def test_the_look_up_shows_them_as_text_too(site: Site, page: Page, issued: Mapping[str, Issued]) -> None:
    markups = {}
    await page.goto(f"{site.origin}/v")
    for name in ("innocent", *hostile.MARKUP, *hostile.DIRECTIONS, *hostile.LENGTHS):
        paper = issued[name]
        await page.locator("#lookup_code").fill(paper.lookup_code)
        await page.locator("#lookup button").click()
        await assert_it_is_text(page, normalize("NFC", paper.text), name)
        markups[name] = await markup_of(page)
    assert [name for name, markup in markups.items() if markup != markups["innocent"]] == []


async def test_what_is_typed_into_the_look_up_comes_back_as_text(site: Site, page: Page) -> None:
    await page.goto(f"{site.origin}/v")
    for name, text in {**hostile.MARKUP, **hostile.LANGUAGES, **hostile.DIRECTIONS, **hostile.HIDDEN}.items():
        await page.locator("#lookup_code").fill(text)
        await page.locator("#lookup button").click()
        await expect(page.locator("#lookup-problem")).to_be_visible()
        assert await page.locator("#lookup_code").input_value() == made_visible(text.replace("\n", " ")), name
        await assert_it_fits(page, name)


def too_long(site: Site) -> dict[str, str]:
    """As much as a code can carry."""
    room = digits.MAX_BYTES - len(site.origin) - 330
    units = {"long word": "W", "many words": "Đường ", "marks on one letter": "\u0489", "right to left": "ש"}
    return {name: unit * (room // len(unit.encode())) for name, unit in units.items()}


async def signed_by_a_bad_issuer(site: Site, key_dir: Path, slug: str, fields: Mapping[int, Any]) -> str:
    """The agency's real signature over other texts, at the index of a paper that stands: off line all of it is good."""
    code = site.papers[slug].code
    assert code is not None
    return await resign(code, key_dir, origin=site.origin, fields=fields)


async def test_what_only_a_bad_issuer_signs_is_shown_without_harm(site: Site, page: Page, key_dir: Path) -> None:
    """The server contradicts by its record; the browser alone has to believe it."""
    texts = {**hostile.HIDDEN, **too_long(site)}
    codes = {
        name: await signed_by_a_bad_issuer(site, key_dir, "food-good", {ADDRESS: text, PREMISES: in_both(text), 3: 0})
        for name, text in texts.items()
    }
    for outcome in ("not_issued", "in_force_offline"):
        await page.goto(f"{site.origin}/v")
        if outcome == "in_force_offline":
            await page.route(API, lambda route: route.abort("internetdisconnected"))
        for name, code in codes.items():
            await scan(page, code)
            await expect(page.locator("article.verdict")).to_have_attribute("data-outcome", outcome)
            large = page.locator(".compare .large span[lang=vi]")
            assert await large.evaluate("node => node.textContent") == made_visible(texts[name]), name
            await assert_it_fits(page, name)


async def test_a_plate_without_end_does_not_break_the_page(site: Site, page: Page, key_dir: Path) -> None:
    for name, text in too_long(site).items():
        code = await signed_by_a_bad_issuer(site, key_dir, "truck-good", {PLATE: text, 2: 850, 3: ["a"], 4: [0, 60]})
        await page.goto(code)
        await expect(page.locator(".compare .large")).to_be_visible()
        await assert_it_fits(page, name)


async def test_a_result_code_is_no_way_in(site: Site, page: Page, key_dir: Path) -> None:
    """Nothing says what a signed result code looks like; only the record does."""
    await page.route(API, lambda route: route.abort("internetdisconnected"))
    await page.goto(f"{site.origin}/v")
    for name, text in {**hostile.MARKUP, **hostile.DIRECTIONS, **hostile.HIDDEN, **hostile.LENGTHS}.items():
        code = await resign(site.papers["food-good"].code or "", key_dir, origin=site.origin, result_code=text)
        await scan(page, code)
        assert await page.locator("dd.code").evaluate("node => node.textContent") == made_visible(text), name
        await assert_it_fits(page, name)


async def beside_the_texts(page: Page) -> bytes:
    """A picture of the page with every text of the paper covered."""
    return await page.screenshot(
        full_page=True, mask=[page.locator("dd"), page.locator(".large"), page.locator(".ages")]
    )


async def test_directions_and_marks_reach_nothing_beside_them(page: Page, issued: Mapping[str, Issued]) -> None:
    await page.goto(issued["innocent"].code)
    pictures = {}
    for name in ("innocent", *hostile.DIRECTIONS):
        await scan(page, issued[name].code)
        pictures[name] = await beside_the_texts(page)
    assert [name for name, picture in pictures.items() if picture != pictures["innocent"]] == []


async def is_known(page: Page, site: Site, code: str, outcome: str) -> None:
    """Wait until the server has heard of it, which takes a second, or longer on a busy machine."""
    for _ in range(200):
        answer = await page.request.post(f"{site.origin}/api/v1/verify", data={"code": code})
        if (await answer.json())["outcome"] == outcome:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"never known to be {outcome}")


async def test_the_reason_of_a_withdrawal_is_text(site: Site, page: Page, desk: httpx.AsyncClient) -> None:
    for serial, text in enumerate((hostile.MARKUP["script"], hostile.MARKUP["form"], "W" * 200, "שלום"), 800):
        given = (await ask(desk, serial, "12 Lê Lợi", "Quán")).json()
        act = {"act": "revoke", "reason_code": text, "decision_number": text}
        answer = await desk.post(f"/api/v1/credentials/{given['result_code']}/acts", json=act)
        assert answer.status_code == 204, answer.text
        await is_known(page, site, given["code"], "revoked")
        await page.goto(given["code"])
        withdrawal = page.locator(".withdrawal")
        await expect(withdrawal.locator("dd").first).to_contain_text(text)
        await expect(withdrawal.locator("dd").nth(1)).to_have_text(text)
        await assert_it_fits(page, text)


async def paste(page: Page, code: str) -> None:
    """Into the scanner, as if it had been scanned."""
    if await page.locator("#next").is_visible():
        await page.locator("#next").click()
    await page.locator("#code").fill(code)
    await page.locator("#typed button").click()
    await expect(page.locator("#result article.verdict")).to_be_visible()


async def test_the_scanner_shows_them_as_text_and_remembers_them_so(
    site: Site, page: Page, issued: Mapping[str, Issued]
) -> None:
    """Without the server, as in the street; then everything of it in the history."""
    await page.goto(f"{site.origin}/scan")
    await expect(page.locator("#lists")).to_have_attribute("data-age", "fresh")
    await page.route(API, lambda route: route.abort("internetdisconnected"))
    names = ("innocent", *hostile.MARKUP, *hostile.DIRECTIONS, *hostile.LENGTHS)
    markups = {}
    for name in names:
        await paste(page, issued[name].code)
        large = page.locator(".compare .large span[lang=vi]")
        await expect(large).to_have_text(normalize("NFC", issued[name].text), use_inner_text=True)
        await expect(page.locator("#result").get_by_text("Máy chủ kiểm tra chưa trả lời")).to_be_visible()
        await assert_it_fits(page, name)
        markups[name] = await markup_of(page)
    assert [name for name, markup in markups.items() if markup != markups["innocent"]] == []
    await page.locator("#next").click()
    await page.locator("#history summary").click()
    remembered = page.locator("#history li p > span:first-child span[lang=vi]")
    texts = await remembered.all_text_contents()
    assert set(texts) >= {normalize("NFC", issued[name].text) for name in names}
    await assert_it_fits(page, "marks")


async def test_the_scanner_s_questions_are_text_too(site: Site, page: Page, key_dir: Path) -> None:
    """The streets and hours of a truck's permit are put into choices and sentences."""
    await page.goto(f"{site.origin}/scan")
    await expect(page.locator("#lists")).to_have_attribute("data-age", "fresh")
    await page.route(API, lambda route: route.abort("internetdisconnected"))
    texts = [*hostile.MARKUP.values(), *hostile.HIDDEN.values(), *hostile.DIRECTIONS.values(), "W" * 200]
    for text in texts:
        fields = {PLATE: "43C-912.45", 2: 850, 3: [text, "Trần Phú"], 4: [0, 1439]}
        await paste(page, await signed_by_a_bad_issuer(site, key_dir, "truck-good", fields))
        first = page.locator(".allowed-now label", has=page.locator("input")).first
        assert await first.text_content() == made_visible(text)
        assert await page.locator(".allowed-now").locator("img, svg:not(.icon), script, a").count() == 0
        await first.click()
        await expect(page.locator(".allowed [data-when=yes]")).to_be_visible()
        await assert_it_fits(page, "marks")


def printed(text: str, slug: str) -> PaperToScan:
    """A paper of the sheet that says the text wherever a paper can."""
    both = Words(text, text)
    return PaperToScan(
        slug=slug,
        title=Words("Giấy phép", "Permit"),
        agency=Words("UBND phường Hải Châu", "Hai Chau Ward People's Committee"),
        result_code=text,
        fields=tuple(PrintedField(Words("Địa chỉ", "Address"), both, altered=n == 1) for n in range(3)),
        story=both,
        done=both,
        expect=Outcome.IN_FORCE,
        expect_reason="all_checks_passed",
    )


@pytest.mark.parametrize(("path", "draw"), [("/demo/papers", sheet_page), ("/demo/papers/guide", guide_page)])
async def test_sheet_and_guide_show_them_as_text(
    site: Site, page: Page, path: str, draw: Callable[[Sequence[PaperToScan]], bytes]
) -> None:
    texts = {**hostile.ISSUABLE, **hostile.HIDDEN}
    body = draw([printed(text, f"paper-{n}") for n, text in enumerate(texts.values())])
    headers = {**SECURITY_HEADERS, "content-type": "text/html; charset=utf-8"}
    await page.route(f"**{path}", lambda route: route.fulfill(body=body, headers=headers))
    await page.goto(site.origin + path)
    for n, (name, text) in enumerate(texts.items()):
        shown = await page.locator(f"#paper-{n} span[lang=vi]").all_text_contents()
        assert shown.count(made_visible(text)) >= 4, name
    assert len({await page.locator(f"#paper-{n}").evaluate(MARKUP) for n in range(len(texts))}) == 1
    await assert_it_fits(page, "marks")


async def test_what_the_api_says_of_them_is_no_page(
    site: Site, page: Page, desk: httpx.AsyncClient, issued: Mapping[str, Issued]
) -> None:
    await page.set_extra_http_headers({"authorization": desk.headers["authorization"]})
    for name in ("script", "picture in an attribute", "end of every element"):
        whole = await desk.get(f"/api/v1/credentials/{issued[name].result_code}")
        assert whole.json()["fields"]["address"] == issued[name].text
        assert whole.headers["content-type"] == "application/json"
        assert whole.headers["x-content-type-options"] == "nosniff"
        for picture in ("qr.png", "print.png"):
            drawn = await desk.get(f"/api/v1/credentials/{issued[name].result_code}/{picture}")
            assert drawn.headers["content-type"] == "image/png"
        await page.goto(f"{site.origin}/api/v1/credentials/{issued[name].result_code}/qr.svg")
        assert await page.evaluate("[...document.querySelectorAll('*')].map((node) => node.tagName).join(' ')") == (
            "svg title rect path"
        )


async def test_names_of_people_browsers_and_passkeys_are_text_on_the_account_page(site: Site, page: Page) -> None:
    """A name comes from the identity provider; what browsers and passkeys are called, from whoever logs in."""
    texts = {**hostile.MARKUP, **hostile.DIRECTIONS, **hostile.HIDDEN, "word": "W" * 200}
    markups = set()
    for name, text in texts.items():
        if "\0" in text:  # which PostgreSQL does not take
            continue
        await be_logged_in(site, page, text, text)
        await page.goto(f"{site.origin}/account")
        await expect(page.locator("#passkeys .rows strong")).to_have_count(1)
        assert await page.locator("main h1").text_content() == made_visible(text), name
        assert await page.locator(".rows strong").all_text_contents() == [made_visible(text)] * 3, name
        markups.add(await page.locator("main").evaluate(MARKUP))
        await assert_it_fits(page, name)
    assert len(markups) == 1


async def test_what_an_inspector_reports_is_text_and_its_photo_a_picture(site: Site, page: Page, key_dir: Path) -> None:
    """Note and code are whatever somebody sent; the newest report has a photo."""
    texts = {**hostile.MARKUP, **hostile.DIRECTIONS, **hostile.HIDDEN, **hostile.LENGTHS, "long": "W" * 1_000}
    texts = {name: text for name, text in texts.items() if "\0" not in text}  # which PostgreSQL does not take
    now = datetime.now(UTC)
    inspector, head = (
        bearer(key_dir, now, scope, agency="H17.13", origin=site.origin) for scope in ("inspect", "monitoring:read")
    )
    photo = b64encode(qr_png("a photo", module_px=20)).decode()
    sent = {}
    async with httpx.AsyncClient(base_url=site.origin, headers=inspector) as client:
        for name, text in texts.items():
            report = {"report_id": str(uuid4()), "code": text, "finding": "forged", "note": text, "photo": photo}
            sent[name] = report
            if text is not [*texts.values()][-1]:
                del report["photo"]
            assert (await client.post("/api/v1/reports", json=report)).status_code == 204, name
    await page.set_extra_http_headers(head)
    markups = set()
    for name, report in sent.items():
        await page.goto(f"{site.origin}/reports/{report['report_id']}")
        shown = page.locator("dd.prose, dd > code:only-child")
        assert await shown.all_text_contents() == [made_visible(texts[name])] * 2, name
        markups.add(await page.locator("dl").evaluate(MARKUP))
        await assert_it_fits(page, name)
    assert len(markups) == 1
    picture = page.get_by_role("img", name="Ảnh người kiểm tra chụp")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("node => node.naturalWidth") > 0
    assert await violations(page) == []

    await page.goto(f"{site.origin}/reports")
    assert await violations(page) == []
    seen = 0
    while True:
        without = page.locator(".entry", has_not_text="có ảnh")
        assert len({await entry.evaluate(MARKUP) for entry in await without.all()}) == 1
        seen += await page.locator(".entry").count()
        await assert_it_fits(page, "marks")
        if not await page.get_by_role("link", name="Cũ hơn").count():
            break
        await page.get_by_role("link", name="Cũ hơn").click()
        await expect(page.get_by_role("link", name="Mới nhất")).to_be_visible()
    assert seen == len(sent)
