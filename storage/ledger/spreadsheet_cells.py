"""Spreadsheet cells that cannot be taken for formulas, and the rows of a CSV file."""

import csv
import io
from collections.abc import Iterator

from inspections.errors import InvalidInput

BOM = "\ufeff"
"""The byte order mark: without it the office's spreadsheet takes UTF-8 for GBK."""
UNREADABLE = "无法读取，请上传 XLSX、XLS、ODS 或 CSV 文件"
_ENCODINGS = ("utf-8-sig", "gb18030")
_FORMULA = frozenset("=+-@\t\r")
_SKIPPED = " \n\u3000"
_SUSPECT = _FORMULA | frozenset(_SKIPPED)


def escape_formula(value: str | None) -> str | None:
    """The text, with an apostrophe before it if it begins like a formula (OWASP: CSV Injection)."""
    if not value or value[0] not in _SUSPECT:  # the fast path: every cell of a ledger comes here
        return value
    begun = value.lstrip(_SKIPPED)
    return f"'{value}" if begun and begun[0] in _FORMULA else value


def read_csv_rows(data: bytes) -> Iterator[list[str]]:
    """Rows of a CSV file in UTF-8, as our own ledger, or in GB 18030, as older spreadsheets. Raises InvalidInput."""
    for encoding in _ENCODINGS:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        break
    else:
        raise InvalidInput(("file", UNREADABLE))
    try:
        for row in csv.reader(io.StringIO(text, newline="")):
            yield (
                [] if row[:1] == ["#"] else [_unescape_formula(cell) for cell in row]
            )  # our last line: count and digest
    except csv.Error as error:
        raise InvalidInput(("file", UNREADABLE)) from error


def _unescape_formula(cell: str) -> str:
    """Removes the apostrophe that `escape_formula` adds."""
    return cell[1:] if cell.startswith("'") and escape_formula(cell[1:]) == cell else cell
