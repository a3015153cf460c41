"""Reads the tables of an uploaded spreadsheet, in the process of storage/file_reading.py."""

import io
import zipfile
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from inspections.errors import FileTooComplex, InvalidInput
from inspections.ledger.legacy_import import MAX_LINES, LedgerSheet, is_title_row, normalize_title
from storage.ledger.spreadsheet_cells import UNREADABLE, read_csv_rows

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

_ZIP = b"PK\x03\x04"
_WORKBOOKS = (_ZIP, b"\xd0\xcf\x11\xe0")
"""First bytes of Zip (XLSX, ODS) and of the compound files of XLS: ECMA-376, [MS-CFB]."""
_LAST_TITLE_ROW = 30
"""The last row that may be the row of titles."""
_MAX_PARTS, _MAX_EXPANDED_BYTES = 2_000, 200_000_000
"""Files in a workbook, and bytes they expand to: 10,000 lines of 3 kB are 30 MB."""
_CELL_CHARACTERS = 20_000
_MAX_COLUMNS, _TITLE_CHARACTERS = 1_000, 200
"""Columns with a title, and characters of a title: each column without a field is stored with every hazard."""


def read_sheets(data: bytes) -> Iterator[LedgerSheet]:
    """Every table with known titles; sheets without them are skipped. Raises InvalidInput, FileTooComplex."""
    if not data.startswith(_WORKBOOKS):
        found = _parse_sheet("", read_csv_rows(data))
        if found:
            yield found
        return
    if data.startswith(_ZIP):
        _check_expanded_size(data)
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415  # the server imports this, but reads no workbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        pages = [book.get_sheet_by_name(name) for name in book.sheet_names]
        several = len(pages) > 1
        for page in pages:
            if found := _parse_sheet(f"{page.name}!" if several else "", _fill_merged_cells(page)):
                yield found
    except (CalamineError, ValueError, OSError) as error:
        raise InvalidInput(("file", UNREADABLE)) from error


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
    """The rows, with a merged cell's value in each cell that it spans. Formulas have their last saved result."""
    waiting, merged = _merged_spans(page), list[_Span]()
    held: dict[tuple[int, int], Any] = {}
    left_out: list[Any] = [""] * (page.start[1] if page.start else 0)
    for at, row in enumerate(page.iter_rows()):  # lazily: the caller stops after too many rows
        cells = [*left_out, *row]
        merged = [span for span in merged if span[2] >= at]
        while waiting and waiting[0][0] <= at:
            merged.append(waiting.popleft())
        for top, left, _, right in merged:
            if at == top:
                held[top, left] = cells[left] if left < len(cells) else None
            for column in range(left, min(right + 1, len(cells))):
                cells[column] = held.get((top, left))
        yield cells


_Span = tuple[int, int, int, int]  # top, left, bottom, right


def _merged_spans(page: "CalamineSheet") -> deque[_Span]:
    """Merged cells from the top down, clipped to the sheet. Raises FileTooComplex where they overlap.

    Without overlap they have no more cells than the sheet; that is counted before any of them is filled.
    """
    rows, columns = (last + 1 for last in page.end or (-1, -1))
    spans = (
        (top, left, min(bottom, rows - 1), min(right, columns - 1))
        for (top, left), (bottom, right) in page.merged_cell_ranges or ()
        if top < rows and left < columns
    )
    found = sorted(spans)
    if sum((bottom + 1 - top) * (right + 1 - left) for top, left, bottom, right in found) > rows * columns:
        raise FileTooComplex
    return deque(found)


def _parse_sheet(name: str, rows: Iterable[list[Any]]) -> LedgerSheet | None:
    titles: list[str] | None = None
    lines: list[tuple[str, list[Any]]] = []
    for at, cells in enumerate(rows, 1):
        if titles is None:
            if is_title_row(cells):
                titles = _read_titles(cells)
            elif at == _LAST_TITLE_ROW:
                return None
        elif any(cell not in (None, "") for cell in cells):
            lines.append((f"{name}{at}", [_truncate_cell(cell) for cell in cells[: len(titles)]]))
            if len(lines) > MAX_LINES:
                break
    return LedgerSheet(titles, lines) if titles is not None else None


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
