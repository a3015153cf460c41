"""Reads the tables of an uploaded spreadsheet, in the process of storage/file_reading.py."""

import io
import zipfile
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from inspections.errors import FileTooComplex, InvalidInput
from inspections.ledger.cells import UnsavedFormula, cell_value
from inspections.ledger.columns import NO_OWN_TITLES, OwnTitles, is_title_row, normalize_title
from inspections.ledger.legacy_import import MAX_LINES, LedgerSheet
from storage.ledger.html_tables import is_html_table, read_html_tables
from storage.ledger.merged_cells import Span, fill_span
from storage.ledger.spreadsheet_cells import UNREADABLE, decode_text, is_proof_row, read_text_rows
from storage.ledger.unsaved_formulas import find_unsaved_formulas

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

_ZIP = b"PK\x03\x04"
_WORKBOOKS = (_ZIP, b"\xd0\xcf\x11\xe0")
"""First bytes of Zip (XLSX, ODS) and of the compound files of XLS: ECMA-376, [MS-CFB]."""
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""The stream of an encrypted workbook: [MS-OFFCRYPTO] 2.3.4."""
_HEAD_BYTES = 4096
_OTHER_FORMATS = (b"MIME-Version:", b"urn:schemas-microsoft-com:office:spreadsheet")
"""Marks of a web archive and of an XML Spreadsheet 2003."""
_LAST_TITLE_ROW = 30
"""The last row that may be the row of titles."""
_MAX_PARTS, _MAX_EXPANDED_BYTES = 2_000, 200_000_000
"""Files in a workbook, and bytes they expand to: 10,000 lines of 3 kB are 30 MB."""
_CELL_CHARACTERS = 20_000
_MAX_COLUMNS, _TITLE_CHARACTERS = 1_000, 200
"""Columns with a title, and characters of a title: each column without a field is stored with every hazard."""


def read_sheets(data: bytes, own: OwnTitles = NO_OWN_TITLES) -> Iterator[LedgerSheet]:
    """Every table with known titles; sheets without them are skipped. Raises InvalidInput, FileTooComplex."""
    if not data.startswith(_WORKBOOKS):
        yield from _read_text_tables(data, own)
        return
    if data.startswith(_ZIP):
        _check_expanded_size(data)
    elif _ENCRYPTED in data:
        raise InvalidInput(("file", "文件有密码，请在表格程序中取消密码后再上传"))
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415  # the server imports this, but reads no workbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        pages = [book.get_sheet_by_name(name) for name in book.sheet_names]
        unsaved = find_unsaved_formulas(data) if data.startswith(_ZIP) else {}
        several = len(pages) > 1
        for page in pages:
            rows = _mark_unsaved_formulas(_fill_merged_cells(page), unsaved.get(page.name, ()))
            if found := _parse_sheet(f"{page.name}!" if several else "", rows, own):
                yield found
    except (CalamineError, ValueError, OSError) as error:
        raise InvalidInput(("file", UNREADABLE)) from error


def _read_text_tables(data: bytes, own: OwnTitles) -> Iterator[LedgerSheet]:
    """The tables of a text file: CSV, tab-separated text, or an HTML page. Raises InvalidInput, FileTooComplex."""
    if any(mark in data[:_HEAD_BYTES] for mark in _OTHER_FORMATS):
        raise InvalidInput(("file", "这是网页归档或 XML 表格，请在表格程序中打开，另存为 XLSX 后再上传"))
    text = decode_text(data)
    if not is_html_table(text):
        if found := _parse_sheet("", read_text_rows(text), own):
            yield found
        return
    tables = list(read_html_tables(text))
    for number, rows in enumerate(tables, 1):
        if found := _parse_sheet(f"表{number}!" if len(tables) > 1 else "", rows, own):
            yield found


def _mark_unsaved_formulas(rows: Iterator[list[Any]], unsaved: Collection[tuple[int, int]]) -> Iterator[list[Any]]:
    """Puts an UnsavedFormula into each empty cell (row, column) whose formula has no result."""
    columns: dict[int, list[int]] = {}
    for at, column in unsaved:
        columns.setdefault(at, []).append(column)
    for at, cells in enumerate(rows):
        for column in columns.get(at, ()):
            cells.extend([""] * (column + 1 - len(cells)))
            if cells[column] in (None, ""):
                cells[column] = UnsavedFormula()
        yield cells


def _check_expanded_size(data: bytes) -> None:
    """Checks the sizes that the archive declares; a false one hits the memory limit.

    Raises InvalidInput, FileTooComplex.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InvalidInput(("file", UNREADABLE)) from error
    if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > _MAX_EXPANDED_BYTES:
        raise FileTooComplex


def _fill_merged_cells(page: "CalamineSheet") -> Iterator[list[Any]]:
    """The rows, with a MergedCell in each cell that a merged one spans. Formulas have their last saved result."""
    waiting, merged = _merged_spans(page), list[Span]()
    held: dict[Span, Any] = {}
    left_out: list[Any] = [""] * (page.start[1] if page.start else 0)
    for at, row in enumerate(page.iter_rows()):  # lazily: the caller stops after too many rows
        cells = [*left_out, *row]
        merged = [span for span in merged if span.bottom >= at]
        while waiting and waiting[0].top <= at:
            merged.append(waiting.popleft())
        for span in merged:
            fill_span(cells, span, at, held)
        yield cells


def _merged_spans(page: "CalamineSheet") -> deque[Span]:
    """Merged cells from the top down, clipped to the sheet. Raises FileTooComplex where they overlap.

    Without overlap they have no more cells than the sheet; that is counted before any of them is filled.
    """
    rows, columns = (last + 1 for last in page.end or (-1, -1))
    spans = (
        Span(top, left, min(bottom, rows - 1), min(right, columns - 1))
        for (top, left), (bottom, right) in page.merged_cell_ranges or ()
        if top < rows and left < columns
    )
    found = sorted(spans)
    if sum((bottom + 1 - top) * (right + 1 - left) for top, left, bottom, right in found) > rows * columns:
        raise FileTooComplex
    return deque(found)


def _parse_sheet(name: str, rows: Iterable[list[Any]], own: OwnTitles) -> LedgerSheet | None:
    """The titles and the lines below them. A repeated row of titles, as on every printed page, is no line."""
    titles: list[str] | None = None
    lines: list[tuple[str, list[Any]]] = []
    for at, cells in enumerate(rows, 1):
        values = [cell_value(cell) for cell in cells]
        if titles is None:
            if is_title_row(values, own):
                titles = _read_titles(values)
            elif at == _LAST_TITLE_ROW:
                return None
        elif _is_line(values, titles, own):
            lines.append((f"{name}{at}", [_truncate_cell(cell) for cell in cells[: len(titles)]]))
            if len(lines) > MAX_LINES:
                break
    return LedgerSheet(titles, lines) if titles is not None else None


def _is_line(values: list[Any], titles: list[str], own: OwnTitles) -> bool:
    if all(value in (None, "") for value in values) or is_proof_row(values):
        return False
    return not (is_title_row(values, own) and _read_titles(values) == titles)


def _read_titles(cells: list[Any]) -> list[str]:
    """The titles, up to the last one that is not empty. Raises FileTooComplex for more than a ledger has."""
    titles = [normalize_title(cell)[:_TITLE_CHARACTERS] for cell in cells]
    while titles and not titles[-1]:
        titles.pop()
    if len(titles) > _MAX_COLUMNS:
        raise FileTooComplex
    return titles


def _truncate_cell(cell: Any) -> Any:
    return cell[:_CELL_CHARACTERS] if isinstance(cell, str) else cell
