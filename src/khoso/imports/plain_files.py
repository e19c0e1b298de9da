"""CSV and NDJSON as rows. A line longer than a limit is refused before it is read to its end."""

import csv
import io
from collections.abc import Iterator
from itertools import chain
from typing import Any, BinaryIO, Literal

import msgspec

from khoso.imports.model import Fault, Record, Repeats, Unreadable, flawed

MAX_LINE = 100_000
"""Longest line, and so longest cell, in characters."""

MAX_RECORD = 1_000_000
"""Longest record of CSV, in characters: quoted cells may have any number of lines."""

_DELIMITERS: tuple[Literal[",", ";"], ...] = (",", ";")


def read_csv(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Every record with its number, the heading first: RFC 4180, comma or semicolon, UTF-8 with or without BOM.

    Raises Unreadable.
    """
    lines = _lines(file)
    heading = next(lines, "")
    taken = row_number = 0

    def bounded() -> Iterator[str]:
        nonlocal taken
        for line in chain([heading], lines):
            taken += len(line)
            if taken > MAX_RECORD:
                raise Unreadable(_too_long(MAX_RECORD))
            yield line

    records = csv.reader(bounded(), delimiter=_delimiter(heading), strict=True)
    try:
        for row_number, cells in enumerate(records, 1):
            taken = 0
            yield row_number, cells
    except Unreadable as unreadable:  # of a line, and a row may have several
        raise Unreadable(*(fault._replace(row_number=row_number + 1) for fault in unreadable.faults)) from None
    except csv.Error:
        message = (
            'dấu ngoặc kép không khớp: trong ô viết " thành "" và đóng ngoặc ở mọi ô đã mở ngoặc'
            ' | the quotation marks do not match: write a " inside a cell twice and close every quoted cell'
        )
        raise Unreadable(Fault("quoting", message, row_number + 1)) from None


def read_ndjson(file: BinaryIO) -> Iterator[Record]:
    """Every line as a record; empty lines are passed over. Raises Unreadable."""
    repeats = Repeats()
    for row_number, line in enumerate(_lines(file), 1):
        text = line.strip()
        if text:
            yield repeats.flawed(row_number, text) or _json_record(row_number, text)


def _lines(file: BinaryIO) -> Iterator[str]:
    file.seek(0)
    # It reads far ahead: what is not UTF-8 becomes a lone surrogate, which is found in the line where it stands.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    number = 0
    try:
        while line := text.readline(MAX_LINE + 1):
            number += 1
            line.encode()
            if len(line) > MAX_LINE:
                raise Unreadable(_too_long(MAX_LINE, number))
            yield line
    except UnicodeEncodeError:
        raise Unreadable(
            Fault(
                "encoding",
                "tệp không phải UTF-8: lưu lại dạng “CSV UTF-8” | the file is not UTF-8: save it as “CSV UTF-8”",
                number,
            )
        ) from None
    finally:
        if not file.closed:  # as it is when whoever reads was left where he stood
            text.detach()


def _too_long(limit: int, row_number: int = 1) -> Fault:
    message = f"dòng dài hơn {limit} ký tự: rút ngắn lại | a line has more than {limit} characters"
    return Fault("line_too_long", message, row_number)


def _delimiter(heading: str) -> Literal[",", ";"]:
    """The one that makes more columns of the heading."""
    return max(_DELIMITERS, key=lambda delimiter: len(next(csv.reader([heading], delimiter=delimiter), [])))


def _json_record(row_number: int, line: str) -> Record:
    try:
        given = msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return flawed(row_number, "json", "mỗi dòng ghi một đối tượng JSON | give one JSON object a line")
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name in ("holder", "fields") and isinstance(value, dict):
            values.update((f"{name}.{inner}", item) for inner, item in value.items())
        else:
            values[name] = value
    return Record(row_number, {path: value for path, value in values.items() if value is not None})
