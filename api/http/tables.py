"""Tables as people and dashboards use them: JSON, CSV, XLSX, or the dataset that ECharts reads."""

# xlsxwriter names the types of some of its parameters only:
# pyright: reportUnknownMemberType=false

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from litestar.params import QueryParameter

from api.http.bodies import AnyRequest
from inspections.calendar import SHANGHAI
from storage.ledger.spreadsheet_cells import BOM, escape_formula

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class TableFormat(StrEnum):
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    ECHARTS = "echarts"


FormatParameter = Annotated[TableFormat | None, QueryParameter(name="format")]

MEDIA_TYPES = {
    TableFormat.JSON: "application/json",
    TableFormat.ECHARTS: "application/json",
    TableFormat.CSV: "text/csv",
    TableFormat.XLSX: _XLSX,
}


class Sheet(NamedTuple):
    """Rows with the same keys. `titles`: key → column title, in order; keys without a title are left out."""

    name: str
    titles: Mapping[str, str]
    rows: Sequence[Mapping[str, Any]]


def choose_format(request: AnyRequest, asked: TableFormat | None) -> TableFormat:
    """The format of `?format=`, else the first known one in `Accept`, else JSON."""
    if asked is not None:
        return asked
    accepted = [each.partition(";")[0].strip() for each in request.headers.get("accept", "").split(",")]
    named = {"text/csv": TableFormat.CSV, _XLSX: TableFormat.XLSX, "application/json": TableFormat.JSON}
    return next((named[each] for each in accepted if each in named), TableFormat.JSON)


def to_cell(value: Any) -> Any:
    """A value as a cell: numbers stay numbers, and no text is taken for a formula."""
    match value:
        case None:
            return ""
        case datetime():
            return f"{value.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
        case date():
            return value.isoformat()
        case str():
            return escape_formula(value)
        case _:
            return value


def as_csv(sheet: Sheet) -> bytes:
    """RFC 4180 with a byte order mark, without which the office's spreadsheet takes UTF-8 for GBK."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(sheet.titles.values())
    writer.writerows([to_cell(row.get(key)) for key in sheet.titles] for row in sheet.rows)
    return (BOM + text.getvalue()).encode()


def as_xlsx(sheet: Sheet) -> bytes:
    """A workbook with one worksheet. Text stays text: nothing in it is a formula or a link."""
    import xlsxwriter  # noqa: PLC0415  # 2 MB, loaded only where needed

    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(file, options) as book:
        page, bold = book.add_worksheet(sheet.name), book.add_format({"bold": True})
        page.write_row(0, 0, list(sheet.titles.values()), bold)
        page.freeze_panes(1, 0)
        for at, row in enumerate(sheet.rows, 1):
            page.write_row(at, 0, [_xlsx_cell(row.get(key)) for key in sheet.titles])
        page.autofit()
    return file.getvalue()


def _xlsx_cell(value: Any) -> Any:
    return to_cell(value) if isinstance(value, datetime | date | None) else value


def as_echarts(sheet: Sheet) -> dict[str, Any]:
    """`option.dataset` of ECharts: https://echarts.apache.org/option.html#dataset."""
    columns = list(sheet.titles)
    dimensions = [{"name": name, "displayName": title} for name, title in sheet.titles.items()]
    return {
        "dataset": {"dimensions": dimensions, "source": [[row.get(name) for name in columns] for row in sheet.rows]}
    }
