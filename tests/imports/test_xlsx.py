"""What is read from workbooks, and that none of them hurts the reader."""

import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from python_calamine import CalamineWorkbook

from khoso.imports import xlsx
from khoso.imports.model import Flaw, Unreadable
from khoso.imports.xlsx import MAX_COLUMNS, read_xlsx
from sheets import HEADING, TRUCK_PERMIT, as_xlsx, badge, changed, read, refusal, truck_permit

SHEET = "xl/worksheets/sheet1.xml"


def rows_of(content: bytes) -> list[tuple[int, list[Any]]]:
    return list(read_xlsx(io.BytesIO(content)))


def codes(content: bytes) -> list[str]:
    return [fault.code for fault in refusal(content, "xlsx")]


def with_cell(value: Any, number_format: str = "General") -> bytes:
    """A workbook whose cell A2 is special."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet["A1"] = "heading"
    sheet["A2"] = value
    sheet["A2"].number_format = number_format
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_typed_cells_become_a_request() -> None:
    permit = {**truck_permit(1), "load": 11.3, "valid_from": datetime(2026, 12, 1)}  # noqa: DTZ001 - as a cell has it
    (record,) = read(as_xlsx([list(permit), list(permit.values())]), "xlsx", TRUCK_PERMIT)
    assert record.row_number == 2
    assert record.values["fields.load"] == "11.3"
    assert record.values["valid_from"] == "2026-12-01"
    assert record.values["holder.id"] == "0401234567", "leading zeros of a text cell survive"
    assert record.values["fields.streets"] == ["Bạch Đằng", "Lê Duẩn"]


def test_rows_that_differ_in_one_number_are_not_the_same() -> None:
    rows = [list({**truck_permit(1), "load": load}.values()) for load in (-1, -2, 1, True, -1)]
    records = read(as_xlsx([list(truck_permit(1)), *rows]), "xlsx", TRUCK_PERMIT)
    assert [[flaw.code for flaw in record.flaws] for record in records] == [[], [], [], [], ["repeated_row"]]


def test_an_id_that_is_a_number_is_refused_because_its_zero_is_lost() -> None:
    row = {**badge(1), "holder_id": 48000000001}
    (record,) = read(as_xlsx([list(row), list(row.values())]), "xlsx")
    flaw = record.values["holder.id"]
    assert isinstance(flaw, Flaw)
    assert flaw.code == "number_for_text"
    assert "format the column as text" in flaw.message


@pytest.mark.parametrize(
    ("value", "number_format", "read_as"),
    [
        ("Đà Nẵng", "General", "Đà Nẵng"),
        (" <&> ", "General", " <&> "),
        (4, "General", 4.0),
        (date(2026, 11, 23), "dd/mm/yyyy", date(2026, 11, 23)),
        (date(2026, 11, 23), "[$-42A]d mmmm", date(2026, 11, 23)),
        (46349, "General", 46349.0),
        (46349, '0.0 "ngay d"', 46349.0),
        (46349, "[Red]0", 46349.0),
        (True, "General", True),
    ],
)
def test_cells_as_they_are_stored(value: Any, number_format: str, read_as: Any) -> None:
    assert rows_of(with_cell(value, number_format))[1] == (2, [read_as])


@pytest.mark.parametrize(
    ("value", "number_format", "code"),
    [
        ("=1+1", "General", "formula"),
        ('=HYPERLINK("http://x")', "General", "formula"),
        ("#N/A", "General", "cell_error"),
        (datetime(2026, 11, 23, 8, 30), "yyyy-mm-dd hh:mm", "not_date"),  # noqa: DTZ001 - as a cell has it
        (59, "yyyy-mm-dd", "not_date"),
        (10**9, "yyyy-mm-dd", "not_date"),
    ],
)
def test_cells_that_have_no_value(value: Any, number_format: str, code: str) -> None:
    ((_, [flaw]),) = rows_of(with_cell(value, number_format))[1:]
    assert isinstance(flaw, Flaw)
    assert flaw.code == code


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("2030-01-01", date(2030, 1, 1)),
        ("2030-01-01T00:00:00", date(2030, 1, 1)),
        ("2030-01-01T10:00:00", "not_date"),
        ("tomorrow", "not_date"),
        ("", ""),
    ],
)
def test_dates_that_are_stored_as_texts(text: str, read_as: Any) -> None:
    content = changed(
        with_cell(4),
        SHEET,
        {
            't="n"': 't="d"',
            "<v>4</v>": f"<v>{text}</v>",
            "</row></sheetData>": '<c r="B2" t="str"><v>x</v></c></row></sheetData>',
        },
    )
    ((_, [cell, beside]),) = rows_of(content)[1:]
    assert (cell.code if isinstance(cell, Flaw) else cell, beside) == (read_as, "x")


def test_dates_of_the_other_epoch() -> None:
    content = changed(
        with_cell(date(2026, 11, 23), "yyyy-mm-dd"), "xl/workbook.xml", {"<workbookPr ": '<workbookPr date1904="1" '}
    )
    assert rows_of(content)[1] == (2, [date(2030, 11, 24)])


def test_the_first_visible_sheet_is_read() -> None:
    book = openpyxl.Workbook()
    hidden = book.active
    assert isinstance(hidden, Worksheet)
    hidden.sheet_state = "hidden"
    book.create_sheet("second").append(["seen"])
    file = io.BytesIO()
    book.save(file)
    assert rows_of(file.getvalue()) == [(1, ["seen"])]


def test_gaps_keep_their_place_and_numbers() -> None:
    rows: Sequence[Sequence[Any]] = [["a", None, "c"], [], [None, "b"]]
    assert rows_of(as_xlsx(rows)) == [(1, ["a", "", "c"]), (3, ["", "b", ""])]


def test_the_same_as_another_reader_sees() -> None:
    content = as_xlsx([HEADING, *(list(badge(serial).values()) for serial in range(500))])
    theirs = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    assert [cells for _, cells in rows_of(content)] == theirs


def test_rich_and_phonetic_texts() -> None:
    rich = "<is><r><t>Đà </t></r><r><rPr><b/></rPr><t>Nẵng</t></r><rPh sb='0' eb='1'><t>da nang</t></rPh></is>"
    content = changed(with_cell(4), SHEET, {'t="n"': 't="inlineStr"', "<v>4</v>": rich})
    assert rows_of(content)[1] == (2, ["Đà Nẵng"])


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Nguyễn Văn A_x000D_\n", "Nguyễn Văn A\r\n"),
        ("_x005F_x000D_", "_x000D_"),
        ("Phố _xD83D__xDE00_", "Phố 😀"),
        ("box_x12_", "box_x12_"),
    ],
)
def test_escaped_characters_are_what_they_stand_for(written: str, said: str) -> None:
    inline = f"<is><t xml:space='preserve'>{written}</t></is>"
    content = changed(with_cell(4), SHEET, {'t="n"': 't="inlineStr"', "<v>4</v>": inline})
    assert rows_of(content)[1] == (2, [said])


def test_texts_and_styles_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small they are in the file, each weighs in memory."""
    shared = io.BytesIO(with_cell("x"))
    with zipfile.ZipFile(shared, "a") as book:
        book.writestr("xl/sharedStrings.xml", "<sst>" + "<si/>" * 9 + "</sst>")
    assert rows_of(shared.getvalue()) == rows_of(with_cell("x"))
    monkeypatch.setattr(xlsx, "MAX_TEXTS", 8)
    with pytest.raises(Unreadable, match="too_large"):
        rows_of(shared.getvalue())
    for more in ('<xf numFmtId="14"/>', '<xf numFmtId="0"/>'):
        styled = changed(with_cell(4), "xl/styles.xml", {"</cellXfs>": more * xlsx.MAX_STYLES + "</cellXfs>"})
        with pytest.raises(Unreadable, match="not_xlsx"):
            rows_of(styled)


