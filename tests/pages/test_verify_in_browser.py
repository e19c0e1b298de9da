"""The verify page in a real Chromium, on the real service: every paper, every failure, what leaves the phone."""

import pytest
from playwright.async_api import Browser, Page, Request, Route, expect

from demo_site import Site
from khoso.formats.verdict import Outcome
from khoso.verification.wording import words

pytestmark = pytest.mark.asyncio(loop_scope="session")

API = "**/api/v1/verify"
LISTS = "**/lists/bundle"


async def scan(page: Page, code: str | None) -> None:
    """Open the link of a code, as a camera does."""
    assert code is not None
    await page.goto(code)
    await expect(page.locator("article.verdict")).to_be_visible()


async def colour(page: Page) -> str | None:
    return await page.locator("article.verdict").get_attribute("data-colour")


async def test_every_paper_of_the_demonstration_gets_its_answer(site: Site, phone: Page) -> None:
    await phone.goto(f"{site.origin}/v")
    answers = {}
    expected = {}
    for slug, paper in site.papers.items():
        if paper.code is None:
            continue
        fragment = paper.code.partition("#")[2]
        async with phone.expect_response(API):
            await phone.evaluate("fragment => { location.hash = fragment }", fragment)
        await expect(phone.locator("article.verdict")).to_be_visible()
        article = phone.locator("article.verdict")
        answers[slug] = (await article.get_attribute("data-outcome"), await colour(phone))
        expected[slug] = (paper.expect.value, words(paper.expect, "").colour)
    assert len(answers) >= 60
    assert answers == expected


async def test_the_first_screen_says_it_all(site: Site, phone: Page) -> None:
    await scan(phone, site.papers["truck-good"].code)
    for shown in (
        phone.get_by_role("heading", name="Còn hiệu lực", exact=True),
        phone.locator(".answer .icon.green"),
        phone.locator(".compare .large", has_text=site.papers["truck-good"].fields[0].shown.vi),
    ):
        await expect(shown).to_be_in_viewport(ratio=1)
    for hidden in ("amber", "red", "grey"):
        await expect(phone.locator(f".answer .icon.{hidden}")).to_be_hidden()
    for text in ("Chưa chứng minh người cầm giấy", "Đối chiếu biển số thật trên xe", "Kiểm tra lúc", "Nơi cấp"):
        await expect(phone.get_by_text(text)).to_be_visible()


async def test_an_altered_paper_is_found_by_the_large_field(site: Site, phone: Page) -> None:
    paper = site.papers["truck-altered-plate"]
    await scan(phone, paper.code)
    printed = next(field.shown.vi for field in paper.fields if field.altered)
    large = await phone.locator(".compare .large").inner_text()
    assert large != printed
    assert printed not in await phone.inner_text("main")


async def test_a_withdrawn_paper_names_the_decision_and_leads_to_the_newer_one(site: Site, phone: Page) -> None:
    await scan(phone, site.papers["house-superseded"].code)
    newer = site.papers["house-adjusted"]
    await expect(phone.get_by_text("611/QĐ-UBND")).to_be_visible()
    await expect(phone.get_by_text("Đã điều chỉnh nội dung")).to_be_visible()
    assert "adjusted" not in await phone.inner_text("main")
    box = phone.locator("#newer")
    await expect(box).to_have_value(f"{newer.result_code} ")
    await box.fill(newer.lookup_code or "")
    await phone.get_by_role("button", name="Tra giấy mới").click()
    await expect(phone.get_by_role("heading", name="Còn hiệu lực", exact=True)).to_be_visible()


async def test_a_former_agency_keeps_its_name_and_its_successors_are_named(site: Site, phone: Page) -> None:
    await scan(phone, site.papers["house-former-district"].code)
    issuer = phone.locator("dl > div", has_text="Nơi cấp")
    lines = (await issuer.inner_text()).splitlines()
    assert [line for line in lines if line] == [
        "Nơi cấp",
        "UBND quận Sơn Trà",
        "nay là: UBND phường An Hải",
        "nay là: UBND phường Sơn Trà",
    ]


async def test_what_was_never_issued_is_not_called_issued(site: Site, phone: Page) -> None:
    await scan(phone, site.paper(Outcome.NOT_ISSUED).code)
    await expect(phone.get_by_text("nhưng không được công nhận")).to_be_visible()
    await expect(phone.get_by_text("là nội dung đã cấp")).to_be_hidden()


