"""Reads an old ledger from its standard input, in a process of its own: whatever a file does to it, requests go on."""

import io
import os
import resource
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from inspections.errors import Invalid
from inspections.old_ledger import LINES, Names, Sheet, Understood, is_head, title, understood
from storage.cells import UNREADABLE, csv_rows

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""Zip (XLSX, ODS) and the compound files of XLS: ECMA-376, [MS-CFB]."""
_LOOKED_AT = 30
"""Rows above which the titles stand, if anywhere."""
_MEMORY_BYTES = 2 << 30
_CPU_SECONDS = 60
_CELL_CHARACTERS = 20_000


class Order(Struct, frozen=True):
    """Stands on the first line; the file follows it."""

    names: Names
    now: datetime


class Read(Struct, frozen=True):
    """What was understood; or what is wrong with the file as a whole."""

    said: Understood | None = None
    errors: list[tuple[str, str]] = []


def main() -> None:
    """A file that makes it fail, or take more than it may, ends it without an answer."""
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(read(sys.stdin.buffer.read(), order.names, order.now)))


def read(data: bytes, names: Names, now: datetime) -> Read:
    try:
        return Read(understood(list(sheets(data)), names, now))
    except Invalid as error:
        return Read(errors=[(field, words) for field, words in error.facts["errors"]])


def sheets(data: bytes) -> Iterator[Sheet]:
    """Every table with titles that we know; of those without there is nothing to say. Raises Invalid."""
    if not data.startswith(_WORKBOOKS):
        found = _sheet("", csv_rows(data))
        if found:
            yield found
        return
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415  # the server itself reads none

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        pages = [book.get_sheet_by_name(name) for name in book.sheet_names]
        several = len(pages) > 1
        for page in pages:
            if found := _sheet(f"{page.name}!" if several else "", _filled(page)):
                yield found
    except (CalamineError, ValueError, OSError) as error:
        raise Invalid(("file", UNREADABLE)) from error


def _filled(page: "CalamineSheet") -> Iterator[list[Any]]:
    """The rows, a merged cell's value in each cell that it spans. A formula is what it came to when it was saved."""
    merged: dict[int, list[tuple[int, int, int, int]]] = {}
    for (top, left), (bottom, right) in page.merged_cell_ranges or ():
        for at in range(top, min(bottom, top + LINES) + 1):
            merged.setdefault(at, []).append((top, left, bottom, right))
    held: dict[tuple[int, int], Any] = {}
    left_out: list[Any] = [""] * (page.start[1] if page.start else 0)
    for at, row in enumerate(page.iter_rows()):  # a row at a time: who reads them stops where there are too many
        cells = [*left_out, *row]
        for top, left, _, right in merged.get(at, ()):
            if at == top:
                held[top, left] = cells[left] if left < len(cells) else None
            for column in range(left, min(right + 1, len(cells))):
                cells[column] = held.get((top, left))
        yield cells


def _sheet(name: str, rows: Iterable[list[Any]]) -> Sheet | None:
    titles: list[str] | None = None
    lines: list[tuple[str, list[Any]]] = []
    for at, cells in enumerate(rows, 1):
        if titles is None:
            if is_head(cells):
                titles = [title(cell) for cell in cells]
            elif at == _LOOKED_AT:
                return None
        elif any(cell not in (None, "") for cell in cells):
            lines.append((f"{name}{at}", [_bounded(cell) for cell in cells]))
            if len(lines) > LINES:
                break
    return Sheet(titles, lines) if titles is not None else None


def _bounded(cell: Any) -> Any:
    return cell[:_CELL_CHARACTERS] if isinstance(cell, str) else cell


if __name__ == "__main__":
    main()
