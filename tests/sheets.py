"""Files of vehicle badges, as an agency would upload them."""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import openpyxl

from khoso.catalogue import danang
from khoso.formats.result_type import ResultType
from khoso.imports.model import Fault, FileFormat, Record, Unreadable
from khoso.imports.rows import open_table

TYPE_CODE, AGENCY = "KQ.H17.000006", "H17.11"
_TYPES = {one.code: one for one in danang.load().types}
BADGE, TRUCK_PERMIT = _TYPES[TYPE_CODE], _TYPES["KQ.H17.000003"]

HEADING = ("dossier_code", "holder_kind", "holder_id", "holder_name", "plate", "kind", "operator", "badge_number")


def badge(serial: int, **changes: str) -> dict[str, str]:
    """One row by its columns."""
    row = {
        "dossier_code": f"H17.11-261120-{serial:06}",
        "holder_kind": "person",
        "holder_id": f"048{serial:09}",
        "holder_name": "Nguyễn Văn An",
        "plate": f"43B-{serial:05}",
        "kind": "taxi",
        "operator": "Hợp tác xã Sông Hàn",
        "badge_number": f"PH{serial:06}",
    }
    return row | changes


def truck_permit(serial: int, **changes: str) -> dict[str, str]:
    """One row of a permit with a list, hours and a decimal."""
    row = {
        "dossier_code": f"H17.11-261121-{serial:06}",
        "holder_kind": "organisation",
        "holder_id": "0401234567",
        "holder_name": "Công ty Vận tải Hoà Khánh",
        "valid_from": "2026-12-01",
        "plate": "43C-123.45",
        "load": "11.5",
        "streets": "Bạch Đằng; Lê Duẩn;",
        "hours": "22:00-06:00;12:00-13:00",
        "operator": "Công ty Vận tải Hoà Khánh",
        "permit_number": "77/GP",
    }
    return row | changes


def as_csv(rows: Iterable[Mapping[str, str]], heading: Sequence[str] = HEADING, delimiter: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, heading, delimiter=delimiter, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_xlsx(rows: Iterable[Sequence[Any]]) -> bytes:
    """A workbook as openpyxl writes it."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def as_ndjson(rows: Iterable[Mapping[str, str]]) -> bytes:
    lines = []
    for row in rows:
        holder = {part: row[f"holder_{part}"] for part in ("kind", "id", "name")}
        fields = {name: row[name] for name in HEADING[4:]}
        lines.append(json.dumps({"dossier_code": row["dossier_code"], "holder": holder, "fields": fields}))
    return "\n".join(lines).encode()


def changed(book: bytes, part: str, change: Mapping[str, str]) -> bytes:
    """The workbook with texts of one part replaced, each of which must be there."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = old.read(info).decode()
            for before, after in change.items() if info.filename == part else ():
                assert before in content, (before, content)
                content = content.replace(before, after)
            new.writestr(info.filename, content)
    return file.getvalue()


def read(content: bytes, file_format: FileFormat, result_type: ResultType = BADGE) -> list[Record]:
    """All records of a file."""
    return list(open_table(io.BytesIO(content), file_format, result_type).records)


def refusal(content: bytes, file_format: FileFormat) -> list[Fault]:
    """The faults for which a whole file is refused."""
    try:
        records = read(content, file_format)
    except Unreadable as unreadable:
        return list(unreadable.faults)
    raise AssertionError(f"{len(records)} records were read")