async def test_english_is_one_touch_away_and_stays(site: Site, phone: Page) -> None:
    await scan(phone, site.paper(Outcome.EXPIRED).code)
    await phone.locator("#language-en").check()
    await expect(phone.get_by_role("heading", name="Expired", exact=True)).to_be_visible()
    assert "Hết hạn" not in await phone.inner_text("main")
    await phone.goto(f"{site.origin}/")
    await expect(phone.get_by_text("Four colours of answers")).to_be_visible()
    assert await phone.evaluate("document.documentElement.lang") == "en"


async def test_an_empty_page_asks_for_the_typed_code(site: Site, phone: Page) -> None:
    await phone.goto(f"{site.origin}/v")
    paper = site.paper(Outcome.IN_FORCE, "food")
    await phone.get_by_label("Mã tra cứu").fill((paper.lookup_code or "").lower())
    await phone.get_by_role("button", name="Tra cứu").click()
    await expect(phone.get_by_role("heading", name="Còn hiệu lực", exact=True)).to_be_visible()
    assert phone.url == f"{site.origin}/v/lookup"


async def test_both_ways_show_the_same_words(site: Site, phone: Page) -> None:
    """The script and the server fill one markup; only the moment of the check may differ."""
    for slug in ("house-good", "food-suspended", "house-superseded", "truck-expiring"):
        paper = site.papers[slug]
        await scan(phone, paper.code)
        scanned = await phone.locator("article.verdict > :not(.ages)").all_inner_texts()
        await phone.goto(f"{site.origin}/v")
        await phone.get_by_label("Mã tra cứu").fill(paper.lookup_code or "")
        await phone.get_by_role("button", name="Tra cứu").click()
        assert await phone.locator("article.verdict > :not(.ages)").all_inner_texts() == scanned


async def test_without_javascript_the_page_says_what_to_do(site: Site, chromium: Browser) -> None:
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    paper = site.paper(Outcome.REVOKED)
    await page.goto(paper.code or "")
    await expect(page.locator("noscript .problem span[lang=vi]")).to_be_visible()
    await page.get_by_label("Mã tra cứu").fill(paper.lookup_code or "")
    await page.get_by_role("button", name="Tra cứu").click()
    await expect(page.get_by_role("heading", name="Đã thu hồi", exact=True)).to_be_visible()
    await page.locator("#language-en").check()
    await expect(page.get_by_role("heading", name="Revoked", exact=True)).to_be_visible()
    await context.close()


async def test_nothing_of_the_code_leaves_the_phone_but_in_the_one_body(site: Site, phone: Page) -> None:
    requests: list[Request] = []
    phone.on("request", lambda request: requests.append(request))
    paper = site.paper(Outcome.IN_FORCE, "house")
    code = paper.code or ""
    await scan(phone, code)
    digits = code.partition("#")[2]
    sent = [request for request in requests if digits in (request.post_data or "")]
    assert [(request.method, request.url) for request in sent] == [("POST", f"{site.origin}/api/v1/verify")]
    assert sent[0].post_data_json == {"code": code}
    for request in requests:
        headers = await request.all_headers()
        assert request.url.startswith(f"{site.origin}/")
        assert not headers.get("referer")
        assert "cookie" not in headers
        assert all(digits not in value for name, value in headers.items())
    assert await phone.evaluate("history.length") <= 2
    assert await phone.title() == "Kiểm tra giấy tờ · Kho Số"
    assert await phone.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)") == "{}{}"


async def without_lists(page: Page) -> None:
    """The browser has nothing to judge by itself."""
    await page.route(LISTS, lambda route: route.abort("internetdisconnected"))


