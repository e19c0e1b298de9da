"""Vietnamese text: folding for search. PostgreSQL's own folding needs extensions that not every server has."""

import unicodedata


def fold(text: str) -> str:
    """Lower case without diacritics, đ as d, spaces single: "Đường Hoà Hải" and "duong hoa hai" are equal."""
    if text.isascii():
        return " ".join(text.lower().split())
    decomposed = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return " ".join("".join(mark for mark in decomposed if not unicodedata.combining(mark)).split())
