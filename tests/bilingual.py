"""What "Tiếng Việt | English" means, of a text that people read."""

import unicodedata


def is_bilingual(text: str) -> bool:
    """Whether it is Vietnamese with its diacritics, a bar, and something besides, without another bar."""
    vietnamese, _, english = text.partition(" | ")
    return has_vietnamese(vietnamese) and english.strip() != "" and " | " not in english


def has_vietnamese(text: str) -> bool:
    """Whether there is a letter beyond ASCII, each composed (NFC)."""
    return unicodedata.is_normalized("NFC", text) and any(c.isalpha() and not c.isascii() for c in text)
