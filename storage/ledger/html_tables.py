"""Tables of an HTML page that is called .xls, as many office systems export them."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from inspections.errors import FileTooComplex
from storage.ledger.merged_cells import Span, fill_span

_TABLE = re.compile(r"<table\b", re.IGNORECASE)
_SPACES = re.compile(r"\s+")
_MAX_COLUMNS, _MAX_ROWS = 1_000, 200_000


def is_html_table(text: str) -> bool:
    return text.lstrip("\ufeff \t\r\n").startswith("<") and _TABLE.search(text) is not None


def read_html_tables(text: str) -> Iterator[list[list[Any]]]:
    """The rows of each table; `rowspan` and `colspan` make merged cells. Raises FileTooComplex."""
    parser = _TableParser()
    parser.feed(text)
    parser.close()
    yield from parser.tables


class _TableParser(HTMLParser):
    """Collects the cells of all tables. A table within a table is part of the outer cell's row, as one text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[Any]]] = []
        self._spans: list[Span] = []
        self._held: dict[Span, Any] = {}
        self._depth = 0
        self._row: list[Any] | None = None
        self._words: list[str] | None = None
        self._size = (1, 1)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._depth += 1
            if self._depth == 1:
                self.tables.append([])
                self._spans, self._held = [], {}
        elif self._depth != 1:
            return
        elif tag == "tr":
            self._end_row()
            self._row = []
        elif tag in {"td", "th"}:
            self._end_cell()
            self._row = [] if self._row is None else self._row
            self._words = []
            named = dict(attrs)
            self._size = _read_size(named.get("rowspan")), _read_size(named.get("colspan"))
        elif tag == "br" and self._words is not None:
            self._words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            if self._depth == 1:
                self._end_row()
            self._depth = max(0, self._depth - 1)
        elif self._depth != 1:
            return
        elif tag == "tr":
            self._end_row()
        elif tag in {"td", "th"}:
            self._end_cell()

    def handle_data(self, data: str) -> None:
        if self._words is not None:
            self._words.append(data)

    def close(self) -> None:
        super().close()
        if self._depth:
            self._end_row()

    def _end_cell(self) -> None:
        if self._words is None or self._row is None:
            return
        at, (rows, columns) = len(self.tables[-1]), self._size
        self._skip_spanned_cells(at)
        if rows > 1 or columns > 1:
            left = len(self._row)
            self._spans.append(Span(at, left, at + rows - 1, left + columns - 1))
        self._row.append(_SPACES.sub(" ", "".join(self._words)).strip())
        self._row += [""] * (columns - 1)
        if len(self._row) > _MAX_COLUMNS:
            raise FileTooComplex
        self._words = None

    def _skip_spanned_cells(self, at: int) -> None:
        """Leaves room for the cells that merged cells of earlier rows span."""
        row = self._row or []
        going_on = [span for span in self._spans if span.top < at <= span.bottom]
        while found := [span for span in going_on if span.left <= len(row) <= span.right]:
            row += [""] * (found[0].right + 1 - len(row))

    def _end_row(self) -> None:
        self._end_cell()
        if self._row is None:
            return
        table, row = self.tables[-1], self._row
        at = len(table)
        self._spans = [span for span in self._spans if span.bottom >= at]
        self._skip_spanned_cells(at)
        for span in self._spans:
            fill_span(row, span, at, self._held)
        table.append(row)
        if len(table) > _MAX_ROWS:
            raise FileTooComplex
        self._row = None


def _read_size(text: str | None) -> int:
    """The rows or columns that a cell spans, 1 where that is not said in digits."""
    return min(max(int(text), 1), _MAX_ROWS) if text and text.isascii() and text.isdigit() and len(text) < 10 else 1  # noqa: PLR2004  # nine digits
