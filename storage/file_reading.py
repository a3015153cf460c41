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

from inspections.errors import Invalid, TooCostly
from inspections.ledger.legacy_import import Names, Understood, understood
from inspections.monitoring import device_import
from inspections.monitoring.device_import import MonitorList
from inspections.places.community_import import Gazetteer, of_map, of_table
from inspections.places.coordinates import Crs
from storage.ledger.cells import csv_rows
from storage.ledger.import_process import sheets
from storage.process_limits import READING, TOO_MUCH, keep_within

T = TypeVar("T")


class OldLedger(Struct, frozen=True, tag=True):
    """Orders to parse an old ledger, as a spreadsheet or CSV."""

    names: Names
    now: datetime


class Communities(Struct, frozen=True, tag=True):
    """Orders to parse communities, as GeoJSON with coordinates in `crs`, or as CSV."""

    crs: Crs


class Devices(Struct, frozen=True, tag=True):
    """Orders to parse devices as CSV. `communities`: codes by name and by code."""

    communities: dict[str, str]


Order = OldLedger | Communities | Devices


class Read(Struct, Generic[T], frozen=True):
    """The parsed content, or errors of the file as a whole, by field."""

    said: T | None = None
    errors: list[tuple[str, str]] = []


def main() -> None:
    keep_within(READING)
    try:
        order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
        answer = msgspec.json.encode(_read(order, sys.stdin.buffer.read()))
    except (MemoryError, TooCostly):
        os._exit(TOO_MUCH)
    sys.stdout.buffer.write(answer)


def _read(order: Order, data: bytes) -> Read[Understood | Gazetteer | MonitorList]:
    try:
        return Read(_understand(order, data))
    except TooCostly:
        raise
    except Invalid as error:
        return Read(errors=[(field, words) for field, words in error.facts["errors"]])


def _understand(order: Order, data: bytes) -> Understood | Gazetteer | MonitorList:
    match order:
        case OldLedger(names, now):
            return understood(list(sheets(data)), names, now)
        case Communities(crs):
            return of_map(data, crs) if data.lstrip()[:1] == b"{" else of_table(csv_rows(data))
        case Devices(communities):
            return device_import.of_table(csv_rows(data), communities)


if __name__ == "__main__":
    main()
