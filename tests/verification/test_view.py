"""The answer to a scan is put together from prepared pieces: to the byte what its members say one by one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden import vectors
from khoso.formats.claims import Claims, FieldValue, StatusRef
from khoso.formats.result_type import Choice, Field, FieldKind, ResultType
from khoso.formats.status_list import Status
from khoso.formats.trust import Trust, TrustedAgency
from khoso.formats.verdict import GenuinePaper, Outcome, TypeCatalogue, Verdict, find_type
from khoso.verification.model import Checked, Withdrawal
from khoso.verification.view import View
from verification.spelled import spell

NOW = datetime(2026, 11, 23, 8, 0, 0, 250, UTC)


class Catalogue(NamedTuple):
    trust: Trust
    types: TypeCatalogue
    successors: Mapping[str, tuple[str, ...]] = {}


@pytest.mark.parametrize("name", vectors.names())
def test_of_every_golden_vector(name: str) -> None:
    vector = vectors.read(name)
    catalogue = Catalogue(vector.trust, vector.types)
    checked = Checked(vector.judge(), NOW)
    written = View().write(checked, catalogue)
    assert written == msgspec.json.encode(spell(checked, catalogue))


CHOICES = (Choice("building", 'Vật "liệu"', "Material"), Choice("food", "Thực phẩm", "Food"))
INTEGERS = st.integers(-(1 << 63), (1 << 63) - 1)
VALUES: Mapping[FieldKind, st.SearchStrategy[FieldValue]] = {
    "text": st.text(),
    "integer": INTEGERS,
    "decimal": INTEGERS,
    "date": st.integers(-719_162, 2_932_896),
    "choice": st.integers(0, 1),
    "texts": st.lists(st.text(), min_size=1),
    "hours": st.lists(st.integers(0, 1439), min_size=1),
}
UNITS = st.sampled_from(["", "m²"])
REASONS = st.sampled_from(["misuse", "R\u0301"])
ANY_VALUE = st.one_of(*VALUES.values())
TIMES = st.integers(0, 253_402_300_799)


def field(number: int, kind: FieldKind, scale: int, unit: str, keep_last: int | None) -> Field:
    label = f"Nhãn {number}"
    return Field(
        number, f"name_{number}", kind, label, label, keep_last=keep_last, scale=scale, unit=unit, choices=CHOICES
    )


@st.composite
def papers(draw: st.DrawFn) -> tuple[ResultType, Claims]:
    """A type with a field of each kind, and a paper of it that may lack some of them and may hold what does not fit."""
    fields = tuple(
        field(
            number, kind, draw(st.integers(0, 4)), draw(st.sampled_from(["", "m²"])), draw(st.sampled_from([None, 4]))
        )
        for number, kind in enumerate(draw(st.permutations(list(VALUES))), start=1)
    )
    glance = draw(st.sampled_from([(), ("name_3", "name_1")]))
    result_type = ResultType("KQ.1", 1, "1", "Giấy", "Paper", "premises", "name_2", glance, fields)
    odd = draw(st.sampled_from([None, None, *fields]))
    values = {one.number: draw(ANY_VALUE if one is odd else VALUES[one.kind]) for one in fields if draw(st.booleans())}
    begin, end = draw(st.none() | TIMES), draw(st.none() | TIMES)
    return result_type, Claims("H17", draw(TIMES), 'R-\u00e9"', "KQ.1", 1, StatusRef(0, 0), values, 2, begin, end)


TRUST = Trust(
    0, 1, {}, {code: TrustedAgency(code, f'Cơ quan "{code}"', f"Agency {code}") for code in ("H17", "H18", "H19")}
)
WITHDRAWALS = st.none() | st.builds(
    Withdrawal,
    st.just("revoke"),
    st.just(NOW),
    st.sampled_from(["misuse", "R\u0301"]),
    st.text(),
    st.none() | st.text(),
)


@given(papers(), st.none() | TIMES, WITHDRAWALS)
def test_of_any_paper(made: tuple[ResultType, Claims], as_of: int | None, withdrawal: Withdrawal | None) -> None:
    result_type, claims = made
    catalogue = Catalogue(TRUST, {("KQ.1", 1): result_type}, {"H17": ("H18",), "H18": ("H19", "H19")})
    all_fit = find_type(claims, catalogue.types) is not None
    verdict = Verdict(
        Outcome.REVOKED, 8, "revoke", GenuinePaper(claims, b""), as_of, as_of, Status.INVALID if all_fit else None
    )
    checked = Checked(verdict, NOW, withdrawal)
    view = View()
    written = view.write(checked, catalogue)
    assert written == msgspec.json.encode(spell(checked, catalogue))
    assert written == view.write(checked, catalogue), "what it has kept of a paper changes no other"
    assert msgspec.json.encode(view.present(checked, catalogue)) == written


def test_a_newer_catalogue_has_the_word() -> None:
    vector = vectors.read("good-paper")
    checked, view = Checked(vector.judge(), NOW), View()
    older = Catalogue(vector.trust, vector.types)
    renamed = {code: TrustedAgency(code, "Tên mới", "New name") for code in vector.trust.agencies}
    assert "Tên mới".encode() not in view.write(checked, older)
    newer = Catalogue(Trust(0, 1, {}, renamed), dict(vector.types))
    assert view.write(checked, newer) == msgspec.json.encode(spell(checked, newer))


@pytest.mark.parametrize("name", [name for name in vectors.names() if name.startswith("field-")])
def test_a_field_that_does_not_fit_its_type_is_not_shown_even_if_the_record_decides(name: str) -> None:
    vector = vectors.read(name)
    by_record = vector.judge()._replace(outcome=Outcome.NOT_ISSUED, step=8, reason="never_recorded")
    view = View().present(Checked(by_record, NOW), Catalogue(vector.trust, vector.types))
    assert view.paper is not None
    assert (view.paper.type, view.paper.fields) == (None, [])
    assert view.paper.result_code
