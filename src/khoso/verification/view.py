"""A verdict as the inspector reads it."""

from collections.abc import Mapping
from datetime import UTC, datetime

from khoso.formats.claims import Claims, FieldValue
from khoso.formats.field_values import from_code, shown
from khoso.formats.result_type import Field, ResultType
from khoso.formats.verdict import find_type
from khoso.verification.model import (
    CatalogueView,
    Checked,
    FieldView,
    IssuerView,
    PaperView,
    TypeView,
    VerdictView,
    Withdrawal,
    WithdrawalView,
)
from khoso.verification.wording import Words, withdrawal_reason, words


def present(checked: Checked, catalogue: CatalogueView) -> VerdictView:
    """The answer to a scan, with every word and label in Vietnamese and English."""
    verdict = checked.verdict
    wording = words(verdict.outcome, verdict.reason)
    return VerdictView(
        outcome=verdict.outcome.value,
        colour=wording.colour,
        step=verdict.step,
        reason=verdict.reason,
        title=wording.title,
        explanation=wording.explanation,
        guidance=wording.guidance,
        checked_at=checked.checked_at,
        status_as_of=_instant(verdict.status_as_of),
        trust_as_of=_instant(verdict.trust_as_of),
        paper=None if verdict.paper is None else _paper(verdict.paper.claims, catalogue),
        withdrawal=None if checked.withdrawal is None else _withdrawal(checked.withdrawal),
    )


def _withdrawal(withdrawal: Withdrawal) -> WithdrawalView:
    return WithdrawalView(
        act=withdrawal.act,
        since=withdrawal.since,
        reason_code=withdrawal.reason_code,
        reason=withdrawal_reason(withdrawal.reason_code),
        decision_number=withdrawal.decision_number,
        superseded_by=withdrawal.superseded_by,
    )


def _paper(claims: Claims, catalogue: CatalogueView) -> PaperView:
    result_type = find_type(claims, catalogue.types)
    fields = {} if result_type is None else _fields(claims.fields, result_type)
    issued_at = datetime.fromtimestamp(claims.issued_at, UTC)
    return PaperView(
        result_code=claims.result_code,
        type=None if result_type is None else _type(result_type),
        issuer=_issuer(claims.issuer, catalogue),
        subject_kind=None if result_type is None else result_type.subject_kind,
        comparison=None if result_type is None else fields.get(result_type.comparison_field),
        fields=list(fields.values()),
        issued_at=issued_at,
        valid_from=_instant(claims.valid_from) or issued_at,
        expires_at=_instant(claims.expires_at),
        evidence_level=claims.evidence_level,
    )


def _issuer(code: str, catalogue: CatalogueView) -> IssuerView:
    agency = catalogue.trust.agencies[code]
    successors = [_issuer(successor, catalogue) for successor in agency.successors]
    return IssuerView(agency.code, Words(agency.name_vi, agency.name_en), successors)


def _type(result_type: ResultType) -> TypeView:
    return TypeView(result_type.code, result_type.version, Words(result_type.name_vi, result_type.name_en))


def _fields(values: Mapping[int, FieldValue], result_type: ResultType) -> dict[str, FieldView]:
    """The fields that the code carries, by name, as an inspector reads them."""
    return {
        field.name: _field(field, values[field.number]) for field in result_type.by_glance if field.number in values
    }


def _field(field: Field, value: FieldValue) -> FieldView:
    label = Words(field.label_vi, field.label_en)
    return FieldView(field.name, label, from_code(field, value), Words(*shown(field, value)))


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
