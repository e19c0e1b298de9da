from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khoso.catalogue import danang
from khoso.catalogue.sizing import measure
from khoso.errors import CodeTooLong, InvalidInput
from khoso.formats.result_type import Choice, Field, FieldKind, ResultType, Validity

ISSUER = "H17.05.12"
ORIGIN = "https://kho.danang.gov.vn"
KINDS: tuple[FieldKind, ...] = ("text", "integer", "date")
EVERY_KIND = tuple(
    Field(number=number, name=kind, kind=kind, label_vi=kind, label_en=kind) for number, kind in enumerate(KINDS, 1)
)
SMALL = ResultType(
    code="KQ.H17.000042",
    version=1,
    procedure_code="1.1",
    name_vi="Thử",
    name_en="Trial",
    subject_kind="person",
    comparison_field="text",
    glance=("text",),
    fields=EVERY_KIND,
)


def one_field(kind: FieldKind, **properties: object) -> ResultType:
    field = replace(Field(number=1, name="it", kind=kind, label_vi="Nó", label_en="It"), **properties)  # type: ignore[arg-type]
    return replace(SMALL, fields=(field,))


def test_the_parts_make_up_the_whole() -> None:
    values = {"text": "Lê Lợi", "integer": 5, "date": "2026-11-23"}
    size = measure(SMALL, values, ISSUER, ORIGIN)
    bare = measure(SMALL, dict.fromkeys(values), ISSUER, ORIGIN)
    assert size.field_bytes == {"text": 11, "integer": 2, "date": 4}
    assert bare.payload_bytes + 17 == size.payload_bytes
    assert size.signed_bytes == size.payload_bytes + 85


def test_a_term_costs_its_end() -> None:
    values = {"text": "A", "integer": 1, "date": None}
    endless = measure(SMALL, values, ISSUER, ORIGIN)
    ending = measure(replace(SMALL, validity=Validity(months=6)), values, ISSUER, ORIGIN)
    assert ending.payload_bytes == endless.payload_bytes + 6


@given(length=st.integers(1, 300))
def test_the_longest_text_is_as_long_as_allowed(length: int) -> None:
    size = measure(one_field("text", max_length=length), {}, ISSUER, ORIGIN)
    assert length <= size.field_bytes["it"] - 2 <= 3 * length + 2


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (one_field("text", keep_last=4), 1 + 1 + 3 + len("ộ".encode())),
        (one_field("integer", minimum=0, maximum=255), 3),
        (one_field("integer", minimum=-1000, maximum=0), 4),
        (one_field("decimal", scale=2, maximum=6000, minimum=300), 4),
        (one_field("choice", choices=tuple(Choice(str(n), "a", "b") for n in range(30))), 3),
        (one_field("hours", max_length=2), 1 + 1 + 4 * 3),
        (one_field("text", in_code=False), None),
    ],
)
def test_the_longest_value_of_each_kind(definition: ResultType, expected: int | None) -> None:
    assert measure(definition, {}, ISSUER, ORIGIN).field_bytes.get("it") == expected


@pytest.mark.parametrize("definition", danang.load().types, ids=lambda definition: str(definition.code))
def test_even_the_longest_values_of_our_types_make_a_code(definition: ResultType) -> None:
    assert measure(definition, {}, ISSUER, ORIGIN).version <= 20


def test_all_wrong_values_are_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        measure(SMALL, {"text": 1, "date": "soon", "other": 1}, ISSUER, ORIGIN)
    assert {(problem.field, problem.code) for problem in refused.value.problems} == {
        ("values.text", "not_text"),
        ("values.date", "not_date"),
        ("values.other", "unknown_field"),
    }


def test_what_no_code_holds_is_refused() -> None:
    with pytest.raises(CodeTooLong):
        measure(one_field("text", max_length=900), {}, ISSUER, ORIGIN)
