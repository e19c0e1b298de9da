"""What is read from CSV and NDJSON, and what is refused and how."""

import gc
import io

import pytest

from khoso.errors import InputProblem
from khoso.imports import rows
from khoso.imports.model import MAX_PROBLEMS, FileFormat
from khoso.imports.plain_files import MAX_LINE
from khoso.imports.rows import open_table
from sheets import BADGE, HEADING, TRUCK_PERMIT, as_csv, as_ndjson, badge, read, refusal, truck_permit


def faults(content: bytes) -> list[tuple[str, int, str]]:
    return [(fault.code, fault.row_number, fault.column) for fault in refusal(content, "csv")]


def test_a_row_becomes_a_request_by_path() -> None:
    (record,) = read(as_csv([badge(1)]), "csv")
    assert record.row_number == 2
    assert record.values == {
        "dossier_code": "H17.11-261120-000001",
        "holder.kind": "person",
        "holder.id": "048000000001",
        "holder.name": "Nguyễn Văn An",
        "fields.plate": "43B-00001",
        "fields.kind": "taxi",
        "fields.operator": "Hợp tác xã Sông Hàn",
        "fields.badge_number": "PH000001",
    }


def test_ndjson_is_read_as_the_same_request() -> None:
    (record,) = read(as_ndjson([badge(1)]) + b"\n\n", "ndjson")
    assert record.values == read(as_csv([badge(1)]), "csv")[0].values
    assert record.row_number == 1


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_every_dialect_is_the_same_file(delimiter: str, bom: bytes, ending: bytes) -> None:
    operator = 'Hợp tác xã "Sông Hàn"; Hội An,\nĐà Nẵng'
    content = as_csv([badge(1, operator=operator), badge(2)], delimiter=delimiter)
    first, second = read(bom + content.replace(b"\r\n", ending), "csv")
    assert first.values["fields.operator"] == operator
    assert (second.row_number, second.values["holder.id"]) == (3, "048000000002")


def test_columns_are_known_by_path_name_and_label_without_diacritics() -> None:
    heading = "ma ho so,LOẠI CHỦ SỞ HỮU,holder.id,Name of holder,Biển số xe,fields.kind,đơn vị vận tải,Badge number"
    content = as_csv([badge(1, holder_kind="cá nhân", kind="XE TAXI")]).split(b"\r\n", 1)[1]
    table = open_table(io.BytesIO(heading.encode() + b"\r\n" + content), "csv", BADGE)
    assert table.headings["fields.plate"] == "Biển số xe", "faults are told under the file's own heading"
    assert [record.values for record in table.records] == [read(as_csv([badge(1)]), "csv")[0].values]


def test_empty_rows_are_passed_over_and_numbers_stay() -> None:
    content = as_csv([badge(1), {}, badge(3)]) + b"\n\n"
    assert [record.row_number for record in read(content, "csv")] == [2, 4]


def test_lists_are_separated_by_semicolons() -> None:
    (record,) = read(as_csv([truck_permit(1)], list(truck_permit(1))), "csv", TRUCK_PERMIT)
    assert record.values["fields.streets"] == ["Bạch Đằng", "Lê Duẩn"]
    assert record.values["fields.hours"] == ["22:00-06:00", "12:00-13:00"]
    assert record.values["valid_from"] == "2026-12-01"


def test_a_wrong_heading_is_told_whole() -> None:
    content = as_csv([badge(1)]).replace(b"holder_name,plate", b"holder_nam,badge_number", 1)
    assert faults(content) == [
        ("unknown_column", 1, "holder_nam"),
        ("repeated_column", 1, "badge_number"),
        ("missing_column", 1, "holder_name"),
        ("missing_column", 1, "plate"),
    ]


def test_a_heading_of_countless_columns_is_told_so_far() -> None:
    assert faults(b"x," * 40_000) == [("unknown_column", 1, "x")] * MAX_PROBLEMS


