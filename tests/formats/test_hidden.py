"""What cannot be seen is found, and made visible."""

import sys
import unicodedata

import pytest

from khoso.formats.hidden import find_hidden, made_visible

SEEN = ("", "Nguyễn Thị Đặng", "43C-123.45", "a\u00a0b", "שלום", "😀", "x\u0301\u0323")
HIDDEN = {
    "end of line": "\n",
    "escape": "\x1b",
    "right-to-left override": "\u202e",
    "isolate": "\u2066",
    "zero-width joiner": "\u200d",
    "soft hyphen": "\u00ad",
    "tag": "\U000e0041",
    "line separator": "\u2028",
    "private": "\ue000",
    "surrogate": "\ud800",
    "unassigned": "\u0378",
    "joiner of graphemes": "\u034f",
    "Hangul filler": "\u3164",
    "blank of Braille": "\u2800",
    "variation selector": "\U000e0100",
}


@pytest.mark.parametrize("text", SEEN)
def test_what_is_seen_stays(text: str) -> None:
    assert find_hidden(text) is None
    assert made_visible(text) is text


@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_hidden_is_found(name: str) -> None:
    assert find_hidden(f"ễ{HIDDEN[name]}b") == HIDDEN[name]


def test_what_is_hidden_is_shown_by_a_mark_but_for_layout() -> None:
    assert made_visible("43C\u202e54.321\u3164") == "43C\ufffd54.321\ufffd"
    assert made_visible("{\n\t}") == "{\n\t}"
    assert made_visible("{\n\t}\u200b") == "{\n\t}\ufffd"


def test_every_control_format_and_private_character_is_hidden() -> None:
    for code_point in range(0, sys.maxunicode + 1, 7):
        character = chr(code_point)
        if unicodedata.category(character)[0] == "C" or unicodedata.category(character) in ("Zl", "Zp"):
            assert find_hidden(character) == character
