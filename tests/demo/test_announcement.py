"""What a demonstration shows in a terminal of eighty columns."""

import io
import re
from uuid import UUID

import msgspec
import pytest
from PIL import Image
from rich.cells import cell_len
from rich.console import Console

from demo.launching import Demo
from khoso.config import Config
from khoso.demo.announcement import announce
from khoso.demo.record import find_demonstration
from khoso.demo.store import Place
from rendering.decoders import DECODERS

WHITE_ON_BLACK = "\x1b[38;5;231;48;5;16m"
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
HALVES = {" ": (0, 0), "▀": (255, 0), "▄": (0, 255), "█": (255, 255)}


@pytest.fixture
def shown(demo: Demo) -> list[str]:
    """The lines with their colours."""
    demonstration = find_demonstration(demo.places.papers)
    assert demonstration is not None
    terminal = Console(file=io.StringIO(), force_terminal=True, color_system="256", width=80)
    place = Place(UUID(int=0), "H17.05.12")
    announce(terminal, Config(port=demo.port), demo.places, demonstration, place)
    assert isinstance(terminal.file, io.StringIO)
    return terminal.file.getvalue().splitlines()


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_code_can_be_scanned_whatever_the_colours_of_the_terminal(
    shown: list[str], decoder: str, demo: Demo
) -> None:
    lines = [ESCAPE.sub("", line) for line in shown if line.startswith(WHITE_ON_BLACK)]
    assert {cell_len(line) for line in lines} == {73}
    rows = [bytes(HALVES[block][half] for block in line) for line in lines for half in (0, 1)]
    picture = Image.frombytes("L", (73, len(rows)), b"".join(rows)).resize((73 * 4, len(rows) * 4))
    papers = msgspec.json.decode(demo.places.papers.read_bytes())["papers"]
    assert DECODERS[decoder](picture) == papers[0]["code"]


def test_what_stands_below_fits_on_one_screen(shown: list[str]) -> None:
    below = [ESCAPE.sub("", line) for line in shown if not line.startswith(WHITE_ON_BLACK)]
    assert len(below) <= 24
    wide = [line for line in below if cell_len(line) > 80 and "curl" not in line and "/" not in line]
    assert wide == []


def test_tokens_are_in_the_file_and_not_on_the_screen(demo: Demo) -> None:
    text = demo.places.env.read_text()
    assert text.startswith(f"KHOSO={demo.origin}\n")
    assert text.count("Authorization: Bearer ey") == 4
    assert "ey" not in {word[:2] for word in demo.out.split()}
