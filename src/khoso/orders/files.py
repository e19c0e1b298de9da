"""A file of result codes: one a line, or CSV with the column `result_code`, and `superseded_by` where it is wanted."""

import csv
import io
from collections.abc import Iterator, Sequence

from khoso.errors import InputProblem, InvalidInput
from khoso.orders.model import MAX_RESULTS, Act, Wanted

_COLUMNS = ("result_code", "superseded_by")


def read_lines(content: bytes, act: Act) -> list[Wanted]:
    """What each line asks for; empty ones are passed over. Without a heading the columns stand in that order.

    Raises InvalidInput for a file that is empty, not UTF-8, no CSV, or longer than an order may be.
    """
    try:
        wanted = list(_read(content.decode("utf-8-sig"), act))
    except UnicodeDecodeError:
        raise _unreadable("encoding", "lưu lại tệp với bảng mã UTF-8 | save the file as UTF-8") from None
    except csv.Error:
        raise _unreadable(
            "csv", "mỗi dòng ghi một mã kết quả, hoặc dùng CSV | give one result code a line, or CSV"
        ) from None
    if not wanted:
        raise _unreadable("empty", "tệp không có kết quả nào: ghi mỗi dòng một mã kết quả | the file names no result")
    if len(wanted) > MAX_RESULTS:
        raise _unreadable("too_many", f"tối đa {MAX_RESULTS} kết quả: chia nhỏ tệp | at most {MAX_RESULTS} results")
    return wanted


def _read(text: str, act: Act) -> Iterator[Wanted]:
    first = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",")
    places = None
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if places is None:
            places = _places(cells)
            if "result_code" in cells:
                continue
        code, newer = (_cell(cells, place) for place in places)
        yield Wanted(f"line {rows.line_num}", code, newer if act == "supersede" else None, rows.line_num)


def _places(cells: Sequence[str]) -> tuple[int, int]:
    """Where the columns stand, by the first line; an absent one stands behind all others."""
    if "result_code" not in cells:
        return 0, 1
    code, newer = (cells.index(name) if name in cells else len(cells) for name in _COLUMNS)
    return code, newer


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place] if place < len(cells) else ""


def _unreadable(code: str, message: str) -> InvalidInput:
    return InvalidInput(InputProblem("body", code, message))
