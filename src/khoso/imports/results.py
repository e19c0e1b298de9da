"""The answer to an import as a file: which row got which codes."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Literal

import msgspec

from khoso.imports.model import Result

ResultFormat = Literal["csv", "ndjson"]

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def safe_cell(text: str) -> str:
    """The text, behind an apostrophe if a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def csv_lines(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as RFC 4180 has them, in UTF-8 without BOM, safe to open in a spreadsheet."""
    text = io.StringIO()
    csv.writer(text).writerows([safe_cell(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


async def result_file(pages: AsyncIterator[list[Result]], result_format: ResultFormat) -> AsyncIterator[bytes]:
    """`row`, `result_code` and `lookup_code` of every issued row."""
    if result_format == "csv":
        yield csv_lines([("row", "result_code", "lookup_code")])
    async for page in pages:
        if result_format == "csv":
            yield csv_lines((str(one.row_number), one.result_code, one.lookup_code) for one in page)
        else:
            yield b"".join(msgspec.json.encode(_line(one)) + b"\n" for one in page)


def _line(result: Result) -> dict[str, object]:
    return {"row": result.row_number, "result_code": result.result_code, "lookup_code": result.lookup_code}
