"""The look-up code: what a person types when the QR cannot be scanned.

    H17.05.12-261123-000123-KQ1 7K3M9X        result code, five random characters, one check character

The alphabet is Crockford's base 32 (no I, L, O, U; on input they read as 1, 1, 0, V). The check character is Luhn mod
32 over the whole, so one wrong character, and nearly every swap of neighbours, is told as a typing error instead of as
a forgery.
"""

import re
from typing import NamedTuple

from .malformed import Malformed

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SECRET_LENGTH = 5

RESULT_CODE = re.compile(r"[0-9A-Z]{1,3}(?:\.[0-9A-Z]{2,3}){0,4}-[0-9]{6}-[0-9]{4,6}-KQ[0-9]{1,4}")
"""Result code in the vault: `<dossier code>-KQ<n>`."""

_VALUE = {character: value for value, character in enumerate(ALPHABET)} | {"I": 1, "L": 1, "O": 0, "U": 27}
_SINGLE = bytes(_VALUE.get(chr(byte), 0) for byte in range(256))
_DOUBLED = bytes(value * 2 // 32 + value * 2 % 32 for value in _SINGLE)
"""What each character adds to the check, and what every second one adds; one outside of the alphabet nothing."""

_TYPED = re.compile(r"([^ ]+) ?([0-9A-Z]{5})([0-9A-Z])")
_NUMBERED = re.compile(r"-KQ\(([0-9]{1,4})\)")
_MAX_TYPED = 80


class LookupCode(NamedTuple):
    """A typed code whose check character was right; whether it exists only the record can tell."""

    result_code: str
    secret: str


def check_character(result_code: str, secret: str) -> str:
    """The sixth character. `secret` is five characters of the alphabet."""
    code = (result_code + secret).encode("ascii", "replace")[::-1]
    total = sum(code[::2].translate(_DOUBLED)) + sum(code[1::2].translate(_SINGLE))
    return ALPHABET[-total % len(ALPHABET)]


def compose(result_code: str, secret: str) -> str:
    """The look-up code as it is printed under the QR."""
    return f"{result_code} {secret}{check_character(result_code, secret)}"


def parse(typed: str) -> LookupCode:
    """Read what a person typed: case, spaces and look-alike letters do not matter. Raises Malformed."""
    if len(typed) > _MAX_TYPED:
        raise Malformed("lookup_form")
    text = _NUMBERED.sub(r"-KQ\1", " ".join(typed.upper().split()))
    match = _TYPED.fullmatch(text)
    if match is None or RESULT_CODE.fullmatch(match[1]) is None:
        raise Malformed("lookup_form")
    secret, check = (_normal(part) for part in match.groups()[1:])
    if check_character(match[1], secret) != check:
        raise Malformed("lookup_check")
    return LookupCode(match[1], secret)


def _normal(characters: str) -> str:
    return "".join(ALPHABET[_VALUE[character]] for character in characters)
