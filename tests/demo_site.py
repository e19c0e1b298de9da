"""A running Kho Số with the demonstration's papers, as browser tests see it."""

from collections.abc import Mapping
from dataclasses import dataclass

from khoso.formats.verdict import Outcome
from khoso.pages.model import PaperToScan


@dataclass(frozen=True)
class Site:
    """Where it answers, its papers by slug, and its database, in which everything may be done."""

    origin: str
    papers: Mapping[str, PaperToScan]
    database_url: str

    def paper(self, outcome: Outcome, kind: str = "") -> PaperToScan:
        """The first paper that gets this answer, of a kind such as `truck`."""
        return next(paper for slug, paper in self.papers.items() if paper.expect is outcome and slug.startswith(kind))