def test_a_cell_far_out_costs_nothing() -> None:
    """A reader that lays cells out in a rectangle would need 400 GB for these two."""
    content = changed(with_cell("x"), SHEET, {'r="2"': 'r="1048576"', 'r="A2"': 'r="XFD1048576"'})
    assert codes(content) == ["unknown_column", *["missing_column"] * 8]
    with pytest.raises(Unreadable, match="too_many_columns"):
        rows_of(content)


def test_columns_are_counted_by_what_they_hold() -> None:
    assert len(rows_of(as_xlsx([["x"] * MAX_COLUMNS]))[0][1]) == MAX_COLUMNS
    with pytest.raises(Unreadable, match="too_many_columns"):
        rows_of(as_xlsx([["x"] * (MAX_COLUMNS + 1)]))


@pytest.mark.parametrize(
    ("part", "change"),
    [
        (SHEET, {"<worksheet": '<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet'}),
        (SHEET, {"<sheetData>": "<sheetData>" + "<x>" * 30_000, "</sheetData>": "</x>" * 30_000 + "</sheetData>"}),
        (SHEET, {"<sheetData>": f"<sheetData a='{'y' * (3 << 20)}'>"}),
        (SHEET, {"<sheetData>": "".join(f"<n{number}/>" for number in range(30_000)) + "<sheetData>"}),
        (SHEET, {"<sheetData>": "".join(f"<n a{number}='1'/>" for number in range(30_000)) + "<sheetData>"}),
        (SHEET, {"</sheetData>": ""}),
        (SHEET, {'r="A2"': 'r="2"'}),
        (SHEET, {'r="2"': 'r="1"'}),
        (SHEET, {'r="2"': 'r="two"'}),
        (SHEET, {'r="2"': 'r="1048577"'}),
        (SHEET, {"<v>4</v>": "<v>four</v>"}),
        (SHEET, {'t="n"': 't="str"', "<v>4</v>": "<v>_xD83D_</v>"}),
        (SHEET, {'t="n"': 't="s"', "<v>4</v>": "<v>99</v>"}),
        ("xl/_rels/workbook.xml.rels", {"worksheets/sheet1.xml": "worksheets/none.xml"}),
    ],
    ids=[
        "doctype",
        "depth",
        "token",
        "element names",
        "attribute names",
        "unclosed",
        "place",
        "row twice",
        "row",
        "row far out",
        "number",
        "half a character",
        "shared text",
        "no sheet part",
    ],
)
def test_damaged_parts_are_refused(part: str, change: dict[str, str]) -> None:
    with pytest.raises(Unreadable, match="not_xlsx"):
        rows_of(changed(with_cell(4), part, change))


