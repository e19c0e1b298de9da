"""From a file to rows that can be prepared, each with everything that is wrong with it."""

from collections.abc import Iterator
from datetime import date
from typing import Any, BinaryIO, Literal

from khoso.errors import InputProblem, InvalidInput, NotAuthorisedToIssue
from khoso.formats.result_type import ResultType
from khoso.imports.columns import read_table
from khoso.imports.model import (
    MAX_PROBLEMS,
    MAX_ROWS,
    BulkIssuer,
    Fault,
    FileFormat,
    Flaw,
    Prepared,
    Record,
    Row,
    Table,
    Unreadable,
)
from khoso.imports.plain_files import read_csv, read_ndjson
from khoso.imports.xlsx import read_xlsx

_HOLDER = ("holder.kind", "holder.id", "holder.name")
_GROUND = ("dossier_code", "legal_basis", "decision_number")
_COMMON = frozenset({"type_code", *_GROUND, *_HOLDER, "valid_from", "valid_until", "evidence_level"})
_JUDGED_BY = {"holder.kind": "holder.id", "valid_from": "valid_until"}
"""Whether the second is right depends on the first, so nothing is said of it while the first is wrong."""


def open_table(file: BinaryIO, file_format: FileFormat, result_type: ResultType) -> Table:
    """The records of a file. Raises Unreadable, here or while they are read."""
    match file_format:
        case "csv":
            table = read_table(read_csv(file), result_type)
        case "xlsx":
            table = read_table(read_xlsx(file), result_type)
        case "ndjson":
            table = Table({}, read_ndjson(file))
    return Table(table.headings, _bounded(table.records))


def check(
    record: Record, issuer: BulkIssuer[Prepared], type_code: str, agency_code: str
) -> Prepared | list[InputProblem]:
    """The row prepared for issuing, or every problem it has, up to the limit, by path. Raises NoSigningKey."""
    row, problems = _read_row(record, type_code)
    if row is None:
        return problems
    settled = {problem.field for problem in problems}
    settled |= {_JUDGED_BY[field] for field in settled & _JUDGED_BY.keys()}
    try:
        prepared = issuer.prepare(row, type_code, agency_code)
    except InvalidInput as invalid:
        problems += [problem for problem in invalid.problems if problem.field not in settled]
        return problems[:MAX_PROBLEMS]
    except NotAuthorisedToIssue:
        return [
            InputProblem(
                "",
                "not_authorised",
                "cơ quan không được cấp loại kết quả này | the agency may not issue this result type",
            )
        ]
    return problems[:MAX_PROBLEMS] or prepared


def _bounded(records: Iterator[Record]) -> Iterator[Record]:
    """Raises Unreadable for too many rows, or none."""
    count = 0
    for count, record in enumerate(records, 1):
        if count > MAX_ROWS:
            message = f"tệp có hơn {MAX_ROWS} dòng: chia nhỏ tệp | the file has more than {MAX_ROWS} rows: split it"
            raise Unreadable(Fault("too_many_rows", message, record.row_number))
        yield record
    if count == 0:
        raise Unreadable(
            Fault(
                "empty", "tệp không có dòng nào để cấp: nhập dữ liệu dưới dòng tiêu đề | the file has no row to issue"
            )
        )


def _read_row(record: Record, type_code: str) -> tuple[Row | None, list[InputProblem]]:
    """The row with harmless values in the place of wrong ones, and what is wrong; no row if it is wrong as a whole."""
    if record.flaws:
        return None, list(record.flaws)
    reader = _Reader(record)
    reader.check_type(type_code)
    row = Row(
        dossier_code=reader.text_if_any("dossier_code"),
        legal_basis=reader.text_if_any("legal_basis"),
        decision_number=reader.text_if_any("decision_number"),
        holder_kind=reader.holder_kind(),
        holder_id=reader.text("holder.id"),
        holder_name=reader.text("holder.name"),
        fields=reader.fields,
        valid_from=reader.day("valid_from"),
        valid_until=reader.day("valid_until"),
        evidence_level=reader.evidence_level(),
    )
    return row, reader.problems


class _Reader:
    """Takes the values of one record and notes what is wrong with them."""

    def __init__(self, record: Record) -> None:
        self.problems: list[InputProblem] = []
        self.fields: dict[str, Any] = {}
        self._values: dict[str, Any] = {}
        self._flawed: set[str] = set()
        for path, value in record.values.items():
            if isinstance(value, Flaw):
                self._note(path, value.code, value.message)
            elif path.startswith("fields."):
                self.fields[path[7:]] = value
            elif path in _COMMON:
                self._values[path] = value
            else:
                self._note(
                    path, "unknown_field", "bỏ mục này: loại kết quả không có trường này | there is no such field"
                )

    def check_type(self, type_code: str) -> None:
        if self._values.get("type_code", type_code) != type_code:
            self._note(
                "type_code",
                "other_type",
                f"bỏ trống hoặc nhập {type_code}: đợt nhập này thuộc loại đó | this import is of {type_code}",
            )

    def text(self, path: str) -> str:
        value = self._values.get(path)
        if isinstance(value, str):
            return value
        if value is None:
            self._note(path, "required", "nhập giá trị, không để trống | must not be empty")
        else:
            self._note(path, "not_text", "nhập dạng văn bản | give a text")
        return ""

    def text_if_any(self, path: str) -> str | None:
        """What may be left out."""
        return self.text(path) if path in self._values else None

    def holder_kind(self) -> Literal["person", "organisation"]:
        value = self._values.get("holder.kind")
        if value not in ("person", "organisation"):
            self._note(
                "holder.kind",
                "unknown_choice",
                "chọn một trong: person (Cá nhân), organisation (Tổ chức) | one of person, organisation",
            )
        return "organisation" if value == "organisation" else "person"

    def day(self, path: str) -> date | None:
        value = self._values.get(path)
        try:
            return None if value is None else date.fromisoformat(value)
        except (TypeError, ValueError):
            self._note(path, "not_date", "nhập ngày dạng năm-tháng-ngày, ví dụ 2026-11-23 | give a date as YYYY-MM-DD")
            return None

    def evidence_level(self) -> Literal[1, 2]:
        value = self._values.get("evidence_level", 1)
        if type(value) is not int or value not in (1, 2):
            self._note(
                "evidence_level",
                "out_of_range",
                "nhập 1 (bản gốc có chữ ký số) hoặc 2 (bản quét được cán bộ ký số)"
                " | 1: signed original, 2: signed scan of a paper",
            )
        return 2 if value == 2 else 1

    def _note(self, path: str, code: str, message: str) -> None:
        """Only the first problem of a place: the others follow from it."""
        if path not in self._flawed:
            self._flawed.add(path)
            self.problems.append(InputProblem(path, code, message))
