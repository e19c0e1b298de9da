"""The papers explained: every one, under the answer that it gets, with a code that is scanned from the screen."""

import io

import pytest
from PIL import Image
from playwright.async_api import Page, expect

from demo_site import Site
from khoso.verification.wording import words
from rendering.decoders import DECODERS

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/demo/papers/guide"


async def test_every_paper_stands_under_the_answer_that_it_must_get(site: Site, phone: Page) -> None:
    await phone.goto(site.origin + PATH)
    for slug, paper in site.papers.items():
        wording = words(paper.expect, paper.expect_reason)
        lesson = phone.locator(".lesson", has=phone.locator(f"#{slug}"))
        assert await lesson.get_attribute("data-colour") == wording.colour, slug
        told = await lesson.locator("dl").text_content() or ""
        case = await lesson.locator(f"#{slug}").text_content() or ""
        for text in (wording.title, wording.explanation, wording.guidance):
            assert text.vi in told, slug
            assert text.en in told, slug
        for text in (paper.title, paper.story, paper.done, wording.title):
            assert text.vi in case, slug
            assert text.en in case, slug


async def test_altered_papers_stand_apart_and_are_not_to_be_accepted(site: Site, phone: Page) -> None:
    await phone.goto(site.origin + PATH)
    altered = {slug for slug, paper in site.papers.items() if any(field.altered for field in paper.fields)}
    lesson = phone.locator(".lesson", has_text="Giấy này khác nhau, nên không chấp nhận")
    assert set(await lesson.locator("article").evaluate_all("nodes => nodes.map((node) => node.id)")) == altered
    assert await lesson.get_attribute("data-colour") == "green"


@pytest.mark.parametrize("width", [320, 1280])
async def test_its_codes_are_scanned_from_the_screen(site: Site, phone: Page, width: int) -> None:
    await phone.set_viewport_size({"width": width, "height": 900})
    await phone.goto(site.origin + PATH)
    for slug in ("truck-forged", "fishing-good", "guide-unrecorded"):
        picture = Image.open(io.BytesIO(await phone.locator(f"#{slug} .qr svg").screenshot())).convert("L")
        assert {decode(picture) for decode in DECODERS.values()} == {site.papers[slug].code}


async def test_the_answers_are_those_of_the_verify_page(site: Site, phone: Page) -> None:
    for slug in ("badge-unauthorised", "guide-unrecorded", "food-altered-address"):
        await phone.goto(site.origin + PATH)
        say = await phone.locator(f"#{slug} .say strong span[lang=vi]").inner_text()
        await phone.locator(f"#{slug} a", has_text="Mở như khi quét").click()
        await expect(phone.locator("article.verdict h1 span[lang=vi]")).to_have_text(say)


async def test_the_sheet_and_the_guide_lead_to_each_other(site: Site, phone: Page) -> None:
    await phone.goto(f"{site.origin}/demo/papers")
    await phone.get_by_role("link", name="Giải thích từng giấy").click()
    await expect(phone).to_have_url(site.origin + PATH)
    await phone.locator("#truck-forged").get_by_role("link", name="Xem bản in").click()
    await expect(phone.locator("#truck-forged.sheet")).to_be_in_viewport()


async def test_it_can_be_printed(site: Site, phone: Page) -> None:
    await phone.set_viewport_size({"width": 794, "height": 1123})
    await phone.emulate_media(media="print")
    await phone.goto(site.origin + PATH)
    await expect(phone.locator("nav").first).to_be_hidden()
    await expect(phone.get_by_role("link", name="Mở như khi quét").first).to_be_hidden()
    size = await phone.locator("#fishing-good .qr svg").bounding_box()
    assert size is not None
    assert 35 <= size["width"] / 96 * 25.4 <= 45  # mm
