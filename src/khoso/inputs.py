"""What every room asks of what people and programs write: texts, and the keys under which they may ask again."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from khoso.errors import InputProblem, InvalidInput
from khoso.formats.field_values import BadValue, clean_text

MAX_TEXT = 200
"""Characters of a name, a label, a reason, a number."""

MAX_KEY = 100
"""Characters of an Idempotency-Key."""

_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
"""Of a time that anybody means. The ends of the calendar have no time in UTC or in Vietnam to be told in."""

_PLACE = re.compile(r" - at `\$\.?([^`]+)`$")
_WRONG_KIND = re.compile(r"Expected `([a-z |]+)`, got `([a-z]+)`")
_OUT_OF_BOUNDS = re.compile(r"Expected `[a-z |]+`( of length)? ([<>]=?) ([0-9.-]+)")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")
_KINDS: Mapping[str, str] = {
    "int": "số nguyên",
    "float": "số",
    "str": "văn bản",
    "bool": "true hoặc false",
    "array": "danh sách",
    "object": "đối tượng",
    "datetime": "thời điểm",
    "date": "ngày",
}


NO_JSON = InputProblem("body", "json", "gửi một đối tượng JSON | give a JSON object")

INCOMPLETE = InputProblem(
    "body", "incomplete", "kết nối ngắt trước khi gửi xong: hãy gửi lại | the connection ended before the body did"
)


def to_form_problem(said: str, whole: str) -> InputProblem:
    """What msgspec said of data in a wrong form, at the place that it names; `whole` is the field if it names none."""
    place = _PLACE.search(said)
    said = _PLACE.sub("", said)
    vietnamese, english = (half.replace(" | ", " or ") for half in (_in_vietnamese(said), said))
    message = f"sai dữ liệu: {vietnamese} | {english}"
    return InputProblem(whole if place is None else place[1], "form", message)


def _in_vietnamese(english: str) -> str:
    if match := _WRONG_KIND.fullmatch(english):
        wanted = " hoặc ".join(_KINDS.get(kind, kind) for kind in match[1].split(" | "))
        return f"cần {wanted}, không phải {_KINDS.get(match[2], match[2])}"
    if match := _OUT_OF_BOUNDS.fullmatch(english):
        return f"cần {'độ dài' if match[1] else 'giá trị'} {match[2]} {match[3]}"
    if match := _MISSING.fullmatch(english):
        return f"thiếu mục `{match[1]}`"
    if match := _UNKNOWN.fullmatch(english):
        return f"bỏ mục `{match[1]}`, mẫu không có"
    if english.startswith("Invalid enum value"):
        return "chọn một giá trị trong danh sách cho phép"
    return "nhập lại cho đúng dạng"


def find_text_faults(field: str, text: str) -> Iterator[InputProblem]:
    """What is wrong with a text, by the rules that a paper's own texts have."""
    try:
        clean_text(text, MAX_TEXT)
    except BadValue as bad:
        yield InputProblem(field, bad.code, bad.message)


def check_text(field: str, text: str) -> None:
    """Raise InvalidInput for a text with a fault."""
    faults = list(find_text_faults(field, text))
    if faults:
        raise InvalidInput(*faults)


def check_instant(field: str, instant: datetime | None) -> None:
    """Raise InvalidInput for a time without offset, or of no year that anybody means; none at all is good."""
    if instant is None:
        return
    if instant.tzinfo is None:
        raise InvalidInput(
            InputProblem(field, "offset", "nhập thời điểm kèm múi giờ, ví dụ +07:00 | give the time with its offset")
        )
    if not _EARLIEST <= instant < _LATEST:
        raise InvalidInput(
            InputProblem(
                field, "out_of_range", "chọn thời điểm từ năm 1900 đến năm 2999 | a time from the year 1900 to 2999"
            )
        )


def check_idempotency_key(key: str) -> str:
    """The key. Raises InvalidInput for one that is empty or too long."""
    if not 0 < len(key) <= MAX_KEY:
        raise InvalidInput(
            InputProblem("Idempotency-Key", "length", f"cần từ 1 đến {MAX_KEY} ký tự | 1 to {MAX_KEY} characters")
        )
    return key
