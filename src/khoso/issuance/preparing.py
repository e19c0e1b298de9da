"""Everything that is checked before a signature exists: rights, fields, dates, size.

A signature cannot be taken back, so what a code will say is checked here to the last character. All problems of a
request are reported together, each with its field.
"""

import hmac
import re
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Protocol

from khoso.errors import UNKNOWN_TYPE, InputProblem, InvalidInput, NoSigningKey, NotAuthorisedToIssue
from khoso.formats import claims as claims_format
from khoso.formats import cose
from khoso.formats.claims import Claims, FieldValue, StatusRef
from khoso.formats.field_values import BadValue, clean_text, from_code, mask, to_code
from khoso.formats.result_type import Field, ResultType, Validity
from khoso.formats.status_list import SIZE
from khoso.issuance.grounds import find_ground_faults, longest_code
from khoso.issuance.model import Holder, IssueRequest, Prepared
from khoso.text import fold
from khoso.times import VIETNAM

MAX_SIGNED = 370
"""Longest signed credential in bytes: version 15 at error correction M, still read by cheap phones."""

LAST_DAY = date(2200, 1, 1)
"""No result ends on this day or later: computers and printed papers end before."""

_FRAME_AT_MOST = 170
"""The COSE frame, the heads of all claims, times, and status."""

_HEAD_AT_MOST = 3
_INTEGER_AT_MOST = 9

MAX_AHEAD_DAYS = 730
"""How far ahead a result may begin."""

_PERSONAL_ID = re.compile(r"[0-9]{12}")
_TAX_CODE = re.compile(r"[0-9]{10}(?:-?[0-9]{3})?|[0-9]{12}")
_fold_name = lru_cache(maxsize=1024)(fold)  # of result types and choices, of which there are few
_NO_STATUS = StatusRef(0, 0)


class CatalogueView(Protocol):
    """What issuance needs to know of the catalogue, at one moment."""

    @property
    def latest(self) -> Mapping[str, ResultType]:
        """The newest version of each result type by its code."""
        ...

    def signing_key(self, agency_code: str, at: datetime) -> bytes | None:
        """The kid of the key that the agency signs with, if what it signs at that time is good."""
        ...

    def may_issue(self, agency_code: str, type_code: str, at: datetime) -> bool:
        """Whether the agency has the right to issue the type at that time."""
        ...


def prepare(
    request: IssueRequest, agency_code: str, catalogue: CatalogueView, pepper: bytes, now: datetime
) -> Prepared:
    """Check one request of an agency.

    Raises NotAuthorisedToIssue, NoSigningKey for an agency that may issue and cannot at the moment, or InvalidInput
    with every problem found.
    """
    result_type = catalogue.latest.get(request.type_code)
    if result_type is None:
        raise InvalidInput(UNKNOWN_TYPE)
    if not catalogue.may_issue(agency_code, request.type_code, now):
        raise NotAuthorisedToIssue(agency_code, request.type_code)
    kid = catalogue.signing_key(agency_code, now)
    if kid is None:
        raise NoSigningKey(agency_code)
    problems = _Problems()
    holder = _check_holder(request.holder, problems)
    problems.extend(find_ground_faults(request, agency_code))
    values = _check_fields(request.fields, result_type, problems)
    valid_from, expires_at = _check_dates(request, result_type.validity, now, problems)
    problems.raise_if_any()
    issued_at = int(now.timestamp())
    claims = Claims(
        issuer=agency_code,
        issued_at=issued_at,
        result_code="",
        type_code=result_type.code,
        type_version=result_type.version,
        status=_NO_STATUS,
        fields={field.number: mask(field, value) for field, value in values if field.in_code},
        evidence_level=request.evidence_level,
        valid_from=None if valid_from == issued_at else valid_from,
        expires_at=expires_at,
    )
    _check_size(claims, longest_code(request, agency_code))
    return Prepared(
        agency_code=agency_code,
        dossier_code=request.dossier_code,
        legal_basis=request.legal_basis,
        decision_number=request.decision_number,
        holder_key=_holder_key(holder, pepper),
        holder_name=holder.name,
        fields={field.name: from_code(field, value) for field, value in values},
        search_text=" ".join(
            [
                fold(request.dossier_code or request.decision_number or ""),
                _fold_name(result_type.name_vi),
                _fold_name(result_type.name_en),
                fold(holder.name),
                *_words(values),
            ]
        ),
        claims=claims,
        kid=kid,
        four_eyes=result_type.four_eyes,
    )


def _holder_key(holder: Holder, pepper: bytes) -> bytes:
    """What the vault is found by. A branch's tax code with and without its hyphen is one holder's."""
    keyed = _keyed(pepper).copy()
    keyed.update(f"{holder.kind}:{holder.id.replace('-', '')}".encode())
    return keyed.digest()


@lru_cache(maxsize=1)
def _keyed(pepper: bytes) -> hmac.HMAC:
    """The HMAC before its message: `hmac.digest` would give up the interpreter's lock and have to wait for it again."""
    return hmac.new(pepper, digestmod="sha256")


def person_key(personal_id: str, pepper: bytes) -> bytes:
    """What the vault of a person is found by. Raises InvalidInput for what is no personal id."""
    problems = _Problems()
    holder = _check_holder(Holder("person", personal_id, "-"), problems)
    problems.raise_if_any()
    return _holder_key(holder, pepper)


class _Problems(list[InputProblem]):
    """The problems found so far, so that all are reported together."""

    def note(self, field: str, code: str, message: str) -> None:
        self.append(InputProblem(field, code, message))

    def raise_if_any(self) -> None:
        if self:
            raise InvalidInput(*self)


