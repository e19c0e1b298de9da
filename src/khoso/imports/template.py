"""An empty file to fill in: the columns of a result type under the labels that people read.

In the workbook every column is formatted as text, so that a spreadsheet keeps the leading zeros of what is typed, and
dates as dates.
"""

import io
import zipfile
from codecs import BOM_UTF8
from typing import Literal
from xml.sax.saxutils import escape

from khoso.formats.result_type import ResultType
from khoso.imports.columns import Column, by_heading, columns_of
from khoso.imports.results import csv_lines
from khoso.text import fold

TemplateFormat = Literal["csv", "xlsx"]

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_AS_TEXT, _AS_DATE = 1, 2  # the second and third cell style below
_PARTS = {
    "[Content_Types].xml": f"""<Types xmlns="{_PACKAGE}/content-types">\
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>\
<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>\
<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>\
<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>""",
    "_rels/.rels": f"""<Relationships xmlns="{_PACKAGE}/relationships">\
<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>""",
    "xl/_rels/workbook.xml.rels": f"""<Relationships xmlns="{_PACKAGE}/relationships">\
<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>\
<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>""",
    "xl/workbook.xml": f"""<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">\
<sheets><sheet name="results" sheetId="1" r:id="rId1"/></sheets></workbook>""",
    "xl/styles.xml": f"""<styleSheet xmlns="{_MAIN}">\
<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>\
<fonts count="1"><font/></fonts>\
<fills count="2"><fill><patternFill patternType="none"/></fill>\
<fill><patternFill patternType="gray125"/></fill></fills>\
<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>\
<cellXfs count="3"><xf/><xf numFmtId="49" applyNumberFormat="1"/><xf numFmtId="164" applyNumberFormat="1"/></cellXfs>\
<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>\
</styleSheet>""",
}


def make_template(result_type: ResultType, template_format: TemplateFormat) -> bytes:
    """A file with nothing but the heading."""
    columns = columns_of(result_type)
    meant = by_heading(columns)
    headings = [_heading(column, meant[fold(column.label_vi)]) for column in columns]
    if template_format == "csv":
        return BOM_UTF8 + csv_lines([headings])  # by which Excel, opening it, knows the encoding
    return _workbook(columns, headings)


def _heading(column: Column, meant_by_label: Column) -> str:
    """The label, unless it would be read as another column."""
    return column.label_vi if meant_by_label == column else column.path


def _workbook(columns: list[Column], headings: list[str]) -> bytes:
    formats = "".join(
        f'<col min="{number}" max="{number}" width="24" style="{_AS_DATE if column.kind == "date" else _AS_TEXT}"/>'
        for number, column in enumerate(columns, 1)
    )
    cells = "".join(f'<c t="inlineStr"><is><t>{escape(heading)}</t></is></c>' for heading in headings)
    sheet = f'<worksheet xmlns="{_MAIN}"><cols>{formats}</cols><sheetData><row>{cells}</row></sheetData></worksheet>'
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in {**_PARTS, "xl/worksheets/sheet1.xml": sheet}.items():
            book.writestr(name, f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>{content}')
    return file.getvalue()
