"""Writes the ledger to its standard output, a file, in a process of its own, told what by standard input.

Nobody who reads it holds the database's snapshot at his own pace, and requests do not wait for the interpreter.
"""
# xlsxwriter names the types of some of its parameters only:
# pyright: reportUnknownMemberType=false

import csv
import hashlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import msgspec
import xlsxwriter
from msgspec import Struct
from sqlalchemy import Connection

from storage.cells import BOM, plain
from storage.database import reading_engine
from storage.ledger import FREE, TITLES, Selection, lines

_AT_ONCE = 1000
XLSX_ROWS = 1_048_575
"""Of a worksheet, without its head: ECMA-376 has 1,048,576."""


class Order(Struct, frozen=True):
    """`url`: of the database. `form`: csv or xlsx."""

    url: str
    form: str
    selection: Selection


def main() -> None:
    """Exit status 0: the file is whole. A CSV says so itself, in its last line."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    os.nice(10)
    engine = reading_engine(order.url)
    with engine.connect() as connection, connection.begin():
        write = write_csv if order.form == "csv" else write_xlsx
        write(connection, order.selection, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    engine.dispose()


def write_csv(connection: Connection, selection: Selection, file: BinaryIO) -> None:
    """RFC 4180 with a byte order mark. Last come the number of lines and a digest of all bytes before."""
    written, digest = 0, hashlib.sha256()

    def write(data: bytes) -> None:
        digest.update(data)
        file.write(data)
        file.flush()  # whoever sends it on reads beside us

    write((BOM + _csv([TITLES])).encode())
    for batch in _batches(lines(connection, selection)):
        write(_csv(batch).encode())
        written += len(batch)
    file.write(_csv([["#", written, f"sha256:{digest.hexdigest()}"]]).encode())


def _csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _batches(rows: Iterator[list[object]]) -> Iterator[list[list[object]]]:
    batch: list[list[object]] = []
    for row in rows:
        for at in FREE:
            row[at] = plain(row[at])
        batch.append(row)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def write_xlsx(connection: Connection, selection: Selection, file: BinaryIO) -> None:
    """As many worksheets as it takes; a row at a time in memory. Text stays text: no formula, no link."""
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(file, options) as book:
        bold = book.add_format({"bold": True})
        page, at = None, 0
        for row in lines(connection, selection):
            if page is None or at == XLSX_ROWS:
                page, at = _new_page(book, bold), 0
            at += 1
            page.write_row(at, 0, row)
        if page is None:
            _new_page(book, bold)


def _new_page(book: xlsxwriter.Workbook, bold: Any) -> Any:
    page = book.add_worksheet()
    page.write_row(0, 0, TITLES, bold)
    page.freeze_panes(1, 0)
    return page


if __name__ == "__main__":
    main()
