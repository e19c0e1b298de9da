"""Field values: what the API takes is what the code carries, and what a person reads."""

import sys
import unicodedata
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from khoso.formats.field_values import BadValue, clean_text, fits, from_code, mask, shown, to_code
from khoso.formats.hidden import find_hidden
from khoso.formats.result_type import Choice, Field, FieldKind

CHOICES = (Choice("building", "Vật liệu", "Building material"), Choice("food", "Thực phẩm", "Food"))


def field(kind: FieldKind, **changes: Any) -> Field:
    return Field(1, "name", kind, "Nhãn", "Label", **changes)


def refusal(one: Field, value: Any) -> str:
    with pytest.raises(BadValue) as refused:
        to_code(one, value)
    assert str(refused.value)
    return refused.value.code


TEXT, INTEGER, DATE = field("text"), field("integer"), field("date")
CHOICE, TEXTS, HOURS = field("choice", choices=CHOICES), field("texts"), field("hours")
ALL = (TEXT, INTEGER, field("decimal", scale=2), DATE, CHOICE, TEXTS, HOURS)

VISIBLE = st.text(
    st.characters(exclude_categories=("C", "Z")).filter(lambda character: find_hidden(character) is None),
    min_size=1,
    max_size=50,
)
MINUTES = st.integers(0, 1439)
TIMES = st.tuples(MINUTES, MINUTES).map(lambda pair: "-".join(f"{m // 60:02}:{m % 60:02}" for m in pair))
SAFE = st.integers(-(1 << 53), 1 << 53)


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def round_trip(one: Field, value: Any) -> Any:
    in_code = to_code(one, value)
    assert fits(one, in_code)
    assert all(isinstance(text, str) for text in shown(one, in_code))
    return from_code(one, in_code)


@given(VISIBLE)
def test_text(value: str) -> None:
    assert round_trip(TEXT, value) == nfc(value)


@given(SAFE)
def test_integer(value: int) -> None:
    assert round_trip(INTEGER, value) == value


@given(st.integers(1, 9), st.data())
def test_decimal(scale: int, data: st.DataObject) -> None:
    one = field("decimal", scale=scale)
    value = data.draw(st.decimals(-(10**6), 10**6, places=scale))
    assert Decimal(round_trip(one, str(value))) == value
    assert "E" not in shown(one, to_code(one, str(value)))[1]


@given(st.floats(-1e6, 1e6).map(lambda value: round(value, 2)))
def test_decimal_as_number(value: float) -> None:
    assert float(round_trip(field("decimal", scale=2), value)) == value


@given(st.dates())
def test_date(value: date) -> None:
    assert round_trip(DATE, value.isoformat()) == value.isoformat()


@pytest.mark.parametrize("choice", CHOICES)
def test_choice(choice: Choice) -> None:
    assert round_trip(CHOICE, choice.value) == choice.value
    assert shown(CHOICE, to_code(CHOICE, choice.value)) == (choice.label_vi, choice.label_en)


@given(st.lists(VISIBLE, min_size=1, max_size=5))
def test_texts(value: list[str]) -> None:
    assert round_trip(TEXTS, value) == list(map(nfc, value))


@given(st.lists(TIMES, min_size=1, max_size=5))
def test_hours(value: list[str]) -> None:
    assert round_trip(HOURS, value) == value


