"""Texts in both languages, and Vietnamese folded for search: PostgreSQL's own folding needs extensions."""

import unicodedata
from functools import lru_cache

import msgspec


class Words(msgspec.Struct, frozen=True):
    """One text in both languages."""

    vi: str
    en: str


def fold(text: str) -> str:
    """Lower case without diacritics, đ as d, spaces single: "Đường Hoà Hải" and "duong hoa hai" are equal."""
    if not text.isascii():
        text = "".join(map(_fold_character, unicodedata.normalize("NFC", text)))
    return " ".join(text.casefold().split())


@lru_cache(maxsize=4_096)  # Vietnamese has 134 letters beyond ASCII, and every text is made of them
def _fold_character(character: str) -> str:
    """The base letter of one character; nothing of a combining mark."""
    decomposed = unicodedata.normalize("NFD", character.casefold().replace("đ", "d"))
    return "".join(part for part in decomposed if not unicodedata.combining(part))
