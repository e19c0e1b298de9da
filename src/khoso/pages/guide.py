"""The companion of the sheet: each paper explained, with its code to scan, under the answer that it must get."""

from collections.abc import Sequence
from typing import NamedTuple

from khoso.formats.verdict import Outcome
from khoso.pages.model import PaperToScan
from khoso.pages.templates import render
from khoso.text import Words
from khoso.verification.wording import Wording, words

_ALTERED = Words("Mã đúng, bản in đã bị sửa", "A good code, and an altered print")
_ORDER = list(Outcome)


class Lesson(NamedTuple):
    """Papers with one and the same answer."""

    anchor: str
    title: Words
    wording: Wording
    altered: bool
    """The answer is good, and the paper is not: only the comparison finds it."""
    papers: list[PaperToScan]


def guide_page(papers: Sequence[PaperToScan]) -> bytes:
    """The page in UTF-8."""
    return render("guide.html", lessons=_lessons(papers), count=len(papers))


def _lessons(papers: Sequence[PaperToScan]) -> list[Lesson]:
    """First what may be used, then what may not, then what is not genuine; altered papers after what they look like."""
    found: dict[tuple[int, bool, str], list[PaperToScan]] = {}
    for paper in papers:
        found.setdefault((_ORDER.index(paper.expect), _is_altered(paper), paper.expect_reason), []).append(paper)
    return [
        _lesson(_ORDER[place], altered, reason, found[place, altered, reason])
        for place, altered, reason in sorted(found)
    ]


def _lesson(outcome: Outcome, altered: bool, reason: str, papers: list[PaperToScan]) -> Lesson:
    wording = words(outcome, reason)
    anchor = "-".join((outcome.value, "altered" if altered else reason))
    return Lesson(anchor, _ALTERED if altered else wording.title, wording, altered, papers)


def _is_altered(paper: PaperToScan) -> bool:
    return any(field.altered for field in paper.fields)
