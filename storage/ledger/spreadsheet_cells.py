"""The cells of every exported table, of which no text is taken for a formula, and the rows of an imported CSV file.

All exports write their cells with `csv_text` or `TextWorkbook` (tests/api/ledger/test_formulas.py).
"""

# xlsxwriter names the types of some of its parameters only:
# pyright: reportUnknownMemberType=false

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Self

from inspections.calendar import SHANGHAI
from inspections.errors import InvalidInput
from inspections.text import INVISIBLE, INVISIBLE_RANGES

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

BOM = "\ufeff"
"""The byte order mark: without it the office's spreadsheet takes UTF-8 for GBK."""
UNREADABLE = "无法读取，请上传 XLSX、XLS、ODS 或 CSV 文件"
_ENCODINGS = ("utf-8-sig", "gb18030")
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
"""The byte order marks of UTF-16, in which spreadsheets save what they call Unicode text."""
_HEAD_CHARACTERS = 20_000
_QUOTED = re.compile(r'"[^"]*"')
_PROOF_CELLS = 3
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
        [
            escape_formula(cell) if isinstance(cell, str) else cell.text if isinstance(cell, DateCell) else cell
            for cell in row
        ]
        for row in rows
    )
    return text.getvalue()


class DateCell(NamedTuple):
    """A day or a time in Shanghai: its text, and its value as a serial date with the number format that shows it."""

    text: str
    serial: float
    pattern: str


_UNIX_DAY = 25_569
"""The serial date of 1970-01-01."""
_DAY_MINUTES = 24 * 60
_DAY_PATTERN, _MINUTE_PATTERN, _SECOND_PATTERN = "yyyy-mm-dd", "yyyy-mm-dd hh:mm", "yyyy-mm-dd hh:mm:ss"
_END_PATTERN = 'yyyy-mm-dd" 24:00"'
"""The end of a day: the cell has the day itself, so that it is filtered and sorted under that day and its month."""
_TIMES = [f" {minute // 60:02}:{minute % 60:02}" for minute in range(_DAY_MINUTES)]


@lru_cache(maxsize=4096)
def _format_day(number: int) -> str:
    return date.fromordinal(_UNIX_ORDINAL + number).isoformat()


_UNIX_ORDINAL = date(1970, 1, 1).toordinal()


def minute_cell(minute: int, *, ends: bool = False) -> DateCell:
    """A cell for a Shanghai wall-clock minute since 1970. `ends`: midnight is shown as 24:00 of the day before."""
    day, within_it = divmod(minute, _DAY_MINUTES)
    if ends and within_it == 0:
        return DateCell(f"{_format_day(day - 1)} 24:00", _UNIX_DAY + day - 1, _END_PATTERN)
    return DateCell(_format_day(day) + _TIMES[within_it], _UNIX_DAY + minute / _DAY_MINUTES, _MINUTE_PATTERN)


def date_cell(value: date | datetime) -> DateCell:
    """A cell for a day, or for an instant, which is shown in Shanghai to the second."""
    if isinstance(value, datetime):
        there = value.astimezone(SHANGHAI).replace(microsecond=0)
        seconds = (there.hour * 60 + there.minute) * 60 + there.second
        serial = _UNIX_DAY + there.toordinal() - _UNIX_ORDINAL + seconds / (_DAY_MINUTES * 60)
        return DateCell(f"{there:%Y-%m-%d %H:%M:%S}", serial, _SECOND_PATTERN)
    return DateCell(value.isoformat(), _UNIX_DAY + value.toordinal() - _UNIX_ORDINAL, _DAY_PATTERN)


_A4 = 9
_WIDTHS = {_DAY_PATTERN: 11, _MINUTE_PATTERN: 16, _END_PATTERN: 16, _SECOND_PATTERN: 19}
_DEFAULT_WIDTH, _CHARACTER_WIDTH = 10, 2.1
_PRINTED_WIDTH = 190
"""What fits on A4 across in a size that people read, in digits."""
_WRAPPED = {"text_wrap": True, "valign": "top"}
_ADDRESSES = ("http://", "https://", "/photos/")
"""Widths of columns in digits: a Chinese character takes two, and a button for the filter stands beside the title."""


