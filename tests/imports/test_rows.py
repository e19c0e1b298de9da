"""All that is wrong with a row is told at once, each thing once."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from khoso.formats.result_type import ResultType
from khoso.imports.model import MAX_PROBLEMS, Flaw, Record, Row
from khoso.imports.rows import check
from khoso.issuance.model import Holder, IssueRequest, Prepared
from khoso.issuance.preparing import prepare
from sheets import AGENCY, BADGE, TYPE_CODE, badge

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


class Catalogue:
    """One result type that one agency may issue."""

    def __init__(self) -> None:
        self.latest = {TYPE_CODE: BADGE}

    def signing_key(self, agency_code: str, at: datetime) -> bytes | None:
        return bytes(8) if agency_code == AGENCY else None

    def may_issue(self, agency_code: str, type_code: str, at: datetime) -> bool:
        return (agency_code, type_code) == (AGENCY, TYPE_CODE)


class Bulk:
    """What an import asks of issuance, without a database."""

    def result_type(self, type_code: str, agency_code: str) -> ResultType:
        return BADGE

    def prepare(self, row: Row, type_code: str, agency_code: str) -> Prepared:
        request = IssueRequest(
            type_code=type_code,
            dossier_code=row.dossier_code,
            legal_basis=row.legal_basis,
            decision_number=row.decision_number,
            holder=Holder(row.holder_kind, row.holder_id, row.holder_name),
            fields=row.fields,
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            evidence_level=row.evidence_level,
        )
        return prepare(request, agency_code, Catalogue(), bytes(32), NOW)

    async def check_right(self, conn: Any, job: Any) -> None:
        raise NotImplementedError

    async def issue_in(self, conn: Any, prepared: Sequence[Prepared], actor: str) -> list[Any]:
        raise NotImplementedError


def values(**changes: Any) -> dict[str, Any]:
    """The values of a good record but for `changes`, by path with two underscores for the dot; None leaves one out."""
    names = {name: name.replace("holder_", "holder.") for name in ("holder_kind", "holder_id", "holder_name")}
    good: dict[str, Any] = {
        names.get(name, name if name == "dossier_code" else f"fields.{name}"): v for name, v in badge(1).items()
    }
    good |= {path.replace("__", "."): value for path, value in changes.items()}
    return {path: value for path, value in good.items() if value is not None}


def wrong(given: dict[str, Any], agency: str = AGENCY) -> list[tuple[str, str]]:
    outcome = check(Record(2, given), Bulk(), TYPE_CODE, agency)
    assert isinstance(outcome, list)
    return [(problem.field, problem.code) for problem in outcome]


def test_a_good_row_is_prepared() -> None:
    outcome = check(Record(2, values(type_code=TYPE_CODE, evidence_level=2)), Bulk(), TYPE_CODE, AGENCY)
    assert isinstance(outcome, Prepared)
    assert (outcome.dossier_code, outcome.claims.evidence_level) == ("H17.11-261120-000001", 2)


def test_a_row_may_name_a_decision_in_place_of_a_dossier() -> None:
    given = values(dossier_code=None, legal_basis="Luật Giao thông đường bộ", decision_number="12/QĐ-SXD")
    outcome = check(Record(2, given), Bulk(), TYPE_CODE, AGENCY)
    assert isinstance(outcome, Prepared)
    assert (outcome.dossier_code, outcome.decision_number) == (None, "12/QĐ-SXD")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"dossier_code": None}, [("dossier_code", "ground_missing")]),
        ({"dossier_code": None, "legal_basis": "Luật"}, [("decision_number", "required")]),
        ({"legal_basis": 5}, [("legal_basis", "not_text")]),
        ({"decision_number": "1/QĐ"}, [("decision_number", "two_grounds")]),
        ({"dossier_code": "H17.11-261340-000001"}, [("dossier_code", "dossier_date")]),
        ({"holder__kind": "robot"}, [("holder.kind", "unknown_choice")]),
        ({"holder__kind": "robot", "holder__id": "1"}, [("holder.kind", "unknown_choice")]),
        ({"holder__id": 48000000001}, [("holder.id", "not_text")]),
        ({"holder__id": Flaw("number_for_text", "…")}, [("holder.id", "number_for_text")]),
        ({"holder__age": "9"}, [("holder.age", "unknown_field")]),
        ({"note": "x"}, [("note", "unknown_field")]),
        ({"fields__note": "x"}, [("fields.note", "unknown_field")]),
        ({"fields__plate": Flaw("formula", "…")}, [("fields.plate", "formula")]),
        ({"fields__plate": None}, [("fields.plate", "required")]),
        ({"fields__kind": "balloon"}, [("fields.kind", "unknown_choice")]),
        ({"fields__seats": "many"}, [("fields.seats", "not_integer")]),
        ({"type_code": "KQ.H17.000001"}, [("type_code", "other_type")]),
        ({"evidence_level": 3}, [("evidence_level", "out_of_range")]),
        ({"evidence_level": True}, [("evidence_level", "out_of_range")]),
        ({"evidence_level": []}, [("evidence_level", "out_of_range")]),
        ({"valid_from": "1/12/2026"}, [("valid_from", "not_date")]),
        ({"valid_from": 20261201, "valid_until": "2020-01-01"}, [("valid_from", "not_date")]),
        ({"valid_until": "2026-01-01"}, [("valid_until", "before_valid_from")]),
    ],
)
def test_one_fault_is_told_once(changes: dict[str, Any], told: list[tuple[str, str]]) -> None:
    assert wrong(values(**changes)) == told


def test_all_faults_of_a_row_are_told_together() -> None:
    changes = {"dossier_code": "1", "holder__kind": "x", "valid_from": "x", "evidence_level": 0, "fields__plate": None}
    told = wrong(values(**changes, fields__seats=Flaw("cell_error", "…"), fields__kind="x"))
    assert sorted(told) == [
        ("dossier_code", "dossier_code"),
        ("evidence_level", "out_of_range"),
        ("fields.kind", "unknown_choice"),
        ("fields.plate", "required"),
        ("fields.seats", "cell_error"),
        ("holder.kind", "unknown_choice"),
        ("valid_from", "not_date"),
    ]


@pytest.mark.parametrize("prefix", ["", "fields__"])
def test_a_row_that_has_nothing_right_is_told_so_far(prefix: str) -> None:
    told = wrong(values(holder__kind=None, **{f"{prefix}x{number}": "x" for number in range(2 * MAX_PROBLEMS)}))
    assert len(told) == MAX_PROBLEMS


def test_an_agency_without_the_right_is_told_for_the_row() -> None:
    assert wrong(values(), "H17.12") == [("", "not_authorised")]
