"""A definition is for ever, so every fault in it is found before it is published."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from khoso.catalogue import definitions
from khoso.errors import InvalidInput
from khoso.formats.result_type import Choice, Field, ResultType, Validity

RED = Choice("red", "Đỏ", "Red")
GREEN = Choice("green", "Xanh", "Green")
PLATE = Field(number=1, name="plate", kind="text", label_vi="Biển số", label_en="Plate")
COLOUR = Field(number=2, name="colour", kind="choice", label_vi="Màu", label_en="Colour", choices=(RED, GREEN))
LOAD = Field(number=3, name="load", kind="decimal", label_vi="Tải trọng", label_en="Load", scale=1)
GOOD = ResultType(
    code="KQ.H17.000042",
    version=1,
    procedure_code="1.004888",
    name_vi="Phù hiệu",
    name_en="Badge",
    subject_kind="vehicle",
    comparison_field="plate",
    glance=("plate", "colour"),
    fields=(PLATE, COLOUR, LOAD),
    validity=Validity(months=12),
)


def with_field(field: Field) -> ResultType:
    """The good definition with this field in the place of its number."""
    return replace(GOOD, fields=tuple(field if field.number == old.number else old for old in GOOD.fields))


def faults(definition: ResultType, earlier: Sequence[ResultType] = ()) -> set[tuple[str, str]]:
    with pytest.raises(InvalidInput) as refused:
        definitions.check(definition, earlier)
    return {(problem.field, problem.code) for problem in refused.value.problems}


def test_a_good_definition_passes() -> None:
    definitions.check(GOOD)
    definitions.check(replace(GOOD, version=2), [GOOD])


@pytest.mark.parametrize(
    ("definition", "fault"),
    [
        (replace(GOOD, code="H17.000042"), ("code", "type_code")),
        (replace(GOOD, procedure_code=" "), ("procedure_code", "empty_or_padded")),
        (replace(GOOD, name_vi="Phù\u202e hiệu"), ("name_vi", "hidden_character")),
        (replace(GOOD, validity=Validity(months=0)), ("validity.months", "out_of_range")),
        (replace(GOOD, validity=Validity(fixed=True)), ("validity.fixed", "without_term")),
        (replace(GOOD, expires_soon_days=-1), ("expires_soon_days", "out_of_range")),
        (replace(GOOD, expires_soon_days=definitions.MAX_DAYS + 1), ("expires_soon_days", "out_of_range")),
        (replace(GOOD, fields=(*GOOD.fields, replace(PLATE, name="other"))), ("fields", "duplicate_number")),
        (replace(GOOD, fields=(*GOOD.fields, replace(PLATE, number=4))), ("fields", "duplicate_name")),
        (replace(GOOD, comparison_field="photo"), ("comparison_field", "unknown_field")),
        (replace(GOOD, glance=("plate", "photo")), ("glance.1", "unknown_field")),
        (replace(GOOD, glance=("plate", "plate")), ("glance", "duplicate_name")),
        (with_field(replace(COLOUR, in_code=False)), ("glance.1", "not_in_code")),
        (with_field(replace(LOAD, name="Load")), ("fields.Load", "name")),
        (with_field(replace(LOAD, label_en=" ")), ("fields.load.label_en", "empty_or_padded")),
        (with_field(replace(LOAD, maximum=1 << 53)), ("fields.load", "bounds")),
        (with_field(replace(PLATE, max_length=1001)), ("fields.plate", "max_length")),
        (with_field(replace(COLOUR, choices=(RED, replace(GREEN, value="Xanh")))), ("fields.colour.choices", "choice")),
        (
            with_field(replace(COLOUR, choices=(RED, replace(GREEN, label_vi="")))),
            ("fields.colour.choices.green.label_vi", "empty_or_padded"),
        ),
        (with_field(replace(LOAD, keep_last=4)), ("fields.load", "keep_last")),
        (with_field(replace(PLATE, keep_last=0)), ("fields.plate", "keep_last")),
        (with_field(replace(PLATE, keep_last=1001)), ("fields.plate", "keep_last")),
        (with_field(replace(PLATE, max_length=0)), ("fields.plate", "max_length")),
        (with_field(replace(LOAD, unit="t\0")), ("fields.load.unit", "hidden_character")),
        (with_field(replace(LOAD, unit="t\u202e")), ("fields.load.unit", "hidden_character")),
        (with_field(replace(LOAD, unit=300 * "t")), ("fields.load.unit", "too_long")),
        (with_field(replace(PLATE, scale=2)), ("fields.plate", "scale")),
        (with_field(replace(LOAD, scale=0)), ("fields.load", "scale")),
        (with_field(replace(PLATE, minimum=1)), ("fields.plate", "bounds")),
        (with_field(replace(LOAD, minimum=2, maximum=1)), ("fields.load", "bounds")),
        (with_field(replace(COLOUR, choices=())), ("fields.colour", "choices")),
        (with_field(replace(LOAD, choices=(RED,))), ("fields.load", "choices")),
        (with_field(replace(COLOUR, choices=(RED, RED))), ("fields.colour", "duplicate_choice")),
        (replace(GOOD, version=3), ("version", "version")),
    ],
)
def test_each_fault_is_named(definition: ResultType, fault: tuple[str, str]) -> None:
    assert faults(definition) == {fault}


@pytest.mark.parametrize("number", [0, definitions.MAX_ORDINAL + 1, 1 << 53])
def test_numbers_begin_at_one_and_have_an_end(number: int) -> None:
    far = replace(GOOD, fields=(*GOOD.fields, replace(PLATE, number=number, name="other")))
    assert faults(far) == {("fields.other", "number")}


def test_there_is_an_end_to_the_number_of_choices() -> None:
    many = tuple(replace(RED, value=f"red_{number}") for number in range(1001))
    assert faults(with_field(replace(COLOUR, choices=many))) == {("fields.colour", "choices")}


def test_a_type_without_fields_has_nothing_to_show() -> None:
    assert ("fields", "count") in faults(replace(GOOD, fields=()))


def test_there_is_an_end_to_the_number_of_fields() -> None:
    many = tuple(replace(LOAD, number=number, name=f"load_{number}") for number in range(3, 66))
    assert faults(replace(GOOD, fields=(PLATE, COLOUR, *many))) == {("fields", "count")}


def test_all_faults_are_named_at_once() -> None:
    assert len(faults(replace(GOOD, name_en="", comparison_field="photo", version=7))) == 3


def second(field: Field) -> ResultType:
    return replace(with_field(field), version=2)


@pytest.mark.parametrize(
    ("field", "code"),
    [
        (replace(LOAD, kind="integer", scale=0), "changed_meaning"),
        (replace(LOAD, scale=2), "changed_meaning"),
        (replace(LOAD, name="weight", in_code=False), "changed_meaning"),
        (replace(COLOUR, choices=(GREEN, RED)), "choices_changed"),
        (replace(COLOUR, choices=(RED,)), "choices_changed"),
    ],
)
def test_a_number_means_one_thing_for_ever(field: Field, code: str) -> None:
    assert faults(second(field), [GOOD]) == {(f"fields.{field.name}", code)}


def test_a_number_that_was_given_up_is_not_given_again() -> None:
    without = replace(GOOD, version=2, fields=(PLATE, COLOUR))
    definitions.check(without, [GOOD])
    again = replace(GOOD, version=3, fields=(PLATE, COLOUR, replace(LOAD, name="length", in_code=False)))
    assert faults(again, [without, GOOD]) == {("fields.length", "changed_meaning")}


def test_labels_bounds_and_appended_choices_may_change() -> None:
    blue = Choice("blue", "Xanh dương", "Blue")
    definitions.check(second(replace(COLOUR, choices=(RED, GREEN, blue), label_vi="Màu xe", required=False)), [GOOD])


OWNER = Field(number=4, name="owner_id", kind="text", label_vi="Số định danh", label_en="Id", keep_last=3)
WATCHED = replace(GOOD, four_eyes=True, fields=(*GOOD.fields, OWNER, replace(PLATE, number=5, name="p", in_code=False)))


def watched(*fields: Field, version: int = 2, four_eyes: bool = True) -> ResultType:
    """The next version of the one that protects, with these fields instead."""
    return replace(WATCHED, version=version, four_eyes=four_eyes, fields=(*GOOD.fields, *fields))


@pytest.mark.parametrize(
    ("weaker", "field"),
    [
        (watched(four_eyes=False), "four_eyes"),
        (watched(replace(OWNER, keep_last=4)), "fields.owner_id"),
        (watched(replace(OWNER, keep_last=None)), "fields.owner_id"),
        (watched(replace(OWNER, number=6, keep_last=None)), "fields.owner_id"),
        (watched(replace(PLATE, number=5, name="p")), "fields.p"),
        (watched(replace(PLATE, number=5, name="p", keep_last=1)), "fields.p"),
        (watched(replace(OWNER, number=6, name="owner_number", keep_last=None)), "fields.owner_number"),
        (watched(OWNER, replace(LOAD, number=6, name="weight")), "fields.weight"),
    ],
)
def test_what_protects_is_weakened_by_a_decision_alone(weaker: ResultType, field: str) -> None:
    assert faults(weaker, [WATCHED]) == {(field, "weakened")}
    without = watched()
    assert faults(replace(weaker, version=3), [without, WATCHED]) == {(field, "weakened")}, "not in two steps either"
    definitions.check(weaker, [WATCHED], may_weaken=True)
    definitions.check(replace(weaker, version=3), [WATCHED, weaker])


def test_what_protects_may_be_made_stronger() -> None:
    definitions.check(watched(replace(OWNER, in_code=False)), [GOOD])
    definitions.check(watched(replace(OWNER, keep_last=2)), [WATCHED])
    definitions.check(watched(replace(OWNER, in_code=False)), [WATCHED])


def plain(**changes: Any) -> dict[str, Any]:
    return {**msgspec.to_builtins(GOOD), **changes}


def test_plain_data_is_read() -> None:
    assert definitions.parse(plain()) == GOOD


@pytest.mark.parametrize(
    ("raw", "field", "code"),
    [
        (plain(colour="red"), "colour", "unknown_key"),
        (plain(validity={"month": 3}), "validity.month", "unknown_key"),
        (plain(version="one"), "version", "form"),
        (plain(subject_kind="animal"), "subject_kind", "form"),
        ({}, "definition", "form"),
        ([], "definition", "form"),
    ],
)
def test_plain_data_of_another_form_is_refused(raw: Any, field: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        definitions.parse(raw)
    assert [(problem.field, problem.code) for problem in refused.value.problems] == [(field, code)]
