"""A process that writes a ledger to standard output, which is a file; the order comes from standard input.

So a slow download does not hold a database snapshot open, and requests do not wait for the interpreter.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import msgspec
from msgspec import Struct

from inspections.ledger.exports import ExportForm
from inspections.ledger.selection import Selection
from storage.engine.connections import reading_engine
from storage.ledger.rows import TITLES, count_lines, read_lines
from storage.ledger.spreadsheet_cells import BOM, TextWorkbook, csv_text
from storage.process_limits import EXIT_OVER_LIMIT, WRITING, apply_limits

if TYPE_CHECKING:
    from storage.ledger.thumbnails import Thumbnails

_AT_ONCE = 500
XLSX_ROWS = 1_048_575
"""Rows of a worksheet below the titles: ECMA-376 allows 1,048,576 in all."""


class PhotoLocation(NamedTuple):
    """The place of the photos: the arguments of open_photos."""

    place: str
    scratch: str


class ExportOrder(Struct, frozen=True):
    """An export to write. `url`: of the database. `pictures`: the place of the photos, if the workbook gets thumbnails.

    `tells`: write progress to standard error, as lines of two numbers: lines done and lines in all.
    """

    url: str
    form: ExportForm
    selection: Selection
    pictures: PhotoLocation | None = None
    tells: bool = False


MAX_PICTURE_LINES = 5_000
"""The most lines of a ledger with thumbnails."""
EXIT_TOO_MANY_LINES = 3
"""The exit status for more lines than that."""


def main() -> None:
    """Exit status 0: the file is complete. A CSV file also proves that by its last line."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=ExportOrder)
    apply_limits(WRITING)
    engine = reading_engine(order.url)
    with engine.connect() as connection, connection.begin():
        total = count_lines(connection, order.selection) if order.tells or order.pictures else 0
        if order.pictures and total > MAX_PICTURE_LINES:
            sys.exit(EXIT_TOO_MANY_LINES)
        rows = read_lines(connection, order.selection)
        _write_file(order, _report_progress(rows, total) if order.tells else rows, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    engine.dispose()


def _report_progress(rows: Iterator[list[Any]], total: int) -> Iterator[list[Any]]:
    for done, row in enumerate(rows):
        if done % _AT_ONCE == 0:
            _write_progress(done, total)
        yield row
    _write_progress(total, total)


def _write_progress(done: int, total: int) -> None:
    sys.stderr.write(f"{done} {total}\n")
    sys.stderr.flush()


def _write_file(order: ExportOrder, rows: Iterator[list[Any]], file: BinaryIO) -> None:
    if order.form is ExportForm.CSV:
        write_csv(rows, file)
    elif order.pictures is None:
        write_xlsx(rows, file)
    else:
        from storage.ledger.thumbnails import Thumbnails  # noqa: PLC0415  # as the next
        from storage.photos.store import open_photo_store  # noqa: PLC0415  # most ledgers have no thumbnails

        with Thumbnails(open_photo_store(order.pictures.place, Path(order.pictures.scratch))) as thumbnails:
            write_xlsx(rows, file, thumbnails)


def write_csv(rows: Iterator[list[Any]], file: BinaryIO) -> None:
    """Writes RFC 4180 with a byte order mark. The last line has the number of lines and a digest of all other bytes."""
    written, digest = 0, hashlib.sha256()

    def write(data: bytes) -> None:
        digest.update(data)
        file.write(data)
        file.flush()  # the server reads the file while we write it

    write((BOM + csv_text([TITLES])).encode())
    for batch in _batches(rows):
        write(csv_text(batch).encode())
        written += len(batch)
    file.write(csv_text([["#", written, f"sha256:{digest.hexdigest()}"]]).encode())


def _batches(rows: Iterator[list[Any]]) -> Iterator[list[list[Any]]]:
    batch: list[list[Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def write_xlsx(rows: Iterator[list[Any]], file: BinaryIO, thumbnails: "Thumbnails | None" = None) -> None:
    """Writes as many worksheets as needed, one row in memory at a time."""
    titles = [*TITLES, *(thumbnails.titles if thumbnails else ())]
    with TextWorkbook(file, constant_memory=True) as book:
        page, at = None, 0
        for row in rows:
            if page is None or at == XLSX_ROWS:
                page, at = book.add_page(titles), 0
            at += 1
            if thumbnails:
                thumbnails.insert(page, at, row)
            book.write_row(page, at, row)
        if page is None:
            book.add_page(titles)


if __name__ == "__main__":
    try:
        main()
    except MemoryError:
        sys.exit(EXIT_OVER_LIMIT)