async def test_no_network_and_no_lists_is_neither_genuine_nor_forged(site: Site, phone: Page) -> None:
    await without_lists(phone)
    await phone.goto(f"{site.origin}/v")
    await phone.route(API, lambda route: route.abort("internetdisconnected"))
    await phone.evaluate("fragment => { location.hash = fragment }", "1234")
    await expect(phone.get_by_role("heading", name="Chưa kết luận được", exact=True)).to_be_visible()
    assert await colour(phone) == "grey"
    await expect(phone.get_by_text("Không kết nối được tới máy chủ kiểm tra")).to_be_visible()
    await phone.unroute(API)
    await phone.get_by_role("button", name="Kiểm tra lại").click()
    await expect(phone.locator("article.verdict")).to_have_attribute("data-outcome", "malformed")


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (429, "{}", "quá nhiều lượt kiểm tra"),
        (503, "{}", "tạm thời không trả lời"),
        (500, "", "tạm thời không trả lời"),
        (200, "<html>Đăng nhập Wi-Fi</html>", "tạm thời không trả lời"),
        (200, "{}", "tạm thời không trả lời"),
        (200, '{"colour": "green"}', "tạm thời không trả lời"),
        (200, '{"colour": "chartreuse", "title": {"vi": "Tốt"}}', "tạm thời không trả lời"),
    ],
)
async def test_what_is_no_answer_is_shown_grey(site: Site, phone: Page, status: int, body: str, said: str) -> None:
    await without_lists(phone)
    await phone.route(API, lambda route: route.fulfill(status=status, body=body, content_type="application/json"))
    await scan(phone, site.paper(Outcome.IN_FORCE).code)
    assert await colour(phone) == "grey"
    await expect(phone.get_by_text(said)).to_be_visible()


@pytest.mark.parametrize("change", [{"colour": "chartreuse"}, {"title": {}}])
async def test_an_answer_of_another_kind_is_shown_grey(site: Site, phone: Page, change: dict[str, object]) -> None:
    await without_lists(phone)

    async def change_the_answer(route: Route) -> None:
        response = await route.fetch()
        await route.fulfill(response=response, json=await response.json() | change)

    await phone.route(API, change_the_answer)
    await scan(phone, site.paper(Outcome.IN_FORCE).code)
    assert await colour(phone) == "grey"


async def test_a_late_answer_never_replaces_a_newer_one(site: Site, phone: Page) -> None:
    good, revoked = site.paper(Outcome.IN_FORCE, "house").code or "", site.paper(Outcome.REVOKED).code or ""
    held: list[Route] = []

    async def hold_the_first(route: Route) -> None:
        if held:
            await route.continue_()
        else:
            held.append(route)

    await phone.route(API, hold_the_first)
    await phone.goto(good)
    await expect(phone.get_by_text("Đang kiểm tra…")).to_be_visible()
    await phone.evaluate("fragment => { location.hash = fragment }", revoked.partition("#")[2])
    await expect(phone.get_by_role("heading", name="Đã thu hồi", exact=True)).to_be_visible()
    async with phone.expect_response(API):
        await held[0].continue_()
    await phone.wait_for_timeout(100)
    assert await colour(phone) == "red"


async def test_an_answer_seen_again_later_is_asked_again(site: Site, phone: Page) -> None:
    await phone.clock.install()
    await scan(phone, site.paper(Outcome.IN_FORCE).code)
    asked: list[Request] = []
    phone.on("request", lambda request: asked.append(request))
    come_back = "document.dispatchEvent(new Event('visibilitychange'))"
    await phone.evaluate(come_back)
    assert asked == []
    await phone.clock.fast_forward(61_000)
    async with phone.expect_request(API):
        await phone.evaluate(come_back)


ATTACKS = (
    '<img src=x onerror="document.title=1">',
    "</span><script>document.title=1</script>",
    "{{7*7}}",
    "javascript:1",
)


@pytest.mark.parametrize("attack", ATTACKS)
async def test_hostile_claims_are_text(site: Site, phone: Page, attack: str) -> None:
    async def answer_with_the_attack(route: Route) -> None:
        response = await route.fetch()
        verdict = await response.json()
        paper = verdict["paper"]
        for words_ in (paper["comparison"]["shown"], paper["fields"][1]["label"], paper["issuer"]["name"]):
            words_["vi"] = attack
        paper["result_code"] = paper["subject_kind"] = verdict["outcome"] = attack
        await route.fulfill(response=response, json=verdict)

    await phone.route(API, answer_with_the_attack)
    await scan(phone, site.paper(Outcome.IN_FORCE).code)
    await expect(phone.locator(".compare .large")).to_have_text(attack, use_inner_text=True)
    assert await phone.locator("article img, article script").count() == 0
    assert await phone.title() == "Kiểm tra giấy tờ · Kho Số"


async def test_a_megabyte_behind_the_hash_is_judged_like_any_broken_code(site: Site, phone: Page) -> None:
    await phone.goto(f"{site.origin}/v")
    await phone.evaluate("location.hash = '1' + '9'.repeat(1_000_000)")
    await expect(phone.locator("article.verdict")).to_have_attribute("data-outcome", "malformed")