TWO_RANGES = "22:00-06:00; 11:30-13:00"
SHOWN: dict[str, tuple[Field, Any, Any, str, str]] = {
    "text": (TEXT, "43C-123.45", "43C-123.45", "43C-123.45", "43C-123.45"),
    "integer": (INTEGER, 3, 3, "3", "3"),
    "integer with unit": (field("integer", unit="tầng"), 3, 3, "3 tầng", "3 tầng"),
    "decimal": (field("decimal", scale=2, unit="m"), "11.5", 1150, "11,50 m", "11.50 m"),
    "decimal as float": (field("decimal", scale=2), 11.5, 1150, "11,50", "11.50"),
    "decimal as integer": (field("decimal", scale=2), 11, 1100, "11,00", "11.00"),
    "decimal, negative": (field("decimal", scale=1), "-0.5", -5, "-0,5", "-0.5"),
    "decimal, tiny": (field("decimal", scale=9), "0.000000005", 5, "0,000000005", "0.000000005"),
    "decimal, nothing": (field("decimal", scale=9), 0, 0, "0,000000000", "0.000000000"),
    "date": (DATE, "2026-11-23", 20_780, "23/11/2026", "23/11/2026"),
    "first date": (DATE, "0001-01-01", -719_162, "01/01/0001", "01/01/0001"),
    "last date": (DATE, "9999-12-31", 2_932_896, "31/12/9999", "31/12/9999"),
    "choice": (CHOICE, "food", 1, "Thực phẩm", "Food"),
    "texts": (TEXTS, ["Bạch Đằng", "Lê Duẩn"], ["Bạch Đằng", "Lê Duẩn"], "Bạch Đằng; Lê Duẩn", "Bạch Đằng; Lê Duẩn"),
    "hours": (HOURS, ["22:00-06:00", "11:30-13:00"], [1320, 360, 690, 780], TWO_RANGES, TWO_RANGES),
    "masked": (field("text", keep_last=4), "048078999001", "048078999001", "•••9001", "•••9001"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_the_three_forms(name: str) -> None:
    one, given_value, in_code, vi, en = SHOWN[name]
    assert to_code(one, given_value) == in_code
    assert shown(one, mask(one, in_code)) == (vi, en)


REFUSED: dict[str, tuple[Field, Any, str]] = {
    "number for text": (TEXT, 1, "not_text"),
    "empty text": (TEXT, "", "empty_or_padded"),
    "padded text": (TEXT, " a", "empty_or_padded"),
    "long text": (TEXT, "a" * 201, "too_long"),
    "line break": (TEXT, "a\nb", "hidden_character"),
    "tab": (TEXT, "a\tb", "hidden_character"),
    "NUL": (TEXT, "a\0b", "hidden_character"),
    "right-to-left override": (TEXT, "a\u202eb", "hidden_character"),
    "isolate": (TEXT, "a\u2066b", "hidden_character"),
    "zero width space": (TEXT, "a\u200bb", "hidden_character"),
    "zero width joiner": (TEXT, "a\u200db", "hidden_character"),
    "byte order mark": (TEXT, "a\ufeffb", "hidden_character"),
    "soft hyphen": (TEXT, "a\u00adb", "hidden_character"),
    "tag character": (TEXT, "a\U000e0041b", "hidden_character"),
    "private use": (TEXT, "a\ue000b", "hidden_character"),
    "unassigned": (TEXT, "a\u0378b", "hidden_character"),
    "surrogate": (TEXT, "a\ud800b", "hidden_character"),
    "line separator": (TEXT, "a\u2028b", "hidden_character"),
    "filler alone": (TEXT, "\u3164", "hidden_character"),
    "variation selector": (TEXT, "a\ufe0fb", "hidden_character"),
    "text for integer": (INTEGER, "3", "not_integer"),
    "true for integer": (INTEGER, True, "not_integer"),
    "float for integer": (INTEGER, 3.0, "not_integer"),
    "integer below": (field("integer", minimum=1), 0, "out_of_range"),
    "integer above": (field("integer", maximum=9), 10, "out_of_range"),
    "integer that JavaScript rounds": (INTEGER, (1 << 53) + 1, "out_of_range"),
    "list for decimal": (field("decimal", scale=2), [1], "not_decimal"),
    "true for decimal": (field("decimal", scale=2), True, "not_decimal"),
    "word for decimal": (field("decimal", scale=2), "eleven", "not_decimal"),
    "comma in decimal": (field("decimal", scale=2), "11,5", "not_decimal"),
    "padded decimal": (field("decimal", scale=2), " 11.5", "not_decimal"),
    "underscore in decimal": (field("decimal", scale=2), "1_1.5", "not_decimal"),
    "too many decimals": (field("decimal", scale=2), "11.555", "not_decimal"),
    "far too many decimals": (field("decimal", scale=2), "1." + "0" * 40 + "1", "not_decimal"),
    "infinity": (field("decimal", scale=2), float("inf"), "not_decimal"),
    "NaN": (field("decimal", scale=2), "NaN", "not_decimal"),
    "signalling NaN": (field("decimal", scale=2), "sNaN", "not_decimal"),
    "giant exponent": (field("decimal", scale=2), "1e999999999999", "not_decimal"),
    "giant exponent, just accepted": (field("decimal", scale=2), "1e999999", "not_decimal"),
    "tiny exponent": (field("decimal", scale=2), "1e-999999999999", "not_decimal"),
    "integer of 5000 digits": (field("decimal", scale=2), 10**5000, "not_decimal"),
    "decimal above": (field("decimal", scale=2, maximum=1000), "10.01", "out_of_range"),
    "decimal below": (field("decimal", scale=2, minimum=0), "-0.01", "out_of_range"),
    "no such day": (DATE, "2026-02-30", "not_date"),
    "Vietnamese date": (DATE, "23/11/2026", "not_date"),
    "number for date": (DATE, 20780, "not_date"),
    "year 10000": (DATE, "10000-01-01", "not_date"),
    "unknown choice": (CHOICE, "gold", "unknown_choice"),
    "number of a choice": (CHOICE, 1, "unknown_choice"),
    "one text for texts": (TEXTS, "Bạch Đằng", "not_list"),
    "no texts": (TEXTS, [], "not_list"),
    "too many texts": (field("texts", max_length=2), ["a", "b", "c"], "not_list"),
    "number in texts": (TEXTS, ["a", 1], "not_text"),
    "long text in texts": (TEXTS, ["a" * 201], "too_long"),
    "one text for hours": (HOURS, "22:00-06:00", "not_list"),
    "no hours": (HOURS, [], "not_list"),
    "too many hours": (field("hours", max_length=1), ["22:00-06:00"] * 2, "not_list"),
    "number in hours": (HOURS, [22], "not_hours"),
    "hour 24": (HOURS, ["22:00-24:00"], "not_hours"),
    "minute 60": (HOURS, ["22:60-23:00"], "not_hours"),
    "hours without zeros": (HOURS, ["6:00-9:00"], "not_hours"),
    "hours in other digits": (HOURS, ["٢٢:00-23:00"], "not_hours"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused(name: str) -> None:
    one, value, code = REFUSED[name]
    assert refusal(one, value) == code


def test_bounds_are_told_as_the_api_writes_them() -> None:
    with pytest.raises(BadValue, match=r"từ 0\.50 đến 10\.00 \| between 0\.50 and 10\.00"):
        to_code(field("decimal", scale=2, minimum=50, maximum=1000), "11")


def test_every_character_is_clean_or_hidden() -> None:
    for code_point in range(0, sys.maxunicode + 1, 97):
        text = f"a{chr(code_point)}b"
        if find_hidden(nfc(text)):
            with pytest.raises(BadValue, match=f"U\\+{code_point:04X}$"):
                clean_text(text, 10)
        else:
            assert clean_text(text, 10) == nfc(text)


def test_spaces_inside_a_text_stay() -> None:
    assert clean_text("a\u00a0b c", 10) == "a\u00a0b c"  # told apart by their category Zs: seen, if not as a mark


def test_vietnamese_is_composed() -> None:
    decomposed = unicodedata.normalize("NFD", "Nguyễn Thị Đặng")
    assert clean_text(decomposed, 15) == "Nguyễn Thị Đặng"


@pytest.mark.parametrize(
    ("one", "value", "masked"),
    [
        (field("text", keep_last=4), "048078999001", "9001"),
        (field("text", keep_last=4), "12", "12"),
        (TEXT, "048078999001", "048078999001"),
        (field("integer", keep_last=4), 48078999001, 48078999001),
    ],
)
def test_masking(one: Field, value: Any, masked: Any) -> None:
    assert mask(one, value) == masked


IN_CODES: dict[str, tuple[Field, list[Any]]] = {
    "text": (TEXT, ["a", ""]),
    "integer": (INTEGER, [0, -1, (1 << 63) - 1]),
    "decimal": (field("decimal", scale=2), [0, -1, (1 << 63) - 1]),
    "date": (DATE, [0, -719_162, 2_932_896]),
    "choice": (CHOICE, [0, 1]),
    "texts": (TEXTS, [["a"], ["a", ""]]),
    "hours": (HOURS, [[0, 1], [1320, 360]]),
}
INTEGERS_TO_TRY = [-719_163, -719_162, -1, 0, 1, 2, 2_932_896, 2_932_897, (1 << 63) - 1]


@pytest.mark.parametrize("kind", IN_CODES)
def test_what_a_code_may_carry(kind: str) -> None:
    one, good = IN_CODES[kind]
    others = [value for _, values in IN_CODES.values() for value in values if type(value) is not type(good[0])]
    assert all(fits(one, value) for value in good)
    assert not any(fits(one, value) for value in others)


@pytest.mark.parametrize(
    ("kind", "fitting"),
    [("choice", {0, 1}), ("date", {-719_162, -1, 0, 1, 2, 2_932_896}), ("integer", set(INTEGERS_TO_TRY))],
)
def test_which_integers_a_code_may_carry(kind: str, fitting: set[int]) -> None:
    assert {value for value in INTEGERS_TO_TRY if fits(IN_CODES[kind][0], value)} == fitting


@pytest.mark.parametrize(("kind", "value"), [("texts", [1]), ("hours", ["22:00-06:00"])])
def test_lists_are_of_one_kind(kind: str, value: Any) -> None:
    assert not fits(IN_CODES[kind][0], value)


@given(
    st.sampled_from(ALL),
    st.integers(-(1 << 63), (1 << 63) - 1)
    | st.text()
    | st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=1)
    | st.lists(st.text(), min_size=1),
)
def test_whatever_fits_can_be_shown(one: Field, value: Any) -> None:
    """Good keys have signed it, so it is shown, however odd it is."""
    if fits(one, value):
        from_code(one, value)
        assert all(isinstance(text, str) for text in shown(one, value))


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 9))
@example(-5, 0)
@example(-5, 1)
def test_a_decimal_is_written_as_decimal_arithmetic_writes_it(units: int, scale: int) -> None:
    assert from_code(field("decimal", scale=scale), units) == f"{Decimal(units).scaleb(-scale):f}"
