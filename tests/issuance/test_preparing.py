"""Dates, months, the end of a term, and the size of a code, at the edges."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from khoso.catalogue import danang
from khoso.errors import InvalidInput, NoSigningKey, NotAuthorisedToIssue
from khoso.formats.result_type import ResultType, Validity
from khoso.issuance.model import Holder, IssueRequest, Prepared
from khoso.issuance.preparing import MAX_SIGNED, prepare
from samples import house_permit

TYPES = {definition.code: definition for definition in danang.load().types}
HOUSE = TYPES["KQ.H17.000001"]
PEPPER = bytes(32)
ENDLESS = Validity()
MORNING = datetime(2026, 1, 31, 1, 0, tzinfo=UTC)
"""Eight o'clock in Đà Nẵng on 31 January."""


class Catalogue:
    """One type, one agency, whose right ends in 2040."""

    def __init__(self, definition: ResultType) -> None:
        self.latest = {definition.code: definition}

    def signing_key(self, agency_code: str, at: datetime) -> bytes | None:
        return bytes(8) if agency_code == "H17.05.12" else None

    def may_issue(self, agency_code: str, type_code: str, at: datetime) -> bool:
        return at < datetime(2040, 1, 1, tzinfo=UTC)


def prepared(validity: Validity = ENDLESS, now: datetime = MORNING, **changes: Any) -> Prepared:
    request = house_permit() | {"holder": Holder("person", "048078999001", "Nguyễn Thị Hoà")} | changes
    return prepare(IssueRequest(**request), "H17.05.12", Catalogue(replace(HOUSE, validity=validity)), PEPPER, now)


def refused(**asked: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as refusal:
        prepared(**asked)
    return [(problem.field, problem.code) for problem in refusal.value.problems]


def day_of(seconds: int | None) -> str:
    """The last day in force, in Đà Nẵng, of an exclusive end."""
    assert seconds is not None
    assert (seconds + 7 * 3600) % 86_400 == 0, "midnight in Đà Nẵng"
    return date.fromordinal(719_163 + (seconds + 7 * 3600) // 86_400 - 1).isoformat()


@pytest.mark.parametrize(
    ("first", "months", "last"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2027-12-31", 2, "2028-02-29"),
        ("2026-08-31", 1, "2026-09-30"),
        ("2026-12-01", 1, "2027-01-01"),
        ("2026-02-28", 12, "2027-02-28"),
        ("2026-01-31", 1200, "2126-01-31"),
    ],
)
def test_a_term_in_months_ends_on_the_same_day_or_the_months_last(first: str, months: int, last: str) -> None:
    issued = prepared(Validity(months), valid_from=date.fromisoformat(first))
    assert day_of(issued.claims.expires_at) == last


def test_the_day_is_that_of_da_nang() -> None:
    before_midnight, after = datetime(2026, 1, 31, 16, 59, 59, tzinfo=UTC), datetime(2026, 1, 31, 17, 0, tzinfo=UTC)
    assert day_of(prepared(Validity(1), before_midnight).claims.expires_at) == "2026-02-28"
    assert day_of(prepared(Validity(1), after).claims.expires_at) == "2026-03-01"
    assert refused(now=after, valid_from=date(2026, 1, 31)) == [("valid_from", "out_of_range")]


def test_from_today_is_from_now_and_from_later_is_from_midnight() -> None:
    assert prepared().claims.valid_from is None
    assert prepared(valid_from=date(2026, 1, 31)).claims.valid_from is None
    assert prepared(valid_from=date(2026, 2, 1)).claims.valid_from == datetime(2026, 1, 31, 17, tzinfo=UTC).timestamp()


def test_a_fixed_term_cannot_be_chosen() -> None:
    fixed = Validity(12, fixed=True)
    assert day_of(prepared(fixed).claims.expires_at) == "2027-01-31"
    assert day_of(prepared(fixed, valid_until=date(2027, 1, 31)).claims.expires_at) == "2027-01-31"
    assert refused(validity=fixed, valid_until=date(2027, 1, 30)) == [("valid_until", "fixed_term")]


def test_a_term_without_end_may_be_given_one() -> None:
    assert prepared().claims.expires_at is None
    assert day_of(prepared(valid_until=date(2026, 1, 31)).claims.expires_at) == "2026-01-31"
    assert day_of(prepared(valid_until=date(2199, 12, 31)).claims.expires_at) == "2199-12-31"
    assert refused(valid_until=date(2200, 1, 1)) == [("valid_until", "too_long")]
    assert refused(valid_until=date(2026, 1, 30)) == [("valid_until", "before_valid_from")]


def test_the_farthest_beginning() -> None:
    assert prepared(valid_from=date(2028, 1, 31)).claims.valid_from is not None
    assert refused(valid_from=date(2028, 2, 1)) == [("valid_from", "out_of_range")]


def test_a_right_that_has_ended() -> None:
    with pytest.raises(NotAuthorisedToIssue):
        prepared(now=datetime(2040, 1, 1, tzinfo=UTC))


def test_an_agency_that_may_issue_and_has_no_key() -> None:
    request = IssueRequest(**house_permit())
    with pytest.raises(NoSigningKey):
        prepare(request, "H17.05.13", Catalogue(HOUSE), PEPPER, MORNING)


def test_no_end_is_not_the_year_9999_where_the_term_is_fixed() -> None:
    problems = refused(validity=Validity(months=60, fixed=True), valid_until=date.max)
    assert problems == [("valid_until", "fixed_term")]


def test_a_code_may_be_as_large_as_it_may_be_and_no_larger() -> None:
    definition = replace(HOUSE, fields=(replace(HOUSE.fields[0], max_length=400),), comparison_field="address")

    def problems(length: int) -> list[tuple[str, str]]:
        request = house_permit(fields={"address": "a" * length}, holder=Holder("person", "048078999001", "A"))
        try:
            prepare(IssueRequest(**request), "H17.05.12", Catalogue(definition), PEPPER, MORNING)
        except InvalidInput as refusal:
            return [(problem.field, problem.code) for problem in refusal.problems]
        return []

    told = [problems(length) for length in range(150, 300)]
    border = told.index([("fields", "code_too_large")])
    assert told == [[]] * border + [[("fields", "code_too_large")]] * (150 - border)
    assert MAX_SIGNED - 200 < 150 + border < MAX_SIGNED


def test_one_holder_has_one_key_and_persons_and_organisations_never_the_same() -> None:
    key = prepared().holder_key
    assert prepared(holder=Holder("person", "048078999001", "Another name")).holder_key == key
    assert prepared(holder=Holder("person", "048078999002", "Nguyễn Thị Hoà")).holder_key != key
    assert prepared(holder=Holder("organisation", "048078999001", "Nguyễn Thị Hoà")).holder_key != key


@pytest.mark.parametrize("tax_code", ["0401234567", "0401234567-001", "0401234567001", "048078999001"])
def test_tax_codes(tax_code: str) -> None:
    assert prepared(holder=Holder("organisation", tax_code, "Công ty")).holder_name == "Công ty"


def test_names_are_kept_composed() -> None:
    assert prepared(holder=Holder("person", "048078999001", "Hoa\u0300")).holder_name == "Hoà"
