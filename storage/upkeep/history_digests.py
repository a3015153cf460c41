"""Daily files, outside the database, with the heads of all histories; each file is chained to the one before it.

Somebody with write access to the database can rewrite a whole chain or cut off its end, but not change these files on
another machine. The first line is a JSON object (`DigestHeader`). Then each hazard whose history grew has a line: its
id, the length of its history, and the digest of its last line.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, func, select, true

from inspections.field_types import AwareDatetime
from storage.database import Database
from storage.engine.findings import Finding
from storage.engine.unit_of_work import UnitOfWork
from storage.hazards.tables import hazards
from storage.photos.folder_store import flush_folder
from storage.upkeep.histories import LineDigests

_OVERLAP = timedelta(hours=1)
"""Overlap of consecutive files, for late commits and clocks slightly behind; a repeated head does no harm."""
_LINES_AT_ONCE = 500
_ALTERED = "digest is not what was written"


class DigestHeader(Struct, frozen=True, forbid_unknown_fields=True):
    """The first line of a digest file. `until`: all earlier commits are in this file or in those before it."""

    day: date
    until: AwareDatetime
    previous: str | None
    hazards: int


class DigestFile(NamedTuple):
    """A written digest file and its own SHA-256, which is announced outside the database."""

    path: Path
    sha256: str
    hazards: int


class _Head(NamedTuple):
    hazard: UUID
    length: int
    digest: str


def is_digest_due(folder: Path, day: date) -> bool:
    """Whether the file of this day still has to be written: neither it nor a later one exists."""
    last = next(reversed(_digest_files(folder)), None)
    return last is None or last.stem < day.isoformat()


def write_digest(database: Database, folder: Path, day: date, now: datetime) -> DigestFile:
    """Writes the file of `day` with all histories that grew since the last file, however old that is. Blocks.

    The file gets its name only when it is complete and on the disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{day.isoformat()}.txt"
    part = path.with_suffix(".part")
    last = next(reversed(_digest_files(folder)), None)
    previous = None if last is None else _sha256(last)
    number = database.read_sync(
        lambda repository: _write_heads(repository, part, _growth_clause(last), DigestHeader(day, now, previous, 0))
    )
    part.replace(path)
    flush_folder(folder)
    return DigestFile(path, _sha256(path), number)


def _growth_clause(last: Path | None) -> ColumnElement[bool]:
    """Selects hazards changed since the last file, or all of them if there is no readable last file."""
    with suppress(ValueError):
        return true() if last is None else hazards.c.updated_at >= _read_header(last).until - _OVERLAP
    return true()


def _write_heads(repository: UnitOfWork, part: Path, grown: ColumnElement[bool], opening: DigestHeader) -> int:
    """Writes the heads of one snapshot; returns the number of hazards."""
    number: int = repository.rows(select(func.count()).select_from(hazards).where(grown))[0][0]
    query = select(hazards.c.id, hazards.c.history_length, hazards.c.history_head).where(grown).order_by(hazards.c.id)
    with part.open("wb") as file:
        file.write(msgspec.json.encode(replace(opening, hazards=number)) + b"\n")
        for hazard, length, head in repository.stream(query):
            file.write(f"{hazard} {length} {head}\n".encode())
        file.flush()
        os.fsync(file.fileno())
    return number


def check_digests(folder: Path, load_digests: Callable[[Sequence[UUID]], LineDigests]) -> Iterator[Finding]:
    """Checks that the files form a chain, and that every history still contains the heads they name.

    `load_digests`: loads the current digests of the given hazards.
    """
    previous: str | None = None
    for path in _digest_files(folder):
        try:
            yield from _check_file(path, previous, load_digests)
        except ValueError:
            yield Finding(_ALTERED, path.name)
        previous = _sha256(path)


def _check_file(
    path: Path, previous: str | None, load_digests: Callable[[Sequence[UUID]], LineDigests]
) -> Iterator[Finding]:
    """Checks one digest file. Raises ValueError for a malformed line."""
    opening = _read_header(path)
    if opening.previous != previous:
        yield Finding("digest does not follow the one before it", path.name)
    number = 0
    with path.open("rb") as file:
        next(file)
        while heads := [_parse_head(line) for line in islice(file, _LINES_AT_ONCE)]:
            number += len(heads)
            there = load_digests([head.hazard for head in heads])
            yield from _find_mismatches(heads, there, path.stem)
    if (number, path.stem) != (opening.hazards, opening.day.isoformat()):
        yield Finding(_ALTERED, path.name)


def _find_mismatches(heads: list[_Head], there: LineDigests, day: str) -> Iterator[Finding]:
    for hazard, length, digest in heads:
        number, digests = there.get(hazard, (str(hazard), {}))
        if digests.get(length) != digest:
            yield Finding("history is not the one that was announced", f"{number}: line {length}, digest of {day}")


def _read_header(path: Path) -> DigestHeader:
    """Reads the first line of a digest file. Raises ValueError."""
    with path.open("rb") as file:
        return msgspec.json.decode(file.readline(), type=DigestHeader)


def _parse_head(line: bytes) -> _Head:
    """Parses one line: hazard id, length, digest. Raises ValueError."""
    hazard, length, digest = line.decode().split()
    return _Head(UUID(hazard), int(length), digest)


def _digest_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("????-??-??.txt"))


def _sha256(path: Path) -> str:
    made = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            made.update(piece)
    return f"sha256:{made.hexdigest()}"
