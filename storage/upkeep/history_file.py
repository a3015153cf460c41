"""Exports all histories to one file, and checks such a file without the database that it came from.

The format is JSON, one record a line: `{"is": "hazard"}` with a hazard's state and history length, then
`{"is": "line"}` for each of its history lines; `{"is": "end"}` closes the file. Hazards are in the order of their ids.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from inspections.hazards.history import HistorySummary
from inspections.hazards.records import HistoryEntry
from storage.database import Database
from storage.engine.findings import Finding
from storage.photos.folder_store import flush_folder
from storage.upkeep import histories
from storage.upkeep.histories import History, LineDigests
from storage.upkeep.history_digests import check_digests

ProgressCallback = Callable[[int, int], None]
"""A callback that receives the progress: (done, total)."""


class _Heading(HistorySummary, frozen=True, forbid_unknown_fields=True, tag_field="is", tag="hazard"):
    pass


class _Line(HistoryEntry, frozen=True, forbid_unknown_fields=True, tag_field="is", tag="line"):
    pass


class _End(Struct, frozen=True, forbid_unknown_fields=True, tag_field="is", tag="end"):
    hazards: int
    lines: int


_decode = msgspec.json.Decoder(_Heading | _Line | _End).decode


def export_histories(database: Database, target: Path, advance: ProgressCallback) -> _End:
    """Writes `target`, which gets its name only when it is complete; returns the number of hazards and lines."""
    part = target.with_name(f"{target.name}.part")
    total, hazards, lines = histories.count_histories(database), 0, 0
    with part.open("wb") as file:
        for hazards, history in enumerate(histories.read_histories(database), 1):
            lines += len(history.lines)
            file.write(msgspec.json.encode(_Heading(*astuple(history.heading))) + b"\n")
            file.writelines(msgspec.json.encode(_Line(*astuple(line))) + b"\n" for line in history.lines)
            advance(hazards, max(total, hazards))
        end = _End(hazards, lines)
        file.write(msgspec.json.encode(end) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(target)
    flush_folder(target.absolute().parent)
    return end


def check_export(source: Path, digests: Path | None, advance: ProgressCallback) -> Iterator[Finding]:
    """Yields all findings in an exported file and, if given, in the daily digests; `advance` counts bytes."""
    with closing(sqlite3.connect("")) as seen:  # a temporary file, deleted when it is closed
        seen.execute("create table seen (hazard, number, seq, digest, primary key (hazard, seq)) without rowid")
        for history in _read_histories(source, advance):
            if isinstance(history, Finding):
                yield history
                continue
            number = history.heading.number
            yield from (Finding(what, f"{number}: {where}") for what, where in history.breaks())
            if digests is not None:
                rows = [(history.heading.hazard.bytes, number, each.seq, each.digest) for each in history.lines]
                seen.executemany("insert or ignore into seen values (?, ?, ?, ?)", rows)
        if digests is not None:
            yield from check_digests(digests, lambda ids: _load_exported_digests(seen, ids))


def _load_exported_digests(seen: sqlite3.Connection, ids: Sequence[UUID]) -> LineDigests:
    found: LineDigests = {}
    for hazard in ids:
        for number, seq, digest in seen.execute(
            "select number, seq, digest from seen where hazard = ?", [hazard.bytes]
        ):
            found.setdefault(hazard, (number, {}))[1][seq] = digest
    return found


def _read_histories(source: Path, advance: ProgressCallback) -> Iterator[History | Finding]:
    """Reads the histories of the file, and yields a finding for each record that belongs to none."""
    history: History | None = None
    hazards, lines, end = 0, 0, _End(-1, -1)
    for at, record in enumerate(_read_records(source, advance), 1):
        match record:
            case _Line() if history is not None and end.hazards < 0:
                history.lines.append(record)
                lines += 1
            case _Heading() if end.hazards < 0 and (history is None or record.hazard > history.heading.hazard):
                if history is not None:
                    yield history
                history = History(record, [], [])
                hazards += 1
            case _End() if end.hazards < 0:
                end = record
            case _:
                yield Finding("record is not in its place, or cannot be read", f"record {at} of the file")
    if history is not None:
        yield history
    if (end.hazards, end.lines) != (hazards, lines):
        yield Finding("file is not whole", f"{hazards} hazards, {lines} lines")


def _read_records(source: Path, advance: ProgressCallback) -> Iterator[_Heading | _Line | _End | None]:
    """Reads the records of the file; None stands for one that cannot be decoded."""
    size, done = source.stat().st_size, 0
    with source.open("rb") as file:
        for at, raw in enumerate(file):
            done += len(raw)
            try:
                yield _decode(raw)
            except (ValueError, RecursionError):
                yield None
            if at % 1000 == 0:
                advance(done, size)
    advance(size, size)
