"""The demonstration's papers on paper: A4, the QR top left, the look-up code under it, the expected answer apart."""

from collections.abc import Sequence

from khoso.pages.assets import assets
from khoso.pages.model import PaperToScan
from khoso.pages.templates import render
from khoso.verification.wording import Wording, words


def sheet_page(papers: Sequence[PaperToScan]) -> bytes:
    """The sheet as a page of the site, in UTF-8."""
    return render("papers.html", papers=_with_words(papers), style=None)


def render_sheet(papers: Sequence[PaperToScan]) -> str:
    """The sheet as one file that needs no server: the style sheet is in it."""
    style = assets()["khoso.css"].body.decode()
    return render("papers.html", papers=_with_words(papers), style=style).decode()


def _with_words(papers: Sequence[PaperToScan]) -> list[tuple[PaperToScan, Wording]]:
    return [(paper, words(paper.expect, paper.expect_reason)) for paper in papers]
