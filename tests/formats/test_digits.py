"""Bytes as decimal digits: every width, every length, nothing else."""

from math import ceil, log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khoso.formats import digits
from khoso.formats.malformed import Malformed


def refusal(text: str) -> str:
    with pytest.raises(Malformed) as refused:
        digits.decode(text)
    return refused.value.reason


@given(st.binary(min_size=1, max_size=digits.MAX_BYTES))
def test_what_was_encoded_is_decoded(data: bytes) -> None:
    text = digits.encode(data)
    assert len(text) == digits.width(len(data))
    assert digits.decode(text) == data


@pytest.mark.parametrize("length", range(1, digits.MAX_BYTES + 1))
def test_every_length_has_its_own_width_and_its_bounds(length: int) -> None:
    width = digits.width(length)
    assert width == ceil(8 * length * log10(2))
    assert width > digits.width(length - 1) + 1  # so that one digit lost or doubled is always noticed
    lowest, highest = bytes(length), b"\xff" * length
    assert digits.encode(lowest) == "0" * width
    assert [digits.decode(digits.encode(data)) for data in (lowest, highest)] == [lowest, highest]
    assert refusal(str(int(digits.encode(highest)) + 1)) == "digits_overflow"


@pytest.mark.parametrize("data", [b"", bytes(digits.MAX_BYTES + 1)])
def test_no_code_holds_nothing_or_more_than_the_longest(data: bytes) -> None:
    with pytest.raises(ValueError, match=f"{len(data)} bytes; a code holds 1 to 768"):
        digits.encode(data)


def test_a_length_that_is_no_width_is_refused() -> None:
    widths = {digits.width(length) for length in range(1, digits.MAX_BYTES + 1)}
    for length in range(digits.width(digits.MAX_BYTES) + 10):
        if length not in widths:
            assert refusal("0" * length) == "digits_length"
    assert refusal("1" * 10_000_000) == "digits_length"  # before anything is computed


@pytest.mark.parametrize(
    "odd", ["12a", "+12", "-12", " 12", "12\n", "1_2", "1.2", "１２３", "١٢٣", "²12", "12\0", "1\udc802"]
)
def test_only_ascii_digits_are_digits(odd: str) -> None:
    assert refusal(odd) == "digits_character"


@given(st.text(max_size=40))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    try:
        data = digits.decode(text)
    except Malformed:
        return
    assert digits.encode(data) == text
