"""Parses an uploaded file in a process of its own, since its content is untrusted.

Standard input has a `ReadOrder` on its first line, then the file. The whole `ReadResult` goes to standard output, or
nothing does.
"""

import os
import sys
from datetime import datetime
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from inspections.errors import FileTooComplex, InvalidInput
from inspections.ledger.choices import NameIndex
from inspections.ledger.columns import NO_OWN_TITLES, OwnTitles
from inspections.ledger.legacy_import import ParsedLedger, parse_ledger
from inspections.monitoring import device_import
from inspections.monitoring.device_import import MonitorImport
from inspections.places.community_import import ParsedCommunities, parse_community_map, parse_community_table
from inspections.places.coordinates import Crs
from storage.ledger.import_process import read_sheets
from storage.ledger.spreadsheet_cells import read_csv_rows
from storage.process_limits import EXIT_OVER_LIMIT, READING, apply_limits

T = TypeVar("T")


class LedgerOrder(Struct, frozen=True, tag=True):
    """Orders to parse an old ledger, as a spreadsheet or CSV. `own`: the office's titles of columns."""

    names: NameIndex
    now: datetime
    own: OwnTitles = NO_OWN_TITLES


class CommunitiesOrder(Struct, frozen=True, tag=True):
    """Orders to parse communities, as GeoJSON with coordinates in `crs`, or as CSV."""

    crs: Crs


class DevicesOrder(Struct, frozen=True, tag=True):
    """Orders to parse devices as CSV. `communities`: codes by name and by code."""

    communities: dict[str, str]


ReadOrder = LedgerOrder | CommunitiesOrder | DevicesOrder


class ReadResult(Struct, Generic[T], frozen=True):
    """The parsed content, or errors of the file as a whole, by field."""

    content: T | None = None
    errors: list[tuple[str, str]] = []


def main() -> None:
    apply_limits(READING)
    try:
        order = msgspec.json.decode(sys.stdin.buffer.readline(), type=ReadOrder)
        answer = msgspec.json.encode(_read_file(order, sys.stdin.buffer.read()))
    except (MemoryError, FileTooComplex):
        os._exit(EXIT_OVER_LIMIT)
    sys.stdout.buffer.write(answer)


def _read_file(order: ReadOrder, data: bytes) -> ReadResult[ParsedLedger | ParsedCommunities | MonitorImport]:
    try:
        return ReadResult(_parse_file(order, data))
    except FileTooComplex:
        raise
    except InvalidInput as error:
        return ReadResult(errors=[(field, words) for field, words in error.facts["errors"]])


def _parse_file(order: ReadOrder, data: bytes) -> ParsedLedger | ParsedCommunities | MonitorImport:
    match order:
        case LedgerOrder(names, now, own):
            return parse_ledger(list(read_sheets(data, own)), names, now, own)
        case CommunitiesOrder(crs):
            return (
                parse_community_map(data, crs)
                if data.lstrip()[:1] == b"{"
                else parse_community_table(read_csv_rows(data))
            )
        case DevicesOrder(communities):
            return device_import.parse_monitor_table(read_csv_rows(data), communities)


if __name__ == "__main__":
    main()
