"""The verify page judges by itself: without a network, against forged lists, and where the server says otherwise."""

import gzip
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from playwright.async_api import Page, Response, Route, expect

from demo_site import Site
from khoso.formats import bundle, link
from khoso.formats.documents import PublicKeys
from khoso.formats.lists import Lists
from khoso.formats.verdict import Freshness, Outcome, verify
from khoso.signing.files import KeyFiles
from khoso.verification.wording import words

pytestmark = pytest.mark.asyncio(loop_scope="session")

API, LISTS = "**/api/v1/verify", "**/lists/bundle"
NEVER_GREEN = Freshness(green=-(1 << 40))
PAGE_BYTES = 100_000
"""What the page may weigh in all, gzipped."""


@pytest.fixture(scope="session")
def roots(site: Site, key_dir: Path) -> PublicKeys:
    return KeyFiles(key_dir).roots()


async def open_page(page: Page, site: Site) -> None:
    """The empty page, with its lists."""
    async with page.expect_response(LISTS) as arriving:
        await page.goto(f"{site.origin}/v")
    await (await arriving.value).finished()


async def scan(page: Page, code: str | None) -> None:
    """Another code, without loading the page again."""
    await page.evaluate("fragment => { location.hash = fragment }", (code or "").partition("#")[2])
    await expect(page.locator("article.verdict")).to_be_visible()


async def shown(page: Page) -> tuple[str | None, str | None]:
    article = page.locator("article.verdict")
    return await article.get_attribute("data-outcome"), await article.get_attribute("data-colour")


async def test_without_a_network_it_says_of_every_paper_what_the_lists_say(
    site: Site, phone: Page, roots: PublicKeys
) -> None:
    lists = Lists(site.origin, roots)
    downloaded = await phone.request.get(f"{site.origin}/lists/bundle")
    lists.take(bundle.decode(await downloaded.body()))
    await open_page(phone, site)
    await phone.context.set_offline(True)
    answers, expected = {}, {}
    for slug, paper in site.papers.items():
        if paper.code is None:
            continue
        await scan(phone, paper.code)
        await expect(phone.locator("#result .again")).to_be_visible()
        answers[slug] = await shown(phone)
        now = int(time.time())
        verdict = verify(paper.code, site.origin, lists.trust, lists.types, lists, now, NEVER_GREEN)
        expected[slug] = (verdict.outcome.value, words(verdict.outcome, verdict.reason).colour)
        await phone.evaluate("location.hash = ''")
    assert answers == expected
    assert {"in_force_offline", "expired", "not_issued", "suspended", "not_genuine"} <= {
        one for one, _ in answers.values()
    }
    assert "green" not in {colour for _, colour in answers.values()}


async def test_an_answer_without_the_server_says_so_and_by_which_list(site: Site, phone: Page) -> None:
    await open_page(phone, site)
    await phone.context.set_offline(True)
    await scan(phone, site.papers["truck-good"].code)
    await expect(phone.get_by_role("heading", name="Ngoại tuyến: chưa kiểm tra thu hồi")).to_be_in_viewport()
    await expect(phone.locator(".answer .as-of")).to_contain_text("Danh sách lúc")
    for text in ("Máy chủ kiểm tra chưa trả lời", "Chỉ trình duyệt này kiểm tra", "Chưa chứng minh người cầm giấy"):
        await expect(phone.get_by_text(text)).to_be_visible()
    await expect(phone.locator(".compare .large")).to_contain_text(site.papers["truck-good"].fields[0].shown.vi)
    await phone.context.set_offline(False)
    await phone.get_by_role("button", name="Kiểm tra lại").click()
    await expect(phone.get_by_role("heading", name="Còn hiệu lực", exact=True)).to_be_visible()
    await expect(phone.get_by_text("Máy chủ và chính trình duyệt này đã kiểm tra")).to_be_visible()


def _flip(at: Callable[[bytes], int]) -> Callable[[bytes], bytes]:
    def changed(data: bytes) -> bytes:
        place = at(data)
        return data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]

    return changed


TAMPERED: Mapping[str, Callable[[bytes], bytes]] = {
    "the trust list": _flip(lambda data: data.index(b"H17.05") + 1),
    "a status list": _flip(lambda data: data.index(b"statuslist+cwt") + 120),
    "the type list": _flip(lambda data: data.index(b'"label_vi"') + 3),
    "cut short": lambda data: data[:-40],
    "a portal's page": lambda data: b"<html>Wi-Fi</html>",
}


@pytest.mark.parametrize("what", TAMPERED)
async def test_a_tampered_list_is_not_believed(site: Site, phone: Page, what: str) -> None:
    async def tamper(route: Route) -> None:
        response = await route.fetch()
        await route.fulfill(response=response, body=TAMPERED[what](await response.body()))

    await phone.route(LISTS, tamper)
    await open_page(phone, site)
    await scan(phone, site.paper(Outcome.IN_FORCE).code)
    await expect(phone.get_by_text("Chỉ máy chủ kiểm tra")).to_be_visible()
    assert await shown(phone) == ("in_force", "green")
    await phone.route(API, lambda route: route.abort("internetdisconnected"))
    await phone.get_by_role("button", name="Kiểm tra lại").click()
    await expect(phone.locator("article.verdict")).to_have_attribute("data-colour", "grey")


async def test_a_server_that_calls_a_forgery_good_is_contradicted(site: Site, phone: Page) -> None:
    good = site.paper(Outcome.IN_FORCE).code or ""
    signed = link.parse(good, site.origin)
    answer = await (await phone.request.post(f"{site.origin}/api/v1/verify", data={"code": good})).body()
    await phone.route(API, lambda route: route.fulfill(body=answer, content_type="application/json"))
    await open_page(phone, site)
    await scan(phone, link.compose(site.origin, signed[:-1] + bytes((signed[-1] ^ 1,))))
    assert await shown(phone) == ("not_genuine", "red")
    note = phone.locator(".problem", has_text="trả lời khác nhau")
    await expect(note).to_contain_text("Còn hiệu lực")


async def test_a_server_that_lets_wait_is_not_waited_for(site: Site, phone: Page) -> None:
    held: list[Route] = []
    await phone.route(API, lambda route: held.append(route))
    await open_page(phone, site)
    await scan(phone, site.paper(Outcome.IN_FORCE).code)
    assert await shown(phone) == ("in_force_offline", "amber")
    await held[0].continue_()
    await expect(phone.locator("article.verdict")).to_have_attribute("data-outcome", "in_force")


async def test_a_browser_that_cannot_check_signatures_leaves_it_to_the_server(site: Site, phone: Page) -> None:
    """Outside a secure context, as on http and another machine's address, there is no WebCrypto."""
    await phone.add_init_script("Object.defineProperty(crypto, 'subtle', { value: undefined })")
    await open_page(phone, site)
    await scan(phone, site.paper(Outcome.IN_FORCE).code)
    assert await shown(phone) == ("in_force", "green")
    await expect(phone.get_by_text("Chỉ máy chủ kiểm tra")).to_be_visible()


async def test_the_page_weighs_little(site: Site, phone: Page) -> None:
    responses: list[Response] = []
    phone.on("response", lambda response: responses.append(response))
    await open_page(phone, site)
    weights = {response.url: len(gzip.compress(await response.body())) for response in responses}
    assert any("verify." in url for url in weights)
    assert sum(weights.values()) < PAGE_BYTES, weights