def _check_holder(holder: Holder, problems: _Problems) -> Holder:
    if holder.kind == "person" and not _PERSONAL_ID.fullmatch(holder.id):
        problems.note(
            "holder.id",
            "personal_id",
            "nhập đủ 12 chữ số của số định danh cá nhân | give the 12 digits of the personal id",
        )
    if holder.kind == "organisation" and not _TAX_CODE.fullmatch(holder.id):
        problems.note(
            "holder.id",
            "tax_code",
            "nhập mã số thuế gồm 10, 12 hoặc 13 chữ số | give a tax code of 10, 12 or 13 digits",
        )
    try:
        return Holder(holder.kind, holder.id, clean_text(holder.name, 200))
    except BadValue as bad:
        problems.note("holder.name", bad.code, bad.message)
        return holder


def _check_fields(
    given: Mapping[str, Any], result_type: ResultType, problems: _Problems
) -> list[tuple[Field, FieldValue]]:
    """The values in the form of the code, unmasked, each with its field, in the order of the type."""
    known = {field.name for field in result_type.fields}
    for name in given.keys() - known:
        problems.note(
            f"fields.{name}",
            "unknown_field",
            f"bỏ mục này: {result_type.code} không có trường thông tin này | {result_type.code} has no such field",
        )
    checked = ((field, _check_field(field, given.get(field.name), problems)) for field in result_type.fields)
    return [(field, value) for field, value in checked if value is not None]


def _words(values: Iterable[tuple[Field, FieldValue]]) -> Iterator[str]:
    """Every text and the labels of every choice, folded for the search."""
    for field, value in values:
        if field.kind == "choice" and isinstance(value, int):
            choice = field.choices[value]
            yield from (_fold_name(choice.label_vi), _fold_name(choice.label_en))
        else:
            yield from (fold(one) for one in (value if isinstance(value, list) else [value]) if isinstance(one, str))


def _check_field(field: Field, value: Any, problems: _Problems) -> FieldValue | None:
    if value is None:
        if field.required:
            problems.note(f"fields.{field.name}", "required", f"nhập {field.label_vi} | {field.label_en} is required")
        return None
    try:
        return to_code(field, value)
    except BadValue as bad:
        problems.note(f"fields.{field.name}", bad.code, bad.message)
        return None


def _check_dates(
    request: IssueRequest, validity: Validity, now: datetime, problems: _Problems
) -> tuple[int, int | None]:
    """When the result begins and ends to be in force, in seconds since 1970 UTC; the end is exclusive."""
    today = now.astimezone(VIETNAM).date()
    first_day = request.valid_from or today
    if not 0 <= (first_day - today).days <= MAX_AHEAD_DAYS:
        problems.note(
            "valid_from",
            "out_of_range",
            f"chọn ngày từ hôm nay đến {MAX_AHEAD_DAYS} ngày tới | from today to {MAX_AHEAD_DAYS} days ahead",
        )
        first_day = today
    longest = None if validity.months is None else _add_months(first_day, validity.months)
    last_day = request.valid_until or longest
    if validity.fixed and last_day != longest:
        problems.note(
            "valid_until",
            "fixed_term",
            f"loại này luôn có thời hạn {validity.months} tháng: bỏ trống"
            f" | this type always runs {validity.months} months; leave it out",
        )
        last_day = longest
    elif last_day is not None and last_day >= LAST_DAY:
        problems.note(
            "valid_until",
            "too_long",
            f"chọn ngày trước {LAST_DAY.isoformat()}; bỏ trống nếu không thời hạn"
            f" | before {LAST_DAY.isoformat()}; leave it out if there is no end",
        )
        last_day = None
    elif last_day is not None and last_day < first_day:
        problems.note(
            "valid_until",
            "before_valid_from",
            "chọn ngày không sớm hơn ngày bắt đầu có hiệu lực | must not lie before valid_from",
        )
    elif last_day is not None and longest is not None and last_day > longest:
        problems.note(
            "valid_until",
            "too_long",
            f"tối đa {validity.months} tháng: chọn ngày muộn nhất là {longest.isoformat()}"
            f" | at most {validity.months} months: {longest.isoformat()}",
        )
    begins = int(now.timestamp()) if first_day == today else _start_of(first_day)
    return begins, None if last_day is None else _start_of(last_day + timedelta(days=1))


def _start_of(day: date) -> int:
    return int(datetime.combine(day, time(), VIETNAM).timestamp())


def _add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day if it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _check_size(claims: Claims, result_code: str) -> None:
    """Refuse what would need too dense a code, with the longest numbers it could get."""
    if _size_at_most(claims, result_code) <= MAX_SIGNED:  # nearly always, and a twentieth of the price
        return
    longest = claims._replace(result_code=result_code, status=StatusRef(1 << 16, SIZE - 1))
    signed = cose.assemble(bytes(cose.KID_BYTES), claims_format.encode(longest), bytes(64))
    if len(signed) > MAX_SIGNED:
        message = (
            f"mã QR chứa {len(signed)} byte, tối đa {MAX_SIGNED}: rút ngắn nội dung"
            f" | the code would hold {len(signed)} bytes, at most {MAX_SIGNED}: shorten the texts"
        )
        raise InvalidInput(InputProblem("fields", "code_too_large", message))


def _size_at_most(claims: Claims, result_code: str) -> int:
    """More bytes than the signed credential can have: each head of a text, list or number counted at its longest."""
    size = _FRAME_AT_MOST + len(claims.issuer) + len(claims.type_code) + len(result_code)
    for number, value in claims.fields.items():
        size += (1 if number < 24 else 5) + _HEAD_AT_MOST  # the key, and the head of a list if it is one
        for part in value if isinstance(value, list) else (value,):
            size += _HEAD_AT_MOST + len(part.encode()) if isinstance(part, str) else _INTEGER_AT_MOST
    return size
