"""What the columns of a CSV or XLSX file mean for one result type.

A column is headed by its API path ("holder.id", "fields.plate"), its short name ("holder_id", "plate") or the label
that people read; case and diacritics do not matter. What a cell holds becomes what the API takes: a list is separated
by semicolons, a choice may be given by its label. Nothing is guessed: where a number stands for a text, leading zeros
may be lost already, so it is refused.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from operator import attrgetter
from typing import Any, NamedTuple

from khoso.formats.result_type import Choice, Field, FieldKind, ResultType
from khoso.imports.model import MAX_PROBLEMS, Fault, Flaw, Record, Repeats, Table, Unreadable, flawed
from khoso.text import fold

Convert = Callable[[Any], Any]

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_AS_TEXT = Flaw(
    "number_for_text",
    "định dạng cột là văn bản rồi nhập lại: dạng số làm mất số 0 ở đầu"
    " | format the column as text and enter it again: a number loses its leading zeros",
)
_AS_DATE = Flaw(
    "not_date",
    "nhập ngày dạng năm-tháng-ngày, ví dụ 2026-11-23, hoặc định dạng ô là ngày"
    " | give a date as YYYY-MM-DD, or format the cell as a date",
)
_HOLDER_KINDS = (Choice("person", "Cá nhân", "Person"), Choice("organisation", "Tổ chức", "Organisation"))


class Column(NamedTuple):
    """One column a file may have."""

    path: str
    """Where its value stands in a request to the API."""
    name: str
    label_vi: str
    label_en: str
    kind: FieldKind
    required: bool = False
    choices: tuple[Choice, ...] = ()


def columns_of(result_type: ResultType) -> list[Column]:
    """Every column a file of this type may have, in the order of the template."""
    return [
        Column("dossier_code", "dossier_code", "Mã hồ sơ", "Dossier code", "text"),
        Column("legal_basis", "legal_basis", "Căn cứ pháp lý", "Legal basis", "text"),
        Column("decision_number", "decision_number", "Số quyết định", "Decision number", "text"),
        Column("holder.kind", "holder_kind", "Loại chủ sở hữu", "Kind of holder", "choice", True, _HOLDER_KINDS),
        Column("holder.id", "holder_id", "Số định danh hoặc mã số thuế", "Personal id or tax code", "text", True),
        Column("holder.name", "holder_name", "Tên chủ sở hữu", "Name of holder", "text", True),
        Column("valid_from", "valid_from", "Có hiệu lực từ ngày", "Valid from", "date"),
        Column("valid_until", "valid_until", "Có hiệu lực đến hết ngày", "Valid until", "date"),
        Column("evidence_level", "evidence_level", "Mức chứng cứ", "Evidence level", "integer"),
        *map(_column_of, result_type.fields),
    ]


def by_heading(columns: Sequence[Column]) -> Mapping[str, Column]:
    """Each column by every heading that means it, folded. A heading that could mean two means the first."""
    found: dict[str, Column] = {}
    for naming in ("path", "name", "label_vi", "label_en"):
        for column in columns:
            found.setdefault(fold(attrgetter(naming)(column)), column)
    return found


def read_table(sheet: Iterator[tuple[int, list[Any]]], result_type: ResultType) -> Table:
    """The rows below the heading, each under its heading. Raises Unreadable if the heading is wrong."""
    row_number, cells = next(sheet, (1, []))
    headings = [str(cell).strip() for cell in cells]
    while headings and not headings[-1]:
        headings.pop()
    if not headings:
        raise Unreadable(
            Fault(
                "empty", "tệp rỗng: dòng đầu phải ghi tên các cột | the file is empty: its first row names the columns"
            )
        )
    columns = _recognise(headings, columns_of(result_type), row_number)
    of_path = {column.path: heading for column, heading in zip(columns, headings, strict=True)}
    return Table(of_path, _records(sheet, columns))


def _column_of(field: Field) -> Column:
    return Column(
        f"fields.{field.name}", field.name, field.label_vi, field.label_en, field.kind, field.required, field.choices
    )


def _recognise(headings: Sequence[str], known: Sequence[Column], row_number: int) -> list[Column]:
    meant = by_heading(known)
    columns: dict[str, Column] = {}
    labels, names = ", ".join(one.label_vi for one in known), ", ".join(one.name for one in known)
    unknown = f"không có cột này: bỏ, hoặc chọn một trong {labels} | there is no such column; there are {names}"
    faults = list[Fault]()
    for heading in headings:
        column = meant.get(fold(heading))
        if column is None:
            faults.append(Fault("unknown_column", unknown, row_number, heading))
        elif column.path in columns:
            faults.append(
                Fault(
                    "repeated_column",
                    f"cột {column.label_vi} có hai lần: bỏ một cột | {column.name} is there twice",
                    row_number,
                    heading,
                )
            )
        else:
            columns[column.path] = column
    for column in known:
        if _is_missing(column, columns):
            message = f"thêm cột {column.label_vi} ({column.name}) | add the column {column.name} ({column.label_en})"
            faults.append(Fault("missing_column", message, row_number, column.name))
    if faults:
        raise Unreadable(*faults[:MAX_PROBLEMS])
    return list(columns.values())


def _is_missing(column: Column, given: Mapping[str, Column]) -> bool:
    """Without a legal basis there has to be a dossier."""
    wanted = column.required or (column.path == "dossier_code" and "legal_basis" not in given)
    return wanted and column.path not in given


def _records(sheet: Iterator[tuple[int, list[Any]]], columns: Sequence[Column]) -> Iterator[Record]:
    converts = [(column.path, _CONVERT[column.kind](column)) for column in columns]
    repeats = Repeats()
    for row_number, cells in sheet:
        given = [cell.strip() if isinstance(cell, str) else cell for cell in cells]
        while given and given[-1] == "":
            given.pop()
        if not given:
            continue
        if not len(given) <= len(columns) <= len(cells):
            yield flawed(
                row_number,
                "ragged",
                f"dòng có {len(cells)} ô, tiêu đề có {len(columns)} cột: nhập cho khớp"
                f" | the row has {len(cells)} cells, the heading {len(columns)}",
            )
        else:
            pairs = zip(converts, given, strict=False)
            values = {path: convert(cell) for (path, convert), cell in pairs if cell != ""}
            # As a text: the numbers -1 and -2 have one hash.
            yield repeats.flawed(row_number, repr(given)) or Record(row_number, values)


def _text(_: Column) -> Convert:
    return lambda cell: cell if isinstance(cell, str | Flaw) else _AS_TEXT


def _integer(_: Column) -> Convert:
    def convert(cell: Any) -> Any:
        if isinstance(cell, str) and _WHOLE.fullmatch(cell):
            return int(cell)
        return int(cell) if isinstance(cell, float) and cell.is_integer() else cell

    return convert


def _decimal(_: Column) -> Convert:
    """A number has the 15 digits that a spreadsheet shows, not the noise behind them."""
    return lambda cell: format(cell, ".15g") if isinstance(cell, float) else cell


def _date(_: Column) -> Convert:
    def convert(cell: Any) -> Any:
        if isinstance(cell, date):
            return cell.isoformat()
        return cell if isinstance(cell, str | Flaw) else _AS_DATE

    return convert


def _choice(column: Column) -> Convert:
    """A value stands for itself; a label that two choices share stands for neither."""
    meant: dict[str, str | None] = {}
    for choice in column.choices:
        for label in {fold(choice.label_vi), fold(choice.label_en)}:
            meant[label] = None if label in meant else choice.value
    values = {choice.value for choice in column.choices}

    def convert(cell: Any) -> Any:
        if cell in values or not isinstance(cell, str):
            return cell if isinstance(cell, str | Flaw) else _AS_TEXT
        return meant.get(fold(cell)) or cell

    return convert


def _list(_: Column) -> Convert:
    def convert(cell: Any) -> Any:
        if not isinstance(cell, str):
            return cell if isinstance(cell, Flaw) else _AS_TEXT
        return [member for part in cell.split(";") if (member := part.strip())]

    return convert


_CONVERT: Mapping[FieldKind, Callable[[Column], Convert]] = {
    "text": _text,
    "integer": _integer,
    "decimal": _decimal,
    "date": _date,
    "choice": _choice,
    "texts": _list,
    "hours": _list,
}
