"""The link of a code: the official origin to the byte, then digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khoso.formats import link
from khoso.formats.malformed import Malformed

ORIGIN = "https://kho.example.vn"


@given(st.binary(min_size=1, max_size=768))
def test_what_was_composed_is_parsed(signed: bytes) -> None:
    text = link.compose(ORIGIN, signed)
    assert text.startswith("https://kho.example.vn/v#1")
    assert link.parse(text, ORIGIN) == signed
    assert link.parse_fragment(text.removeprefix(link.prefix(ORIGIN))) == signed


@given(st.text(max_size=60))
def test_whatever_does_not_begin_with_the_origin_is_not_ours(text: str) -> None:
    with pytest.raises(link.NotAnOfficialCode):
        link.parse(f"x{text}", ORIGIN)


@pytest.mark.parametrize("position", range(len(link.prefix(ORIGIN))))
def test_every_character_of_the_beginning_counts(position: int) -> None:
    text = link.compose(ORIGIN, b"abc")
    for other in (text[position].swapcase(), "", "\u0430", "%", f"x{text[position]}"):
        if other != text[position]:
            with pytest.raises(link.NotAnOfficialCode):
                link.parse(text[:position] + other + text[position + 1 :], ORIGIN)


@pytest.mark.parametrize(
    ("fragment", "reason"),
    [
        ("", "format_version"),
        ("0123", "format_version"),
        ("2123", "format_version"),
        ("1", "digits_length"),
        ("1999", "digits_overflow"),
        ("1" + "0" * link.MAX_TEXT, "too_long"),
    ],
)
def test_a_bad_fragment_is_malformed(fragment: str, reason: str) -> None:
    with pytest.raises(Malformed) as refused:
        link.parse(link.prefix(ORIGIN) + fragment, ORIGIN)
    assert refused.value.reason == reason


def test_the_longest_credential_is_not_too_long() -> None:
    longest_origin = "https://" + "a" * 253 + ":65535"
    text = link.compose(longest_origin, b"\xff" * 768)
    assert len(text) <= link.MAX_TEXT
    assert link.parse(text, longest_origin) == b"\xff" * 768
