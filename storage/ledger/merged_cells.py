"""Merged cells of a sheet: their ranges, and the cells that they span."""

from typing import Any, NamedTuple

from inspections.ledger.cells import MergedCell, column_letters


class Span(NamedTuple):
    """The range of a merged cell: rows and columns from 0, all included."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def name(self) -> str:
        """The range as the spreadsheet names it, such as `H2:H4`."""
        return f"{column_letters(self.left)}{self.top + 1}:{column_letters(self.right)}{self.bottom + 1}"


def fill_span(cells: list[Any], span: Span, at: int, held: dict[Span, Any]) -> None:
    """Replaces those cells of row `at` that a merged cell spans. `held`: the values of merged cells that go on."""
    if at == span.top:
        held[span] = cells[span.left] if span.left < len(cells) else None
    value = held.get(span)
    name, several = span.name, span.bottom > span.top
    for column in range(span.left, min(span.right + 1, len(cells))):
        cells[column] = MergedCell(value, name, at > span.top, column > span.left, several)
