"""What a cell of a spreadsheet may hold: no text that is taken for a formula; and the rows of a CSV file."""

import csv
import io
from collections.abc import Iterator

from inspections.errors import Invalid

BOM = "\ufeff"
"""Without it the office's spreadsheet takes UTF-8 for GBK."""
UNREADABLE = "无法读取，请上传 XLSX、XLS、ODS 或 CSV 文件"
_ENCODINGS = ("utf-8-sig", "gb18030")
_FORMULA = frozenset("=+-@\t\r")
_SKIPPED = " \n\u3000"
_SUSPECT = _FORMULA | frozenset(_SKIPPED)


def plain(value: str | None) -> str | None:
    """The text, with an apostrophe before it where it begins like a formula (OWASP: CSV Injection)."""
    if not value or value[0] not in _SUSPECT:  # most: this is asked of every cell of a ledger
        return value
    begun = value.lstrip(_SKIPPED)
    return f"'{value}" if begun and begun[0] in _FORMULA else value


def csv_rows(data: bytes) -> Iterator[list[str]]:
    """As our own ledger writes it, or as an older spreadsheet does, in GB 18030. Raises Invalid."""
    for encoding in _ENCODINGS:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        break
    else:
        raise Invalid(("file", UNREADABLE))
    try:
        for row in csv.reader(io.StringIO(text, newline="")):
            yield [] if row[:1] == ["#"] else [_unguarded(cell) for cell in row]  # its last line: count and digest
    except csv.Error as error:
        raise Invalid(("file", UNREADABLE)) from error


def _unguarded(cell: str) -> str:
    """Without the apostrophe that keeps a text from being a formula."""
    return cell[1:] if cell.startswith("'") and plain(cell[1:]) == cell else cell
