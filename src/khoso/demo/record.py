"""What a demonstration remembers of itself: when its papers were made, and how each is printed."""

from datetime import datetime
from pathlib import Path

import msgspec

from khoso.config import Config
from khoso.demo.errors import DemoUnusable
from khoso.demo.places import Places
from khoso.formats import link
from khoso.pages.model import PaperToScan
from khoso.rendering.qr import qr_svg


class Demonstration(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, as kept in `<data_dir>/demo/papers.json`."""

    origin: str
    """What its codes begin with."""
    loading_began_at: datetime
    """All days of the papers count from this one."""
    papers: list[PaperToScan] = []
    """Empty until all are made."""

    def at(self, origin: str) -> "Demonstration":
        """The same papers as printed by an official page of that origin: what is signed does not name it."""
        papers = [_moved(paper, self.origin, origin) for paper in self.papers]
        return msgspec.structs.replace(self, origin=origin, papers=papers)

    def with_pictures(self) -> list[PaperToScan]:
        """The papers with their codes drawn."""
        return [
            paper if paper.code is None else msgspec.structs.replace(paper, qr_svg=qr_svg(paper.code).decode())
            for paper in self.papers
        ]


def _moved(paper: PaperToScan, old: str, new: str) -> PaperToScan:
    if paper.code is None:
        return paper
    return msgspec.structs.replace(paper, code=link.compose(new, link.parse(paper.code, old)))


def read_papers(config: Config) -> list[PaperToScan]:
    """The papers of the demonstration that was loaded here, with their codes drawn; none if there was none."""
    found = find_demonstration(Places(config.data_dir).papers)
    return [] if found is None else found.at(config.public_url).with_pictures()


def find_demonstration(path: Path) -> Demonstration | None:
    """The demonstration recorded in that file. Raises DemoUnusable if another version of this program wrote it."""
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Demonstration)
    except msgspec.DecodeError as error:
        raise DemoUnusable(f"{path}: {error}") from None


def write_demonstration(path: Path, demonstration: Demonstration) -> None:
    """Whole or not at all: a half-written file would hide that loading was interrupted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(demonstration)))
    temporary.rename(path)
