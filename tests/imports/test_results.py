"""No cell of a file that is given out is a formula."""

import csv
import io

import pytest

from khoso.imports.results import csv_lines, safe_cell


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"])
def test_what_a_spreadsheet_would_run_stands_behind_an_apostrophe(start: str) -> None:
    text = f"{start}cmd|' /C calc'!A0"
    ((cell,),) = csv.reader(io.StringIO(csv_lines([[text]]).decode(), newline=""))
    assert cell == "'" + text


@pytest.mark.parametrize("text", ["", "H17.11-261120-000001-KQ1", "1-1", "a=b", "Đường 2/9", "'", " ="])
def test_all_else_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text


def test_utf8_without_bom() -> None:
    assert csv_lines([["Đà Nẵng", "x"]]) == "Đà Nẵng,x\r\n".encode()
