"""The scanner before a camera: films of the demonstration's papers, held well and badly, each with its answer.

Chromium plays a film again when it has ended, so a paper that a busy machine missed comes back. Every test waits for
all its papers and then wants nothing else to have been said of any. With `KHOSO_FILMS=whole` (`make films`) every
paper is filmed under every condition, else one for each answer and one with an altered print.
"""

import io
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import TimeoutError as Late

from browsers import open_chromium
from demo_site import Site
from filming import CONDITIONS, MODULE_PX, before, write_film
from khoso.formats.verdict import Outcome
from khoso.pages.model import PaperToScan
from khoso.rendering.qr import qr_png

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

WHOLE = os.environ.get("KHOSO_FILMS") == "whole"
PATIENCE_MS = 240_000
LOOK_ALIKE = ".evil.example"

SAID_ALL = "(wanted) => wanted.every((one) => said.has(one))"
WATCH = """() => {
  globalThis.said = new Set();
  const look = () => {
    const article = document.querySelector("#result article.verdict");
    if (article === null) return;
    const reason = article.querySelector("[data-text=reason]").textContent;
    said.add(`${article.querySelector("dd.code")?.textContent ?? reason} ${article.dataset.outcome}`);
  };
  new MutationObserver(look).observe(document.querySelector("#result"), { childList: true });
}"""


def named(paper: PaperToScan) -> str:
    """How the scanner names a paper: by its result code, or by the reason where it does not believe the content."""
    return paper.expect_reason if paper.expect is Outcome.NOT_GENUINE else paper.result_code


def may_be_said(paper: PaperToScan) -> set[str]:
    """The right answer, and what the phone's own lists say before the server is heard."""
    by_lists = {Outcome.NOT_ISSUED} if paper.expect is Outcome.REVOKED else set()
    return {f"{named(paper)} {outcome.value}" for outcome in {paper.expect} | by_lists}


def spread(papers: Mapping[str, PaperToScan]) -> list[PaperToScan]:
    """One paper for each answer, and one with an altered print."""
    chosen = {paper.expect_reason + paper.expect: paper for paper in papers.values()}
    return [*chosen.values(), papers["truck-altered-plate"]]


async def watch(site: Site, film: Path, wanted: Iterable[str]) -> set[str]:
    """Everything that the scanner says before that film, once it has said all that is wanted or patience has ended."""
    async with open_chromium(*before(film)) as browser:
        context = await browser.new_context(permissions=["camera"], viewport={"width": 390, "height": 844})
        page = await context.new_page()
        await page.goto(f"{site.origin}/scan")
        await page.evaluate(WATCH)
        with suppress(Late):  # then what was said tells what is missing
            await page.wait_for_function(SAID_ALL, arg=list(wanted), timeout=PATIENCE_MS, polling=500)
        said: list[str] = await page.evaluate("[...said]")
    return set(said)


@pytest.mark.parametrize("condition", CONDITIONS)
async def test_papers_before_the_camera_get_their_answers(site: Site, tmp_path: Path, condition: str) -> None:
    papers = list(site.papers.values()) if WHOLE else spread(site.papers)
    codes = [paper.code or "" for paper in papers]
    codes.append(codes[0].replace("/v#", f"{LOOK_ALIKE}/v#"))
    film = tmp_path / "papers.y4m"
    pictures = (Image.open(io.BytesIO(qr_png(code, module_px=MODULE_PX))) for code in codes)
    write_film(film, pictures, CONDITIONS[condition])
    wanted = {f"{named(paper)} {paper.expect.value}" for paper in papers} | {"other_origin not_an_official_code"}
    said = await watch(site, film, wanted)
    assert wanted - said == set()
    assert said - set().union(*map(may_be_said, papers)) == {"other_origin not_an_official_code"}
