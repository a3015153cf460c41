"""Tables as people and dashboards use them: JSON, CSV, XLSX, or the dataset that ECharts reads."""

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from litestar.params import QueryParameter

from api.http.bodies import AnyRequest
from storage.ledger.spreadsheet_cells import BOM, TextWorkbook, csv_text, date_cell

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


def _to_cell(value: Any) -> Any:
    """A value as a cell: texts and numbers as they are, times in Shanghai and days as dates."""
    return date_cell(value) if isinstance(value, date) else value


def _cells(sheet: Sheet) -> Iterator[list[Any]]:
    return ([_to_cell(row.get(key)) for key in sheet.titles] for row in sheet.rows)


def as_csv(sheet: Sheet) -> bytes:
    """RFC 4180 with a byte order mark, without which the office's spreadsheet takes UTF-8 for GBK."""
    return (BOM + csv_text([list(sheet.titles.values()), *_cells(sheet)])).encode()


def as_xlsx(sheet: Sheet) -> bytes:
    """A workbook with one worksheet."""
    file = io.BytesIO()
    with TextWorkbook(file, in_memory=True) as book:
        page = book.add_page(list(sheet.titles.values()), sheet.name)
        for at, cells in enumerate(_cells(sheet), 1):
            book.write_row(page, at, cells)
        book.add_filter(page, len(sheet.rows), len(sheet.titles))
    return file.getvalue()


def as_echarts(sheet: Sheet) -> dict[str, Any]:
    """`option.dataset` of ECharts: https://echarts.apache.org/option.html#dataset."""
    columns = list(sheet.titles)
    dimensions = [{"name": name, "displayName": title} for name, title in sheet.titles.items()]
    return {
        "dataset": {"dimensions": dimensions, "source": [[row.get(name) for name in columns] for row in sheet.rows]}
    }
