"""The first visible sheet of an XLSX workbook (ISO/IEC 29500-1, 18.3) as rows, streamed.

A workbook is a zip of XML, and both can be made to burst a reader: so the directory is counted and summed before
anything is inflated, nothing is inflated beyond it, XML is bounded in depth, names and tokens and takes no document
type, and a cell's place costs no memory however far out it lies.
"""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, timedelta
from typing import BinaryIO, Literal, NamedTuple, NoReturn
from xml.parsers import expat

from khoso.imports.model import Fault, Flaw, Unreadable

MAX_INFLATED_BYTES = 512 * 1024 * 1024
MAX_TEXTS_BYTES = 128 * 1024 * 1024
"""Texts that cells share are held in memory."""

MAX_TEXTS = 4_000_000
"""A text weighs more there than in the file, and in the file an empty one next to nothing."""

MAX_STYLES = 65_490
"""Cell styles and number formats, each, as Excel has them."""

MAX_PARTS = 1_000
MAX_COLUMNS = 300
MAX_ROW_NUMBER = 1_048_576
"""The last row of a sheet, as Excel has it."""

MAX_CELL = 32_767
"""Longest text of a cell, as Excel has it."""

Cell = str | float | bool | date | Flaw

_WORKBOOK, _RELATIONS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
_TEXTS, _STYLES = "xl/sharedStrings.xml", "xl/styles.xml"
_ENTRY = b"PK\x01\x02"  # begins every entry of a zip's directory
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")  # the older .xls, and any workbook behind a password
_BOUNDED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})  # zipfile inflates the others in one go
_READ_BYTES = 1 << 16
_MAX_TOKEN_BYTES = 1 << 17
_MAX_NAMES = 1_000
_MAX_DEPTH = 100
_REFERENCE = re.compile(r"([A-Z]{1,3})[0-9]{1,7}")
_DATE_FORMATS = frozenset({14, 15, 16, 17, 22, *range(27, 32), 36, *range(50, 59)})  # built in: 18.8.30
_LITERAL = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|_.')  # in a number format: quoted, colour or locale, escaped
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_FIRST_SERIAL, _LAST_SERIAL = 61, 2_900_000  # 1 March 1900: before it Excel counts a day that never was
_FORMULA = Flaw(
    "formula",
    "ô chứa công thức: sao chép cột rồi dán dạng giá trị"
    " | the cell holds a formula: copy the column and paste it as values",
)
_ERROR = Flaw("cell_error", "ô đang báo lỗi: sửa lại giá trị | the cell shows an error: correct it")
_NOT_DATE = Flaw(
    "not_date", "nhập ngày không kèm giờ, từ 01/03/1900 trở đi | give a date without time of day, from 1 March 1900 on"
)
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    expat.ExpatError,
    EOFError,
    KeyError,
    IndexError,
    ValueError,
    RuntimeError,
)
"""How the standard library says that a workbook is not whole, or behind a password."""

Event = tuple[Literal["start", "end", "text"], str, dict[str, str]]
"""The beginning or end of an element, by its name without namespace, or a piece of text."""


def read_xlsx(file: BinaryIO) -> Iterator[tuple[int, list[Cell]]]:
    """Every row that is not empty with its number in the sheet, the heading first; none is shorter than the heading.

    Raises Unreadable.
    """
    try:
        with _open(file) as book:
            sheet, epoch = _first_sheet(book)
            meaning = _Meaning(list(_shared_texts(book)), _date_styles(book), epoch)
            yield from _rows(_events(book, sheet), meaning)
    except _DAMAGE:
        raise Unreadable(
            Fault(
                "not_xlsx",
                "tệp không phải bảng tính XLSX nguyên vẹn: mở và lưu lại dạng .xlsx"
                " | this is no whole XLSX workbook: open it and save it as .xlsx",
            )
        ) from None


class _Meaning(NamedTuple):
    """What turns a stored cell into a value."""

    texts: list[str]
    date_styles: frozenset[str]
    epoch: date


