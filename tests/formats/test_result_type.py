"""The definition of a result type: immutable, with its fields by number."""

from dataclasses import FrozenInstanceError, replace

import pytest

from khoso.formats.result_type import Field, ResultType, Validity

PLATE = Field(1, "plate", "text", "Biển số", "Plate")
LOAD = Field(4, "load", "decimal", "Tải trọng", "Load", scale=1, unit="t")
PERMIT = ResultType(
    "KQ.H17.000003", 1, "1.000001", "Giấy phép", "Permit", "vehicle", "plate", ("plate",), (LOAD, PLATE)
)


def test_fields_by_their_number_in_the_code() -> None:
    assert PERMIT.by_number == {1: PLATE, 4: LOAD}
    assert PERMIT.by_number is PERMIT.by_number  # looked up at every scan, so built once


def test_what_a_definition_leaves_out() -> None:
    assert (PLATE.required, PLATE.in_code, PLATE.keep_last, PLATE.max_length, PLATE.choices) == (
        True,
        True,
        None,
        200,
        (),
    )
    assert (PLATE.minimum, PLATE.maximum, PLATE.scale, PLATE.unit) == (None, None, 0, "")
    assert (PERMIT.validity, PERMIT.expires_soon_days, PERMIT.four_eyes, PERMIT.inspectable) == (
        Validity(),
        30,
        False,
        True,
    )
    assert (Validity().months, Validity().fixed) == (None, False)


def test_a_definition_never_changes() -> None:
    with pytest.raises(FrozenInstanceError):
        PERMIT.version = 2  # type: ignore[misc]
    newer = replace(PERMIT, version=2, fields=(PLATE,))
    assert newer.by_number == {1: PLATE}
    assert PERMIT.by_number == {1: PLATE, 4: LOAD}