class TextWorkbook:
    """An XLSX file in which each text is a text, never a formula, a link or a number, and each time is a date.

    A text that begins like a formula is marked as quoted, so that it also stays a text when somebody edits its cell.
    """

    def __init__(self, file: BinaryIO, **options: bool) -> None:
        from xlsxwriter import Workbook  # noqa: PLC0415  # 2 MB, loaded only where needed

        self._book = Workbook(file, options)
        self._bold = self._book.add_format({"bold": True, **_WRAPPED})
        self._plain = self._book.add_format(_WRAPPED)
        self._quoted = self._book.add_format({"quote_prefix": True, **_WRAPPED})
        self._address = self._book.add_format({"align": "fill", "valign": "top"})
        self._dates = {pattern: self._book.add_format({"num_format": pattern, "valign": "top"}) for pattern in _WIDTHS}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._book.close()

    def add_page(
        self, titles: Sequence[str], name: str | None = None, widths: Mapping[str, float] | None = None
    ) -> "Worksheet":
        """Adds a worksheet with titles, which stay in view; it prints on A4 across, the titles on every page.

        `widths`: of columns by title, in digits; any other column is as wide as its title. A sheet that would be too
        small to read goes on beside on the next page, after its first column.
        """
        page = self._book.add_worksheet(name)
        total = 0.0
        for column, title in enumerate(titles):
            width = (widths or {}).get(title) or max(_DEFAULT_WIDTH, len(title) * _CHARACTER_WIDTH + 3)
            total += width
            page.set_column(column, column, width)
            page.write_string(0, column, title, self._bold)
        page.freeze_panes(1, 0)
        page.set_landscape()
        page.set_paper(_A4)
        page.repeat_rows(0)
        page.fit_to_pages(math.ceil(total / _PRINTED_WIDTH), 0)
        if total > _PRINTED_WIDTH:
            page.repeat_columns("A:A")
        return page

    def add_filter(self, page: "Worksheet", rows: int, columns: int) -> None:
        """Puts a filter on the titles; `rows`: the number of rows below them."""
        page.autofilter(0, 0, rows, columns - 1)

    def _text_format(self, text: str) -> "Format":
        """Texts go on in the next line of their cell; addresses do not, because only programs read them."""
        if text.startswith(_ADDRESSES):
            return self._address
        return self._quoted if begins_like_formula(text) else self._plain

    def write_row(self, page: "Worksheet", at: int, cells: Iterable[Any]) -> None:
        """Writes numbers, dates and texts; a cell of None stays empty."""
        for column, cell in enumerate(cells):
            if isinstance(cell, str):
                page.write_string(at, column, cell, self._text_format(cell))
            elif isinstance(cell, DateCell):
                page.write_number(at, column, cell.serial, self._dates[cell.pattern])
            elif cell is not None:
                page.write_number(at, column, cell)


def read_csv_rows(data: bytes) -> Iterator[list[str]]:
    """Rows of a text file with commas or tabs, in any encoding of `decode_text`. Raises InvalidInput."""
    return read_text_rows(decode_text(data))


def decode_text(data: bytes) -> str:
    """The text of a file in UTF-8, as our own ledger, in UTF-16 with its mark, or in GB 18030. Raises InvalidInput."""
    encodings = ("utf-16",) if data.startswith(_UTF_16_MARKS) else _ENCODINGS
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidInput(("file", UNREADABLE))


def read_text_rows(text: str) -> Iterator[list[str]]:
    """The rows of a text. The last line of our own older ledgers, their proof, is an empty row. Raises InvalidInput."""
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=_find_delimiter(text)):
            yield [] if is_proof_row(row) else [_unescape_formula(cell) for cell in row]
    except csv.Error as error:
        raise InvalidInput(("file", UNREADABLE)) from error


def _find_delimiter(text: str) -> str:
    """A tab, where the first line with a tab or a comma outside of quotes has no comma; else a comma."""
    for line in _QUOTED.sub("", text[:_HEAD_CHARACTERS]).splitlines():
        if "\t" in line or "," in line:
            return "," if "," in line else "\t"
    return ","


def is_proof_row(cells: Sequence[Any]) -> bool:
    """Tells the line with the proof of a ledger: `#`, the number of lines, and a digest."""
    if not cells or cells[0] != "#":
        return False
    proof = [cell for cell in cells if cell not in (None, "")]
    return len(proof) == _PROOF_CELLS and str(proof[-1]).startswith("sha256:")


def _unescape_formula(cell: str) -> str:
    """Removes the apostrophe that `escape_formula` adds."""
    return cell[1:] if cell.startswith("'") and begins_like_formula(cell) else cell