def _open(file: BinaryIO) -> zipfile.ZipFile:
    file.seek(0)
    content = file.read()
    if content.startswith(_OLE):
        raise Unreadable(
            Fault(
                "not_xlsx",
                "tệp là .xls cũ hoặc có mật khẩu: lưu lại dạng .xlsx, không đặt mật khẩu"
                " | the file is an old .xls or has a password: save it as .xlsx without one",
            )
        )
    if content.count(_ENTRY) > MAX_PARTS:
        raise Unreadable(
            Fault(
                "zip_bomb",
                f"bảng tính có hơn {MAX_PARTS} thành phần: chép dữ liệu sang tệp mới"
                f" | the workbook has more than {MAX_PARTS} parts",
            )
        )
    book = zipfile.ZipFile(file)
    parts = book.infolist()
    if sum(part.file_size for part in parts) > MAX_INFLATED_BYTES:
        raise Unreadable(
            Fault(
                "zip_bomb",
                f"bảng tính lớn hơn {MAX_INFLATED_BYTES >> 20} MB: chia nhỏ hoặc dùng CSV"
                f" | the workbook holds over {MAX_INFLATED_BYTES >> 20} MB: split it, or use CSV",
            )
        )
    if any(part.compress_type not in _BOUNDED for part in parts):
        raise Unreadable(
            Fault(
                "not_xlsx",
                "bảng tính được nén khác thường: mở và lưu lại"
                " | the workbook is packed in an unusual way: open it and save it again",
            )
        )
    return book


def _first_sheet(book: zipfile.ZipFile) -> tuple[str, date]:
    """The part that holds the first visible sheet, and the day its dates count from (18.17.4.1)."""
    relation, epoch = "", date(1899, 12, 30)
    for kind, name, attributes in _events(book, _WORKBOOK):
        if kind == "start" and name == "workbookPr" and attributes.get("date1904") in ("1", "true"):
            epoch = date(1904, 1, 1)
        if kind == "start" and name == "sheet" and not relation and attributes.get("state", "visible") == "visible":
            relation = next((value for key, value in attributes.items() if key.endswith(" id")), "")
    for kind, _, attributes in _events(book, _RELATIONS):
        if kind == "start" and relation and attributes.get("Id") == relation:
            target = attributes["Target"]
            return target[1:] if target.startswith("/") else f"xl/{target}", epoch
    raise Unreadable(
        Fault(
            "no_sheet",
            "bảng tính không có trang nào hiển thị: bỏ ẩn trang có dữ liệu | the workbook has no visible sheet",
        )
    )


def _shared_texts(book: zipfile.ZipFile) -> Iterator[str]:
    """The shared strings (18.4)."""
    if _TEXTS not in book.namelist():
        return
    too_large = Unreadable(
        Fault(
            "too_large",
            f"bảng tính có hơn {MAX_TEXTS_BYTES >> 20} MB hoặc {MAX_TEXTS // 10**6} triệu đoạn văn bản: dùng CSV"
            f" | the workbook holds over {MAX_TEXTS_BYTES >> 20} MB or {MAX_TEXTS // 10**6} million texts: use CSV",
        )
    )
    if book.getinfo(_TEXTS).file_size > MAX_TEXTS_BYTES:
        raise too_large
    events = _events(book, _TEXTS)
    texts = 0
    for kind, name, _ in events:
        if kind == "start" and name == "si":
            if texts == MAX_TEXTS:
                raise too_large
            texts += 1
            yield _text_until("si", events)[0]


def _date_styles(book: zipfile.ZipFile) -> frozenset[str]:
    """The cell styles (18.8.10), by their index, whose number format shows a date."""
    formats, styles = {str(number) for number in _DATE_FORMATS}, list[bool]()
    in_cell_styles = False
    for kind, name, attributes in _events(book, _STYLES) if _STYLES in book.namelist() else ():
        if name == "cellXfs":
            in_cell_styles = kind == "start"
        elif kind == "start" and name == "numFmt" and _shows_date(attributes["formatCode"]):
            formats.add(attributes["numFmtId"])
        elif kind == "start" and name == "xf" and in_cell_styles:
            styles.append(attributes.get("numFmtId") in formats)
        if max(len(styles), len(formats)) > MAX_STYLES:
            raise ValueError("more styles than there can be")
    return frozenset(str(index) for index, shows_date in enumerate(styles) if shows_date)


def _shows_date(code: str) -> bool:
    return not {"d", "y"}.isdisjoint(_LITERAL.sub("", code.lower()))


def _rows(events: Iterator[Event], meaning: _Meaning) -> Iterator[tuple[int, list[Cell]]]:
    row_number = width = 0
    for kind, name, attributes in events:
        if kind == "start" and name == "row":
            before, row_number = row_number, int(attributes.get("r", row_number + 1))
            if not before < row_number <= MAX_ROW_NUMBER:
                raise ValueError(row_number)
            cells = _cells(events, meaning, row_number)
            if cells:
                width = width or len(cells)
                yield row_number, cells + [""] * (width - len(cells))


