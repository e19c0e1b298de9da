from collections import Counter

import pytest

from khoso.catalogue import danang, definitions
from khoso.formats.result_type import ResultType

SEED = danang.load()
TODAY = [agency for agency in SEED.agencies if agency.valid_until is None]
CODES = {agency.agency_code for agency in SEED.agencies}


def test_the_merged_city_has_its_94_units() -> None:
    levels = Counter(agency.level for agency in TODAY)
    assert (levels["ward"], levels["commune"], levels["special_zone"], levels["city"]) == (23, 70, 1, 1)
    assert levels["district"] == 0


def test_codes_are_unique_and_references_lead_somewhere() -> None:
    assert len(CODES) == len(SEED.agencies)
    assert {agency.parent_code for agency in SEED.agencies} <= CODES | {None}
    assert {successor.agency_code for successor in SEED.successors} <= CODES
    assert {right.agency_code for right in SEED.rights} <= CODES
    assert {right.type_code for right in SEED.rights} == {definition.code for definition in SEED.types}


def test_who_is_no_more_has_successors_that_are() -> None:
    answered = {successor.agency_code for successor in SEED.successors}
    assert answered == CODES - {agency.agency_code for agency in TODAY}
    assert {successor.successor_code for successor in SEED.successors} <= {agency.agency_code for agency in TODAY}


def test_succession_is_many_to_many() -> None:
    assert max(Counter(successor.agency_code for successor in SEED.successors).values()) > 1
    assert max(Counter(successor.successor_code for successor in SEED.successors).values()) > 1


def test_nobody_may_issue_before_or_after_he_was() -> None:
    by_code = {agency.agency_code: agency for agency in SEED.agencies}
    for right in SEED.rights:
        agency = by_code[right.agency_code]
        assert agency.valid_from <= right.valid_from.date()
        if agency.valid_until is not None:
            assert right.valid_until is not None
            assert right.valid_until.date() <= agency.valid_until


def test_each_right_is_given_once() -> None:
    assert max(Counter((right.agency_code, right.type_code) for right in SEED.rights).values()) == 1


@pytest.mark.parametrize("definition", SEED.types, ids=lambda definition: str(definition.code))
def test_the_definition_can_be_published(definition: ResultType) -> None:
    definitions.check(definition)


def test_vietnamese_comes_first_and_english_with_it() -> None:
    for agency in SEED.agencies:
        assert agency.name_vi
        assert agency.name_en.isascii()
