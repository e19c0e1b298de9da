"""A field's value in its three forms: as the API takes it, as the code carries it, as a person reads it.

kind      API                       code                       shown
text      "43C-123.45"              the same                   the same
integer   3                         3                          3
decimal   "11.50" or 11.5           1150 (scale 2)             11,50 m (vi) · 11.50 m (en)
date      "2026-11-23"              20780                      23/11/2026
choice    "international"           1                          the choice's label
texts     ["Bạch Đằng", "Lê Duẩn"]  the same                   Bạch Đằng; Lê Duẩn
hours     ["22:00-06:00"]           [1320, 360]                22:00-06:00
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Context, Inexact, InvalidOperation, Overflow
from typing import Any

from .claims import FieldValue
from .hidden import find_hidden
from .result_type import Field, FieldKind

_EPOCH = date(1970, 1, 1)
_DAYS = range((date.min - _EPOCH).days, (date.max - _EPOCH).days + 1)
"""The days that a calendar has, years 1 to 9999, counted from 1970-01-01."""

_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
_MAX_INTEGER = 1 << 53
"""Above it JavaScript rounds (RFC 8259, 6)."""

_EXACT = Context(prec=34, traps=[InvalidOperation, Overflow, Inexact])
"""Arithmetic that refuses what it would have to round."""


class BadValue(ValueError):
    """A value that does not fit its field. `code` is stable, `message` says what to do: "Tiếng Việt | English"."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def clean_text(value: Any, max_length: int) -> str:
    """The text in NFC. Raises BadValue for what is empty, padded, too long, or holds characters that cannot be seen."""
    if type(value) is not str:
        raise BadValue("not_text", "nhập dạng văn bản | give a text")
    text = unicodedata.normalize("NFC", value)
    if not text or text != text.strip():
        raise BadValue(
            "empty_or_padded",
            "nhập nội dung, không để khoảng trắng ở đầu và cuối | give a text without spaces around it",
        )
    if len(text) > max_length:
        raise BadValue("too_long", f"nhập tối đa {max_length} ký tự | at most {max_length} characters")
    hidden = find_hidden(text)
    if hidden is not None:
        raise BadValue(
            "hidden_character", f"bỏ ký tự ẩn U+{ord(hidden):04X} | remove the character U+{ord(hidden):04X}"
        )
    return text


def to_code(field: Field, value: Any) -> FieldValue:
    """The value as the code carries it (unmasked). Raises BadValue."""
    return _TO_CODE[field.kind](field, value)


def mask(field: Field, value: FieldValue) -> FieldValue:
    """The value with a personal identifier cut to its last characters, as the field asks."""
    if field.keep_last is None or not isinstance(value, str):
        return value
    return value[-field.keep_last :]


def fits(field: Field, value: FieldValue) -> bool:
    """Whether a value found in a code has the form of its field."""
    match field.kind:
        case "text":
            return type(value) is str
        case "texts":
            return isinstance(value, list) and type(value[0]) is str
        case "hours":
            return isinstance(value, list) and type(value[0]) is int
        case "choice":
            return type(value) is int and 0 <= value < len(field.choices)
        case "date":
            return type(value) is int and value in _DAYS
        case _:
            return type(value) is int


