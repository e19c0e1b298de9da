"""Reading and checking a result type's definition before it can never change again."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, TypeVar

import msgspec

from khoso.errors import InputProblem, InvalidInput
from khoso.formats.result_type import Field, ResultType
from khoso.inputs import find_text_faults, to_form_problem

MAX_FIELDS = 64
MAX_LENGTH = 1000
"""Of a text or a list: a draft that anybody may have measured costs no more than this."""

MAX_NUMBER = (1 << 53) - 1
"""Above it JavaScript rounds (RFC 8259, 6)."""

MAX_ORDINAL = 9_999
"""Of a field in the code, and of a version: a type never has as many, and each digit costs room in the code."""

MAX_DAYS = 36_525
"""Before the end, from when a result expires soon: as long as the longest term."""

_TYPE_CODE = re.compile(r"KQ\.[0-9A-Z.]{1,35}\.[0-9]{6}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_CHOICE = re.compile(r"[a-z0-9_]{1,40}")
_NUMBERS = ("integer", "decimal")

Problems = Iterator[InputProblem]
Item = TypeVar("Item", str, int)


def parse(raw: Any) -> ResultType:
    """The definition in plain data (from JSON or TOML). Raises InvalidInput for a wrong form or an unknown key."""
    try:
        definition = msgspec.convert(raw, ResultType)
    except msgspec.ValidationError as error:
        raise InvalidInput(to_form_problem(str(error), "definition")) from None
    refuse_unknown_keys(raw, definition)
    return definition


def refuse_unknown_keys(raw: Any, definition: ResultType) -> None:
    """Refuse plain data with keys that did not make it into the definition read from it. Raises InvalidInput."""
    _raise_if_any(_unknown_keys(raw, msgspec.to_builtins(definition), ""))


def check(definition: ResultType, earlier: Sequence[ResultType] = (), *, may_weaken: bool = False) -> None:
    """Refuse a definition that could not be used, or that breaks what its earlier versions promised.

    Raises InvalidInput with every fault found. `earlier` are all published versions of the same type. `may_weaken`: it
    may protect less than they did.
    """
    in_order = sorted(earlier, key=lambda version: version.version)
    weakened = () if may_weaken else _weakened(definition, in_order)
    _raise_if_any(chain(_form_problems(definition), _continuity_problems(definition, in_order), weakened))


def check_form(definition: ResultType) -> None:
    """Refuse a definition that could not be used, whatever version it is. Raises InvalidInput with every fault."""
    _raise_if_any(_form_problems(definition))


def _form_problems(definition: ResultType) -> Problems:
    yield from _identity_problems(definition)
    yield from _list_problems(definition.fields)
    yield from _reference_problems(definition)
    yield from chain.from_iterable(map(_field_problems, definition.fields))


def _raise_if_any(problems: Problems) -> None:
    found = tuple(problems)
    if found:
        raise InvalidInput(*found)


def _unknown_keys(given: Any, known: Any, path: str) -> Problems:
    """Keys of `given` that did not make it into `known`, at any depth."""
    if isinstance(given, Mapping):
        for key, value in given.items():
            if key in known:
                yield from _unknown_keys(value, known[key], f"{path}{key}.")
            else:
                yield InputProblem(
                    f"{path}{key}",
                    "unknown_key",
                    "bỏ mục này: định nghĩa không có mục này | a definition has no such key",
                )
    elif isinstance(given, list):
        for index, value in enumerate(given):
            yield from _unknown_keys(value, known[index], f"{path}{index}.")


def _identity_problems(definition: ResultType) -> Problems:
    if not _TYPE_CODE.fullmatch(definition.code):
        yield InputProblem("code", "type_code", "nhập dạng KQ.<mã cơ quan>.<6 chữ số> | give KQ.<agency>.<6 digits>")
    for name in ("procedure_code", "name_vi", "name_en"):
        yield from find_text_faults(name, getattr(definition, name))
    if definition.validity.months is not None and not 1 <= definition.validity.months <= 1200:
        yield InputProblem(
            "validity.months",
            "out_of_range",
            "nhập từ 1 đến 1200 tháng, hoặc bỏ trống nếu không thời hạn"
            " | between 1 and 1200 months, or none for no end",
        )
    if definition.validity.fixed and definition.validity.months is None:
        yield InputProblem(
            "validity.fixed", "without_term", "thời hạn cố định cần số tháng | a fixed term needs its months"
        )
    if not 1 <= definition.version <= MAX_ORDINAL:
        yield InputProblem("version", "out_of_range", f"nhập từ 1 đến {MAX_ORDINAL} | between 1 and {MAX_ORDINAL}")
    if not 0 <= definition.expires_soon_days <= MAX_DAYS:
        yield InputProblem(
            "expires_soon_days", "out_of_range", f"nhập từ 0 đến {MAX_DAYS} ngày | between 0 and {MAX_DAYS} days"
        )


def _list_problems(fields: Sequence[Field]) -> Problems:
    if not 1 <= len(fields) <= MAX_FIELDS:
        yield InputProblem(
            "fields",
            "count",
            f"loại kết quả có từ 1 đến {MAX_FIELDS} trường thông tin | a result type has 1 to {MAX_FIELDS} fields",
        )
    for number in _repeated(field.number for field in fields):
        yield InputProblem(
            "fields",
            "duplicate_number",
            f"hai trường thông tin cùng mang số {number} | two fields have the number {number}",
        )
    for name in _repeated(field.name for field in fields):
        yield InputProblem(
            "fields", "duplicate_name", f"hai trường thông tin cùng tên {name} | two fields are called {name}"
        )


def _reference_problems(definition: ResultType) -> Problems:
    in_code = {field.name: field.in_code for field in definition.fields}
    references = [("comparison_field", definition.comparison_field)]
    references += [(f"glance.{index}", name) for index, name in enumerate(definition.glance)]
    for where, name in references:
        if name not in in_code:
            yield InputProblem(where, "unknown_field", f"không có trường thông tin {name} | there is no field {name}")
        elif not in_code[name]:
            yield InputProblem(
                where,
                "not_in_code",
                f"{name} không có trong mã QR nên máy quét không hiện được"
                f" | {name} is not in the code, so no scanner could show it",
            )
    for name in _repeated(definition.glance):
        yield InputProblem("glance", "duplicate_name", f"{name} được hiện hai lần: bỏ một | {name} is shown twice")


def _field_problems(field: Field) -> Problems:
    where = f"fields.{field.name}"
    if not _NAME.fullmatch(field.name):
        yield InputProblem(
            where,
            "name",
            "tên chỉ gồm chữ thường không dấu, chữ số và _ | a name is lower-case ASCII letters, digits and _",
        )
    if not 1 <= field.number <= MAX_ORDINAL:
        yield InputProblem(where, "number", f"nhập số từ 1 đến {MAX_ORDINAL} | numbers are between 1 and {MAX_ORDINAL}")
    yield from find_text_faults(f"{where}.label_vi", field.label_vi)
    yield from find_text_faults(f"{where}.label_en", field.label_en)
    if field.unit:
        yield from find_text_faults(f"{where}.unit", field.unit)
    if not 1 <= field.max_length <= MAX_LENGTH:
        yield InputProblem(where, "max_length", f"nhập từ 1 đến {MAX_LENGTH} | between 1 and {MAX_LENGTH}")
    if field.keep_last is not None and (field.kind != "text" or not 1 <= field.keep_last <= MAX_LENGTH):
        yield InputProblem(
            where, "keep_last", f"chỉ dùng cho text, từ 1 đến {MAX_LENGTH} | only for text, between 1 and {MAX_LENGTH}"
        )
    yield from _number_problems(field, where)
    yield from _choice_problems(field, where)


def _number_problems(field: Field, where: str) -> Problems:
    if field.kind == "decimal" and not 1 <= field.scale <= 9:
        yield InputProblem(where, "scale", "decimal có từ 1 đến 9 chữ số thập phân | a decimal has 1 to 9 decimals")
    if field.kind != "decimal" and field.scale:
        yield InputProblem(where, "scale", "chỉ dùng cho decimal | only for decimal")
    bounds = [bound for bound in (field.minimum, field.maximum) if bound is not None]
    if bounds and field.kind not in _NUMBERS:
        yield InputProblem(where, "bounds", "chỉ dùng cho integer và decimal | only for integer and decimal")
    if any(abs(bound) > MAX_NUMBER for bound in bounds):
        yield InputProblem(
            where, "bounds", f"nhập từ -{MAX_NUMBER} đến {MAX_NUMBER} | between -{MAX_NUMBER} and {MAX_NUMBER}"
        )
    if bounds != sorted(bounds):
        yield InputProblem(where, "bounds", "minimum không được lớn hơn maximum | minimum must not be above maximum")


def _choice_problems(field: Field, where: str) -> Problems:
    if bool(field.choices) != (field.kind == "choice"):
        yield InputProblem(
            where,
            "choices",
            "choice phải có choices, các kiểu khác thì không | a choice has choices, and nothing else has",
        )
    if len(field.choices) > MAX_LENGTH:
        yield InputProblem(
            where, "choices", f"có tối đa {MAX_LENGTH} giá trị chọn | a field has at most {MAX_LENGTH} choices"
        )
    for value in _repeated(choice.value for choice in field.choices):
        yield InputProblem(where, "duplicate_choice", f"{value} có hai lần: bỏ một | {value} is there twice")
    for choice in field.choices:
        if not _CHOICE.fullmatch(choice.value):
            yield InputProblem(
                f"{where}.choices",
                "choice",
                "giá trị chọn chỉ gồm chữ thường không dấu, chữ số và _"
                " | a choice is lower-case ASCII letters, digits and _",
            )
        yield from find_text_faults(f"{where}.choices.{choice.value}.label_vi", choice.label_vi)
        yield from find_text_faults(f"{where}.choices.{choice.value}.label_en", choice.label_en)


def _continuity_problems(definition: ResultType, earlier: Sequence[ResultType]) -> Problems:
    """What verifiers of older codes rely on: a number means one field for ever, and choices are only appended."""
    newest = earlier[-1].version if earlier else 0
    if definition.version != newest + 1:
        yield InputProblem(
            "version", "version", f"phiên bản tiếp theo là {newest + 1} | the next version is {newest + 1}"
        )
    before = {field.number: field for version in earlier for field in version.fields}
    for field in definition.fields:
        old = before.get(field.number)
        if old is not None:
            yield from _changed_meaning(field, old)


def _changed_meaning(field: Field, old: Field) -> Problems:
    where = f"fields.{field.name}"
    if (field.name, field.kind, field.scale) != (old.name, old.kind, old.scale):
        yield InputProblem(
            where,
            "changed_meaning",
            f"số {field.number} mãi mãi là {old.name} ({old.kind})"
            f" | number {field.number} is {old.name} ({old.kind}) for ever",
        )
    kept = [choice.value for choice in field.choices[: len(old.choices)]]
    if kept != [choice.value for choice in old.choices]:
        yield InputProblem(where, "choices_changed", "choices chỉ được thêm vào cuối | choices are only appended")


def _weakened(definition: ResultType, earlier: Sequence[ResultType]) -> Problems:
    """What protects citizens, and would no more: the second person, and what of a field no scanner can show."""
    message = (
        "mức bảo vệ sẽ giảm so với trước: cần `khoso catalogue publish --decision-number`"
        " | it would protect less than before: that takes `khoso catalogue publish --decision-number`"
    )
    if not earlier:
        return
    if earlier[-1].four_eyes and not definition.four_eyes:
        yield InputProblem("four_eyes", "weakened", message)
    before = {field.name: _shown(field) for version in earlier for field in version.fields}
    for field in definition.fields:  # a field of another name may tell what one of them hides
        if _shown(field) > before.get(field.name, 0):
            yield InputProblem(f"fields.{field.name}", "weakened", message)


def _shown(field: Field) -> int:
    """How many characters of a value the code shows at most."""
    if not field.in_code:
        return 0
    return MAX_LENGTH if field.keep_last is None else field.keep_last


def _repeated(items: Iterable[Item]) -> list[Item]:
    return [item for item, count in Counter(items).items() if count > 1]
