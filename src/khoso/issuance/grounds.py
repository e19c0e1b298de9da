"""On what ground a result is issued, and how its code is formed from that.

A dossier, or, where there was none, a legal basis with the number of a decision. A result of a dossier is coded
`<dossier code>-KQ<n>`; one without gets a number of its own, of five digits, which no dossier has:
`<agency>-<YYMMDD of issue>-<5 digits>-KQ<n>`.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime

from khoso.errors import InputProblem
from khoso.formats.lookup import RESULT_CODE
from khoso.inputs import find_text_faults
from khoso.issuance.model import IssueRequest, Prepared
from khoso.times import VIETNAM

_DOSSIER_DATE = re.compile(r".*-([0-9]{2})([0-9]{2})([0-9]{2})-([0-9]+)")
_OWN_DIGITS = 5
_OWN_NUMBERS = 10**_OWN_DIGITS


def find_ground_faults(request: IssueRequest, agency_code: str) -> Iterator[InputProblem]:
    """What is missing or wrong with the ground that a request names."""
    basis = {"legal_basis": request.legal_basis, "decision_number": request.decision_number}
    given = {name: text for name, text in basis.items() if text is not None}
    if request.dossier_code is not None:
        yield from _find_dossier_faults(request.dossier_code)
        for name in given:
            yield InputProblem(
                name,
                "two_grounds",
                "hồ sơ đã là căn cứ: bỏ mục này, hoặc bỏ mã hồ sơ"
                " | a dossier is the ground: leave this out, or leave out the dossier",
            )
    elif not given:
        message = (
            "nhập mã hồ sơ; nếu không có hồ sơ, nhập căn cứ pháp lý và số quyết định"
            " | name the dossier; or, where there is none, legal_basis and decision_number"
        )
        yield InputProblem("dossier_code", "ground_missing", message)
    else:
        yield from _find_basis_faults(basis, agency_code)


def longest_code(request: IssueRequest, agency_code: str) -> str:
    """As long as the result's code can get."""
    return f"{request.dossier_code or f'{agency_code}-991231-99999'}-KQ9999"


def series_of(prepared: Prepared) -> str:
    """In what the result is numbered: its dossier; or its agency's day, whose code no dossier has."""
    if prepared.dossier_code is not None:
        return prepared.dossier_code
    return f"{prepared.agency_code}-{datetime.fromtimestamp(prepared.claims.issued_at, VIETNAM):%y%m%d}"


def code_of(prepared: Prepared, number: int) -> str:
    """The code of the result with that number in its series, from 1."""
    series = series_of(prepared)
    if prepared.dossier_code is not None:
        return f"{series}-KQ{number}"
    again, own = divmod(number, _OWN_NUMBERS)
    return f"{series}-{own:0{_OWN_DIGITS}}-KQ{again + 1}"


def _find_dossier_faults(dossier_code: str) -> Iterator[InputProblem]:
    match = _DOSSIER_DATE.fullmatch(dossier_code)
    if match is None or not RESULT_CODE.fullmatch(f"{dossier_code}-KQ1") or len(match[4]) == _OWN_DIGITS:
        yield InputProblem(
            "dossier_code",
            "dossier_code",
            "nhập dạng <mã cơ quan>-<năm tháng ngày, 6 chữ số>-<4 hoặc 6 chữ số>"
            " | give <agency>-<YYMMDD>-<4 or 6 digits>",
        )
        return
    try:
        date(2000 + int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        yield InputProblem(
            "dossier_code",
            "dossier_date",
            "sửa phần giữa của mã hồ sơ: không phải là ngày | the middle of the dossier code is no date",
        )


def _find_basis_faults(basis: dict[str, str | None], agency_code: str) -> Iterator[InputProblem]:
    if not RESULT_CODE.fullmatch(f"{agency_code}-991231-99999-KQ1"):
        message = (
            "mã cơ quan quá dài cho kết quả không có hồ sơ: nhập mã hồ sơ"
            " | this agency's code is too long for results without a dossier: name the dossier"
        )
        yield InputProblem("dossier_code", "required", message)
    for name, text in basis.items():
        if text is None:
            yield InputProblem(
                name,
                "required",
                "nhập cả căn cứ pháp lý và số quyết định | a legal basis and the number of a decision go together",
            )
        else:
            yield from find_text_faults(name, text)
