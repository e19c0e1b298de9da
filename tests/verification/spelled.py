"""The answer to a scan built member by member: what the prepared pieces of `View` have to amount to."""

from datetime import UTC, datetime

from khoso.act_reasons import in_words
from khoso.formats.claims import Claims, FieldValue
from khoso.formats.field_values import from_code, shown
from khoso.formats.result_type import Field, ResultType
from khoso.formats.verdict import find_type
from khoso.text import Words
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
from khoso.verification.wording import words


def spell(checked: Checked, catalogue: CatalogueView) -> VerdictView:
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
        bearer="not_proven",
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
        reason=in_words(withdrawal.reason_code),
        decision_number=withdrawal.decision_number,
        superseded_by=withdrawal.superseded_by,
    )


def _paper(claims: Claims, catalogue: CatalogueView) -> PaperView:
    known = find_type(claims, catalogue.types)
    fields = [] if known is None else [_field(one, claims.fields[one.number]) for one in _carried(claims, known)]
    issued_at = datetime.fromtimestamp(claims.issued_at, UTC)
    comparison = [one for one in fields if known is not None and one.name == known.comparison_field]
    return PaperView(
        result_code=claims.result_code,
        type=None if known is None else TypeView(known.code, known.version, Words(known.name_vi, known.name_en)),
        issuer=_issuer(claims.issuer, catalogue),
        subject_kind=None if known is None else known.subject_kind,
        comparison=comparison[0] if comparison else None,
        fields=fields,
        issued_at=issued_at,
        valid_from=_instant(claims.valid_from) or issued_at,
        expires_at=_instant(claims.expires_at),
        evidence_level=claims.evidence_level,
    )


def _carried(claims: Claims, result_type: ResultType) -> list[Field]:
    return [field for field in result_type.by_glance if field.number in claims.fields]


def _issuer(code: str, catalogue: CatalogueView) -> IssuerView:
    agency = catalogue.trust.agencies[code]
    successors = [_issuer(successor, catalogue) for successor in agency.successors]
    return IssuerView(agency.code, Words(agency.name_vi, agency.name_en), successors)


def _field(field: Field, value: FieldValue) -> FieldView:
    label = Words(field.label_vi, field.label_en)
    return FieldView(field.name, label, from_code(field, value), Words(*shown(field, value)))


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