def _cells(events: Iterator[Event], meaning: _Meaning, row_number: int) -> list[Cell]:
    cells: list[Cell] = []
    column = 0
    for kind, name, attributes in events:
        if kind == "start" and name == "c":
            column = _column(attributes["r"]) if "r" in attributes else column + 1
            value = _cell(events, attributes, meaning)
            if value == "":
                continue
            if column > MAX_COLUMNS:
                raise Unreadable(
                    Fault(
                        "too_many_columns",
                        f"dòng có hơn {MAX_COLUMNS} cột: bỏ các cột thừa | a row has more than {MAX_COLUMNS} columns",
                        row_number,
                    )
                )
            cells += [""] * (column - 1 - len(cells))
            cells.append(value)
        elif kind == "end" and name == "row":
            break
    return cells


def _column(reference: str) -> int:
    """A is 1, AA is 27."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise ValueError(reference)
    number = 0
    for letter in match[1]:
        number = number * 26 + ord(letter) - 64
    return number


def _cell(events: Iterator[Event], attributes: dict[str, str], meaning: _Meaning) -> Cell:
    """The value of a cell (18.3.1.4)."""
    text, has_formula = _text_until("c", events)
    if has_formula:
        return _FORMULA
    match attributes.get("t", "n"):
        case "s":
            return meaning.texts[int(text)]
        case "n" if text:
            return _number(float(text), attributes.get("s") in meaning.date_styles, meaning.epoch)
        case "d" if text:
            return _day(text)
        case "b":
            return text in ("1", "true")
        case "e":
            return _ERROR
        case _:
            return text


def _number(number: float, shows_date: bool, epoch: date) -> Cell:
    if not shows_date:
        return number
    if not number.is_integer() or not _FIRST_SERIAL <= number <= _LAST_SERIAL:
        return _NOT_DATE
    return epoch + timedelta(days=number)


def _day(text: str) -> Cell:
    try:
        return date.fromisoformat(text.removesuffix("T00:00:00"))
    except ValueError:
        return _NOT_DATE


def _text_until(closing: str, events: Iterator[Event]) -> tuple[str, bool]:
    """The text up to the end of an element, phonetic readings apart (18.4.6), and whether a formula is in it."""
    texts: list[str] = []
    inside = phonetic = has_formula = False
    length = 0
    for kind, name, _ in events:
        if kind == "text":
            if inside and not phonetic:
                texts.append(name)
                length += len(name)
        elif name == "v" or name == "t":
            inside = kind == "start"
        elif name == closing:
            break
        elif name == "f":
            has_formula = True
        elif name == "rPh":
            phonetic = kind == "start"
        if length > MAX_CELL:
            raise Unreadable(
                Fault(
                    "too_large",
                    f"ô có hơn {MAX_CELL} ký tự: rút ngắn lại | a cell holds more than {MAX_CELL} characters",
                )
            )
    return _unescaped("".join(texts)), has_formula


def _unescaped(text: str) -> str:
    """A text with the characters that XML cannot hold, or would change: `_x000D_` is a carriage return (22.9.2.19)."""
    if "_x" not in text:
        return text
    plain = _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16")  # whose halves are escaped each by itself


def _events(book: zipfile.ZipFile, part: str) -> Iterator[Event]:
    """The XML of one part as it is read. Raises ExpatError for what is not well-formed or out of bounds."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    events: list[Event] = []
    add, local, nothing = events.append, _LocalNames(), dict[str, str]()
    parser.StartElementHandler = lambda name, attributes: add(("start", local[name], attributes))
    parser.EndElementHandler = lambda name: add(("end", local[name], nothing))
    parser.CharacterDataHandler = lambda text: add(("text", text, nothing))
    parser.StartDoctypeDeclHandler = _refuse_doctype
    fed = depth = 0
    with book.open(part) as stream:
        while chunk := stream.read(_READ_BYTES):
            parser.Parse(chunk, False)
            fed += len(chunk)
            kinds = [kind for kind, _, _ in events]
            depth += kinds.count("start") - kinds.count("end")
            token_bytes = fed - parser.CurrentByteIndex
            if depth > _MAX_DEPTH or token_bytes > _MAX_TOKEN_BYTES or len(parser.intern) > _MAX_NAMES:
                raise expat.ExpatError("nested too deep, a token too long, or too many names")
            yield from events
            events.clear()
    parser.Parse(b"", True)
    yield from events


class _LocalNames(dict[str, str]):
    """Names without their namespace, each taken apart once."""

    def __missing__(self, name: str) -> str:
        self[name] = name.rpartition(" ")[2]
        return self[name]


def _refuse_doctype(*_: object) -> NoReturn:
    raise expat.ExpatError("a document type, which no workbook has")