def from_code(field: Field, value: FieldValue) -> Any:
    """The API's form of a value found in a code that fits its field."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return _ranges(value) if field.kind == "hours" else value
    match field.kind:
        case "date":
            return (_EPOCH + timedelta(days=value)).isoformat()
        case "choice":
            return field.choices[value].value
        case "decimal":
            return _with_point(value, field.scale)
        case _:
            return value


def shown(field: Field, value: FieldValue) -> tuple[str, str]:
    """The value as a person reads it, Vietnamese and English."""
    if isinstance(value, str):
        text = value if field.keep_last is None else f"•••{value}"
        return text, text
    if field.kind == "choice" and isinstance(value, int):
        choice = field.choices[value]
        return choice.label_vi, choice.label_en
    plain = from_code(field, value)
    if isinstance(plain, list):
        text = "; ".join(plain)
    elif field.kind == "date":
        text = "/".join(reversed(plain.split("-")))
    else:
        text = str(plain)
    unit = f" {field.unit}" if field.unit else ""
    return (text.replace(".", ",") if field.kind == "decimal" else text) + unit, text + unit


def _text(field: Field, value: Any) -> str:
    return clean_text(value, field.max_length)


def _integer(field: Field, value: Any) -> int:
    if type(value) is not int:
        raise BadValue("not_integer", "nhập số nguyên | give a whole number")
    return _bounded(field, value)


def _decimal(field: Field, value: Any) -> int:
    if type(value) not in (int, float, str):
        raise BadValue("not_decimal", "nhập số có dấu chấm thập phân, ví dụ 11.5 | give a number such as 11.5")
    try:
        scaled = _EXACT.scaleb(_EXACT.create_decimal(str(value)), field.scale)
    except (ArithmeticError, ValueError):  # ValueError: an integer of more than 4300 digits
        raise BadValue(
            "not_decimal",
            "nhập số có dấu chấm thập phân, không có khoảng trắng, ví dụ 11.5"
            " | give a number such as 11.5, without spaces",
        ) from None
    if not scaled.is_finite() or abs(scaled) >= _MAX_INTEGER or scaled != int(scaled):
        raise BadValue(
            "not_decimal",
            f"nhập số có tối đa {field.scale} chữ số thập phân | give a number with at most {field.scale} decimals",
        )
    return _bounded(field, int(scaled))


def _bounded(field: Field, value: int) -> int:
    lowest = -_MAX_INTEGER if field.minimum is None else field.minimum
    highest = _MAX_INTEGER if field.maximum is None else field.maximum
    if not lowest <= value <= highest:
        raise BadValue(
            "out_of_range",
            f"nhập từ {from_code(field, lowest)} đến {from_code(field, highest)}"
            f" | between {from_code(field, lowest)} and {from_code(field, highest)}",
        )
    return value


def _date(field: Field, value: Any) -> int:
    try:
        return (date.fromisoformat(value) - _EPOCH).days
    except (ValueError, TypeError):
        raise BadValue(
            "not_date", "nhập ngày dạng năm-tháng-ngày, ví dụ 2026-11-23 | give a date as YYYY-MM-DD"
        ) from None


def _choice(field: Field, value: Any) -> int:
    for index, choice in enumerate(field.choices):
        if choice.value == value:
            return index
    known = ", ".join(f"{choice.value} ({choice.label_vi})" for choice in field.choices)
    values = ", ".join(choice.value for choice in field.choices)
    raise BadValue("unknown_choice", f"chọn một trong: {known} | one of {values}")


def _texts(field: Field, value: Any) -> list[str]:
    if not isinstance(value, list) or not 0 < len(value) <= field.max_length:
        raise BadValue(
            "not_list",
            f"nhập danh sách từ 1 đến {field.max_length} nội dung | give a list of 1 to {field.max_length} texts",
        )
    return [clean_text(text, 200) for text in value]


def _hours(field: Field, value: Any) -> list[int]:
    if not isinstance(value, list) or not 0 < len(value) <= field.max_length:
        raise BadValue(
            "not_list",
            f"nhập từ 1 đến {field.max_length} khung giờ, ví dụ 22:00-06:00"
            f" | give a list of 1 to {field.max_length} ranges such as 22:00-06:00",
        )
    minutes: list[int] = []
    for text in value:
        match = _HOURS.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise BadValue(
                "not_hours",
                "nhập mỗi khung giờ dạng giờ:phút-giờ:phút, ví dụ 22:00-06:00 | give each range as HH:MM-HH:MM",
            )
        start_hour, start, end_hour, end = map(int, match.groups())
        minutes += [start_hour * 60 + start, end_hour * 60 + end]
    return minutes


def _with_point(units: int, scale: int) -> str:
    """Units of 10^-scale as a decimal number."""
    if scale == 0:
        return str(units)
    digits = str(abs(units)).zfill(scale + 1)
    return f"{'-' if units < 0 else ''}{digits[:-scale]}.{digits[-scale:]}"


def _ranges(minutes: list[Any]) -> list[str]:
    times = [f"{minute // 60:02}:{minute % 60:02}" for minute in minutes]
    return [f"{start}-{end}" for start, end in zip(times[::2], times[1::2], strict=False)]


_TO_CODE: Mapping[FieldKind, Callable[[Field, Any], FieldValue]] = {
    "text": _text,
    "integer": _integer,
    "decimal": _decimal,
    "date": _date,
    "choice": _choice,
    "texts": _texts,
    "hours": _hours,
}
