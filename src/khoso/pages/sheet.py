"""The demonstration's papers on paper: A4, the QR top left, the look-up code under it, the expected answer apart."""

from collections.abc import Sequence
from itertools import groupby

from khoso.pages.assets import assets
from khoso.pages.model import PaperToScan
from khoso.pages.templates import render
from khoso.verification.wording import words


def sheet_page(papers: Sequence[PaperToScan]) -> bytes:
    """The sheet as a page of the site, in UTF-8."""
    return _render(papers, None)


def render_sheet(papers: Sequence[PaperToScan]) -> str:
    """The sheet as one file that needs no server: the style sheet is in it."""
    return _render(papers, assets()["khoso.css"].body.decode()).decode()


def _render(papers: Sequence[PaperToScan], style: str | None) -> bytes:
    worded = [(paper, words(paper.expect, paper.expect_reason)) for paper in papers]
    by_title = [(title, list(group)) for title, group in groupby(worded, key=lambda pair: pair[0].title)]
    return render("papers.html", papers_by_title=by_title, style=style)
