"""The cells of every exported table, of which no text is taken for a formula, and the rows of an imported CSV file.

All exports write their cells with `csv_text` or `TextWorkbook` (tests/api/ledger/test_formulas.py).
"""

# xlsxwriter names the types of some of its parameters only:
# pyright: reportUnknownMemberType=false

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from inspections.errors import InvalidInput
from inspections.text import INVISIBLE, INVISIBLE_RANGES

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

BOM = "\ufeff"
"""The byte order mark: without it the office's spreadsheet takes UTF-8 for GBK."""
UNREADABLE = "无法读取，请上传 XLSX、XLS、ODS 或 CSV 文件"
_ENCODINGS = ("utf-8-sig", "gb18030")
_SIGNS = "=+@＝＋－＠﹦﹢﹣﹫-"
_BLANKS = "".join(chr(point) for point in range(0x3001) if chr(point).isspace())
_FORMULA = re.compile(f"'*(?:[\t\n\r]|[{re.escape(_BLANKS)}{INVISIBLE}]*[{_SIGNS}])")
_SUSPECT = frozenset("'" + _SIGNS + _BLANKS).union(
    chr(point) for first, last in INVISIBLE_RANGES for point in range(first, last + 1)
)


def begins_like_formula(text: str) -> bool:
    """Tells whether a spreadsheet may take the text for a formula (OWASP: CSV Injection), or we have to escape it.

    Blanks and characters that nobody sees may come before the sign. Apostrophes may too, so that `escape_formula` can
    be undone.
    """
    return text[:1] in _SUSPECT and _FORMULA.match(text) is not None  # the set comes first: every cell comes here


def escape_formula(text: str) -> str:
    """The text, with an apostrophe before it if it begins like a formula. `read_csv_rows` removes it."""
    return f"'{text}" if begins_like_formula(text) else text


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """The rows as RFC 4180."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(
        [escape_formula(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return text.getvalue()


class TextWorkbook:
    """An XLSX file in which each text is a text, never a formula, a link or a number.

    A text that begins like a formula is marked as quoted, so that it also stays a text when somebody edits its cell.
    """

    def __init__(self, file: BinaryIO, **options: bool) -> None:
        from xlsxwriter import Workbook  # noqa: PLC0415  # 2 MB, loaded only where needed

        self._book = Workbook(file, options)
        self._bold = self._book.add_format({"bold": True})
        self._quoted = self._book.add_format({"quote_prefix": True})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._book.close()

    def add_page(self, titles: Iterable[str], name: str | None = None) -> "Worksheet":
        """Adds a worksheet with titles, which stay in view."""
        page = self._book.add_worksheet(name)
        for column, title in enumerate(titles):
            page.write_string(0, column, title, self._bold)
        page.freeze_panes(1, 0)
        return page

    def write_row(self, page: "Worksheet", at: int, cells: Iterable[Any]) -> None:
        """Writes numbers and texts; a cell of None stays empty."""
        for column, cell in enumerate(cells):
            if isinstance(cell, str):
                page.write_string(at, column, cell, self._quoted if begins_like_formula(cell) else None)
            elif cell is not None:
                page.write_number(at, column, cell)


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
    return cell[1:] if cell.startswith("'") and begins_like_formula(cell) else cell