@pytest.mark.parametrize(
    ("content", "code", "row_number"),
    [
        (b"", "empty", 1),
        (b"\xef\xbb\xbf\r\n", "empty", 1),
        (as_csv([]), "empty", 1),
        (as_csv([badge(1)]).decode().encode("utf-16"), "encoding", 1),
        (as_csv([]) + "\r\nĐà Nẵng".encode("cp1258", "ignore"), "encoding", 3),
        (as_csv([badge(1)]) + b"x" * (MAX_LINE + 1), "line_too_long", 3),
        (b'"x\n",' * 300_000, "line_too_long", 1),
        (as_csv([badge(1)]) + b'"x\n",' * 300_000, "line_too_long", 3),
        (as_csv([badge(1)]) + b'"x"y,', "quoting", 3),
        (as_csv([badge(1)]) + b'"never closed\n' * 20_000, "quoting", 3),
    ],
    ids=[
        "nothing",
        "only a BOM",
        "only a heading",
        "UTF-16",
        "a Windows page",
        "giant line",
        "giant heading",
        "giant record",
        "stray quote",
        "open quote",
    ],
)
def test_what_is_no_table_is_refused(content: bytes, code: str, row_number: int) -> None:
    (fault,) = refusal(content, "csv")
    assert (fault.code, fault.row_number) == (code, row_number)


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_a_row_that_is_not_utf_8_is_told_by_its_number(ending: bytes) -> None:
    lines = as_csv(badge(serial, operator="Sông\nHàn") for serial in range(50)).split(b"\r\n")
    for wrong in (b"\xff", b"\xed\xa0\x80", b"\xc4"):
        content = ending.join([*lines[:45], lines[45].replace(b"taxi", wrong), *lines[46:]])
        assert faults(content) == [("encoding", 46, "")]
    (fault,) = refusal(as_ndjson(map(badge, range(50))).replace(b"PH000045", b"\xff"), "ndjson")
    assert (fault.code, fault.row_number) == ("encoding", 46)


def test_too_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_ROWS", 3)
    assert len(read(as_csv(map(badge, range(3))), "csv")) == 3
    assert faults(as_csv(map(badge, range(4)))) == [("too_many_rows", 5, "")]


@pytest.mark.parametrize("change", [b",one more", b""], ids=["longer", "shorter"])
def test_ragged_rows_are_reported(change: bytes) -> None:
    content = as_csv([badge(1), badge(2)]).rstrip()
    ragged = content + change if change else content.rsplit(b",", 1)[0]
    good, bad = read(ragged, "csv")
    assert not good.flaws
    assert [flaw.code for flaw in bad.flaws] == ["ragged"]


def test_a_row_that_was_there_before_is_reported() -> None:
    for content in (as_csv([badge(1), badge(2), badge(1)]), as_ndjson([badge(1), badge(2), badge(1)])):
        first, second, third = read(content, "csv" if content.startswith(b"dossier_code") else "ndjson")
        assert not first.flaws
        assert not second.flaws
        assert [flaw.code for flaw in third.flaws] == ["repeated_row"]


@pytest.mark.parametrize("line", [b"{", b"[]", b'"x"', b"[" * 50_000, b'{"a":1}{"b":2}', b'{"a":"\\ud800"}'])
def test_a_line_that_is_no_object_is_reported(line: bytes) -> None:
    good, bad = read(as_ndjson([badge(1)]) + b"\n" + line, "ndjson")
    assert not good.flaws
    assert bad == (2, {}, [InputProblem("", "json", "mỗi dòng ghi một đối tượng JSON | give one JSON object a line")])


@pytest.mark.parametrize("file_format", ["csv", "ndjson"])
def test_a_file_may_be_closed_while_it_is_read(file_format: FileFormat) -> None:
    """What goes wrong where nobody catches it fails the test."""
    file = io.BytesIO(as_csv([badge(1), badge(2)]) if file_format == "csv" else as_ndjson([badge(1), badge(2)]))
    records = open_table(file, file_format, BADGE).records
    next(records)
    file.close()
    del records
    gc.collect()


def test_heading_of_the_samples_is_what_they_say() -> None:
    assert tuple(badge(1)) == HEADING
