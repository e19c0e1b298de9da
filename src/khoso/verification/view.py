"""A verdict as the inspector reads it: every word and label in Vietnamese and English, written as JSON.

Of the three kilobytes of an answer only the paper's own values are new each time: the words of a verdict, the names of
an issuer and the labels of fields are written once, and put together. `VerdictView` describes the whole, and reads it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from typing import Any

import msgspec

from khoso.act_reasons import in_words
from khoso.formats.claims import Claims, FieldValue
from khoso.formats.field_values import from_code, shown, to_code
from khoso.formats.result_type import Field, ResultType
from khoso.formats.status_list import Status
from khoso.formats.verdict import Outcome, find_type
from khoso.text import Words
from khoso.verification.model import (
    CatalogueView,
    Checked,
    IssuerView,
    TypeView,
    VerdictView,
    Withdrawal,
    WithdrawalView,
)
from khoso.verification.wording import words

Json = bytes

_write = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder(VerdictView).decode

_NULL = b"null"
_VERDICT = b'{%b,"bearer":"not_proven","checked_at":%b,"status_as_of":%b,"trust_as_of":%b,"paper":%b,"withdrawal":%b%b}'
_WORDING = b'"outcome":%b,"colour":%b,"step":%d,"reason":%b,"title":%b,"explanation":%b,"guidance":%b'
_PAPER = (
    b'{"result_code":%b,"type":%b,"issuer":%b,"subject_kind":%b,"comparison":%b,"fields":[%b],'
    b'"issued_at":%b,"valid_from":%b,"expires_at":%b,"evidence_level":%d}'
)
_RECORDED = b',"recorded":[%b]'
_FIELD = b'{%b,"value":%b,"shown":{"vi":%b,"en":%b}}'


class View:
    """Writes answers by the newest catalogue, and keeps of it what they have in common."""

    def __init__(self) -> None:
        self._catalogue: CatalogueView | None = None
        self._issuers: dict[str, Json] = {}
        self._papers: dict[tuple[str, int], PaperForm] = {}

    def write(self, checked: Checked, catalogue: CatalogueView) -> Json:
        """The answer to a scan, in the form of `VerdictView`."""
        verdict = checked.verdict
        return _VERDICT % (
            _wording(verdict.outcome, verdict.step, verdict.reason),
            _write(checked.checked_at),
            _instant(verdict.status_as_of),
            _instant(verdict.trust_as_of),
            _NULL if verdict.paper is None else self._paper(verdict.paper.claims, verdict.status, catalogue),
            _NULL if checked.withdrawal is None else _write(_withdrawal(checked.withdrawal)),
            self._recorded(checked) if checked.recorded else b"",
        )

    def present(self, checked: Checked, catalogue: CatalogueView) -> VerdictView:
        """The same, to be shown on a page or in a terminal."""
        return _read(self.write(checked, catalogue))

    def _paper(self, claims: Claims, status: Status | None, catalogue: CatalogueView) -> Json:
        self._follow(catalogue)
        form = self._papers.get((claims.type_code, claims.type_version), _UNKNOWN_TYPE)
        if (
            status is None and find_type(claims, catalogue.types) is None
        ):  # a verdict that came as far as the status has found that they fit
            form = _UNKNOWN_TYPE
        issuer = self._issuers.get(claims.issuer)
        if issuer is None:
            issuer = self._issuers[claims.issuer] = _write(_issuer(claims.issuer, catalogue))
        return form.write(claims, issuer)

    def _recorded(self, checked: Checked) -> Json:
        """What the record has beyond the code; of a paper that has just been written."""
        assert checked.verdict.paper is not None
        claims = checked.verdict.paper.claims
        return _RECORDED % self._papers[claims.type_code, claims.type_version].write_recorded(checked.recorded)

    def _follow(self, catalogue: CatalogueView) -> None:
        """Forget what is of an older catalogue. Its mappings never change; one that was only renewed has the same."""
        if self._catalogue is None or self._catalogue.types is not catalogue.types:
            self._issuers = {}
            self._papers = {key: PaperForm(definition) for key, definition in catalogue.types.items()}
        self._catalogue = catalogue


class PaperForm:
    """How the papers of one type are written; without a type, they have no fields that anybody could name."""

    def __init__(self, result_type: ResultType | None) -> None:
        self._type = _NULL if result_type is None else _write(_type(result_type))
        self._subject_kind = _write(None if result_type is None else result_type.subject_kind)
        self._comparison = "" if result_type is None else result_type.comparison_field
        self._fields = () if result_type is None else tuple(map(FieldForm, result_type.by_glance))

    def write(self, claims: Claims, issuer: Json) -> Json:
        """What a genuine code says, in the form of `PaperView`."""
        values = claims.fields
        fields = {form.name: form.write(values[form.number]) for form in self._fields if form.number in values}
        issued_at = _instant(claims.issued_at)
        return _PAPER % (
            _write(claims.result_code),
            self._type,
            issuer,
            self._subject_kind,
            fields.get(self._comparison, _NULL),
            b",".join(fields.values()),
            issued_at,
            issued_at if claims.valid_from is None else _instant(claims.valid_from),
            _instant(claims.expires_at),
            claims.evidence_level,
        )

    def write_recorded(self, values: Mapping[str, Any]) -> Json:
        """Fields of the record, whole, each in the form of `FieldView`."""
        return b",".join(form.write_recorded(values[form.name]) for form in self._fields if form.name in values)


class FieldForm:
    """How one field is written, in the form of `FieldView`.

    Its name and labels are written once, and so is each of the last 1,024 numbers, dates and choices that codes held,
    for papers share them. Texts are not kept, and nothing of the record is: those are a person's own.
    """

    def __init__(self, field: Field) -> None:
        self.name = field.name
        self.number = field.number
        self._field = field
        label = b'"name":%b,"label":%b' % (_write(field.name), _write(Words(field.label_vi, field.label_en)))
        self._write_any = partial(_write_field, label, field)
        self._write_number = lru_cache(maxsize=1_024)(self._write_any)
        self._write_whole = partial(_write_field, label, replace(field, keep_last=None))

    def write(self, value: FieldValue) -> Json:
        """A value as the code carries it."""
        return self._write_number(value) if type(value) is int else self._write_any(value)

    def write_recorded(self, value: Any) -> Json:
        """A value of the record. Texts stay as they were issued, whatever is refused now; nothing is masked."""
        as_in_code = value if self._field.kind in ("text", "texts") else to_code(self._field, value)
        return self._write_whole(as_in_code)


def _write_field(label: Json, field: Field, value: FieldValue) -> Json:
    plain = from_code(field, value)
    vi, en = shown(field, value)
    in_vi = _write(vi)
    in_en = in_vi if en is vi else _write(en)
    return _FIELD % (label, in_vi if plain is vi else _write(plain), in_vi, in_en)


_UNKNOWN_TYPE = PaperForm(None)


@cache
def _wording(outcome: Outcome, step: int, reason: str) -> Json:
    """The first members of an answer, which are the same for all that have this reason."""
    wording = words(outcome, reason)
    texts = map(_write, (wording.title, wording.explanation, wording.guidance))
    return _WORDING % (_write(outcome.value), _write(wording.colour), step, _write(reason), *texts)


def _withdrawal(withdrawal: Withdrawal) -> WithdrawalView:
    return WithdrawalView(
        act=withdrawal.act,
        since=withdrawal.since,
        reason_code=withdrawal.reason_code,
        reason=in_words(withdrawal.reason_code),
        decision_number=withdrawal.decision_number,
        superseded_by=withdrawal.superseded_by,
    )


def _issuer(code: str, catalogue: CatalogueView) -> IssuerView:
    agency = catalogue.trust.agencies[code]
    successors = [_issuer(successor, catalogue) for successor in agency.successors]
    return IssuerView(agency.code, Words(agency.name_vi, agency.name_en), successors)


def _type(result_type: ResultType) -> TypeView:
    return TypeView(result_type.code, result_type.version, Words(result_type.name_vi, result_type.name_en))


@lru_cache(maxsize=4_096)
def _instant(seconds: int | None) -> Json:
    """Thousands of answers name the same second."""
    return _NULL if seconds is None else _write(datetime.fromtimestamp(seconds, UTC))
