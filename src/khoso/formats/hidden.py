"""Characters that cannot be seen: no field may hold one, and no page shows a text as if it had none.

They make one text look like another: an override turns a number plate round, a filler makes an address look empty.
"""

import re
import unicodedata

_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
"""Unicode categories: control, bidi and zero-width characters, private, unassigned, separators of lines."""

_BLANKS = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
"""Letters and marks without a picture: fillers, variation selectors, the blank of Braille."""

_find_blank = re.compile(f"[{_BLANKS}]").search
_LAYOUT = frozenset("\t\n")


def find_hidden(text: str) -> str | None:
    """The first character that cannot be seen."""
    if text.isprintable():  # which no text with a character of those categories is
        blank = _find_blank(text)
        return None if blank is None else blank[0]
    return next(filter(_is_hidden, text), None)


def made_visible(text: str) -> str:
    """The text with `\N{REPLACEMENT CHARACTER}` for every such character, but for tabs and ends of lines."""
    if find_hidden(text) is None:
        return text
    return "".join("\ufffd" if _is_hidden(character) and character not in _LAYOUT else character for character in text)


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _CATEGORIES or _find_blank(character) is not None
