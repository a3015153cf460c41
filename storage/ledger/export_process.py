"""A process that writes a ledger to standard output, which is a file; the order comes from standard input.

So a slow download does not hold a database snapshot open, and requests do not wait for the interpreter.
"""

import hashlib
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from inspections.ledger.exports import ExportForm
from inspections.ledger.layout import LedgerColumn
from inspections.ledger.selection import Selection
from storage.engine.connections import reading_engine
from storage.ledger.row_columns import PHOTO_FIELDS
from storage.ledger.rows import LedgerRows, count_lines, read_layout, read_ledger
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

    `now`: the instant at which 逾期 is decided. `proof`: a CSV file ends with the number of its lines and its digest.
    `tells`: write progress to standard error, as lines of two numbers: lines done and lines in all.
    """

    url: str
    form: ExportForm
    selection: Selection
    now: datetime
    pictures: PhotoLocation | None = None
    tells: bool = False
    proof: bool = False


MAX_PICTURE_LINES = 5_000
"""The most lines of a ledger with thumbnails."""
EXIT_TOO_MANY_LINES = 3
"""The exit status for more lines than that."""


def main() -> None:
    """Exit status 0: the file is complete. The last line of standard error is then the number of its lines."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=ExportOrder)
    apply_limits(WRITING)
    engine = reading_engine(order.url)
    with engine.connect() as connection, connection.begin():
        total = count_lines(connection, order.selection) if order.tells or order.pictures else 0
        if order.pictures and total > MAX_PICTURE_LINES:
            sys.exit(EXIT_TOO_MANY_LINES)
        ledger = read_ledger(connection, order.selection, _choose_columns(connection, order), order.now)
        if order.tells:
            ledger = ledger._replace(lines=_report_progress(ledger.lines, total))
        written = _write_file(order, ledger, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        _write_progress(written, written)
    engine.dispose()


def _choose_columns(connection: Connection, order: ExportOrder) -> tuple[LedgerColumn, ...]:
    """The columns of the office, and those of the photos where thumbnails are made of them."""
    columns = read_layout(connection)
    if order.pictures is None:
        return columns
    chosen = {column.field for column in columns}
    return (*columns, *(LedgerColumn(field) for field in PHOTO_FIELDS if field not in chosen))


def _report_progress(rows: Iterator[list[Any]], total: int) -> Iterator[list[Any]]:
    for done, row in enumerate(rows):
        if done % _AT_ONCE == 0:
            _write_progress(done, total)
        yield row
    _write_progress(total, total)


def _write_progress(done: int, total: int) -> None:
    sys.stderr.write(f"{done} {total}\n")
    sys.stderr.flush()


def _write_file(order: ExportOrder, ledger: LedgerRows, file: BinaryIO) -> int:
    """Writes the file and returns the number of lines below its titles."""
    if order.form is ExportForm.CSV:
        return write_csv(ledger, file, proof=order.proof)
    if order.pictures is None:
        return write_xlsx(ledger, file)
    from storage.ledger.thumbnails import Thumbnails  # noqa: PLC0415  # as the next
    from storage.photos.store import open_photo_store  # noqa: PLC0415  # most ledgers have no thumbnails

    store = open_photo_store(order.pictures.place, Path(order.pictures.scratch))
    with Thumbnails(store, ledger.photo_columns, len(ledger.titles)) as thumbnails:
        return write_xlsx(ledger, file, thumbnails)


def write_csv(ledger: LedgerRows, file: BinaryIO, *, proof: bool = False) -> int:
    """Writes RFC 4180 with a byte order mark; returns the number of lines.

    With `proof` the last line has `#`, the number of lines, and `sha256:` with the digest of all bytes before it.
    """
    written, digest = 0, hashlib.sha256()

    def write(data: bytes) -> None:
        digest.update(data)
        file.write(data)

    write((BOM + csv_text([ledger.titles])).encode())
    for batch in _batches(ledger.lines):
        write(csv_text(batch).encode())
        written += len(batch)
    if proof:
        file.write(csv_text([["#", written, f"sha256:{digest.hexdigest()}"]]).encode())
    return written


def _batches(rows: Iterator[list[Any]]) -> Iterator[list[list[Any]]]:
    batch: list[list[Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


SHEET_NAME = "隐患台账"
_WIDTHS = {
    **dict.fromkeys(("上报时间", "发现时间", "受理时间", "整改期限", "提交整改时间", "复查时间"), 17),
    **dict.fromkeys(("编号", "责任主体", "督办", "延期"), 18),
    **dict.fromkeys(("上报人", "检查人", "受理人", "责任人", "复查人"), 20),
    **dict.fromkeys(("社区", "地点", "复查意见", "整改措施", "备注"), 24),
    **dict.fromkeys(("坐标", "类别", "隐患描述", "整改前照片", "整改后照片"), 36),
}


def write_xlsx(ledger: LedgerRows, file: BinaryIO, thumbnails: "Thumbnails | None" = None) -> int:
    """Writes as many worksheets as needed, one row in memory at a time; returns the number of lines."""
    titles = [*ledger.titles, *(thumbnails.titles if thumbnails else ())]
    written, pages = 0, 0
    with TextWorkbook(file, constant_memory=True) as book:
        page, at = None, 0
        for row in ledger.lines:
            if page is None or at == XLSX_ROWS:
                if page is not None:
                    book.add_filter(page, at, len(titles))
                pages += 1
                page, at = book.add_page(titles, _page_name(pages), _WIDTHS), 0
            at += 1
            written += 1
            if thumbnails:
                thumbnails.insert(page, at, row)
            book.write_row(page, at, row)
        if page is None:
            page = book.add_page(titles, _page_name(1), _WIDTHS)
        book.add_filter(page, at, len(titles))
    return written


def _page_name(number: int) -> str:
    return SHEET_NAME if number == 1 else f"{SHEET_NAME}（{number}）"


if __name__ == "__main__":
    try:
        main()
    except MemoryError:
        sys.exit(EXIT_OVER_LIMIT)