@pytest.mark.parametrize(
    "content",
    [
        b"PK",
        b"not a zip",
        bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600),
        as_xlsx([HEADING])[:-30],
        b"PK\x05\x06" + bytes(18),
    ],
    ids=["two letters", "text", "old xls or password", "cut off", "an empty zip"],
)
def test_what_is_no_workbook_is_refused(content: bytes) -> None:
    assert codes(content) == ["not_xlsx"]


def test_a_bomb_is_refused_before_it_is_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO(with_cell("x"))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as book, book.open("xl/media/zeros", "w") as part:
        for _ in range((xlsx.MAX_INFLATED_BYTES >> 20) + 1):
            part.write(bytes(1 << 20))
    monkeypatch.setattr(zipfile.ZipFile, "open", None)  # whoever inflates fails otherwise
    assert codes(file.getvalue()) == ["zip_bomb"]


def test_a_directory_that_lies_inflates_no_more_than_it_says() -> None:
    content = changed(with_cell("x"), SHEET, {"<sheetData>": "<sheetData>" + " " * 1_000_000})
    info = zipfile.ZipFile(io.BytesIO(content)).getinfo(SHEET)
    honest, lie = info.file_size.to_bytes(4, "little"), (2_000).to_bytes(4, "little")
    assert content.count(honest) == 2
    assert codes(content.replace(honest, lie)) == ["not_xlsx"]


def test_too_many_parts_and_unusual_packing() -> None:
    for parts, method, code in ((2_000, zipfile.ZIP_STORED, "zip_bomb"), (1, zipfile.ZIP_BZIP2, "not_xlsx")):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as book:
            for number in range(parts):
                book.writestr(f"xl/{number}.xml", "<x/>")
        assert codes(file.getvalue()) == [code]


def test_a_giant_cell_is_refused() -> None:
    content = changed(with_cell(4), SHEET, {'t="n"': 't="str"', "<v>4</v>": f"<v>{'x' * 40_000}</v>"})
    with pytest.raises(Unreadable, match="too_large"):
        rows_of(content)
