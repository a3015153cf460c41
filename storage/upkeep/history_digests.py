"""The heads of all histories, kept outside the database: a file a day, each chained to the one before it.

Who can write to the database can write a whole chain anew, or cut off its end; what these files say of it they cannot
change where the files are kept. The first line is a JSON object (`Opening`), then comes a line for every hazard whose
history grew: its id, the length of its history, the digest of the last line.
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

from inspections.field_types import Moment
from storage.database import Database
from storage.engine.findings import Finding
from storage.engine.unit_of_work import UnitOfWork
from storage.hazards.tables import hazards
from storage.photos.folder_store import flush_folder
from storage.upkeep.histories import Kept

_OVERLAP = timedelta(hours=1)
"""What was committed late, or by a clock that is a little behind, comes into the next file; twice does no harm."""
_LINES_AT_ONCE = 500
_ALTERED = "digest is not what was written"


class Opening(Struct, frozen=True, forbid_unknown_fields=True):
    """`until`: everything that was committed before is in this file or in those before it."""

    day: date
    until: Moment
    previous: str | None
    hazards: int


class Digest(NamedTuple):
    """A file that was written: its own digest, to be announced where nobody can take it back."""

    path: Path
    sha256: str
    hazards: int


class _Head(NamedTuple):
    hazard: UUID
    length: int
    digest: str


def due(folder: Path, day: date) -> bool:
    """Whether the file of this day is still to be written: neither it nor a later one is there."""
    last = next(reversed(_files(folder)), None)
    return last is None or last.stem < day.isoformat()


def write_digest(database: Database, folder: Path, day: date, now: datetime) -> Digest:
    """Writes the file of `day`, with all that grew since the last one, however long ago that was. Blocks.

    It has its name only when it is whole and on the disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{day.isoformat()}.txt"
    part = path.with_suffix(".part")
    last = next(reversed(_files(folder)), None)
    previous = None if last is None else _sha256(last)
    number = database.ask(
        lambda repository: _write(repository, part, _grown_since(last), Opening(day, now, previous, 0))
    )
    part.replace(path)
    flush_folder(folder)
    return Digest(path, _sha256(path), number)


def _grown_since(last: Path | None) -> ColumnElement[bool]:
    """Everything, where there is no file before or nobody can read it."""
    with suppress(ValueError):
        return true() if last is None else hazards.c.updated_at >= _opening(last).until - _OVERLAP
    return true()


def _write(repository: UnitOfWork, part: Path, grown: ColumnElement[bool], opening: Opening) -> int:
    """From one snapshot; answers of how many hazards."""
    number: int = repository.rows(select(func.count()).select_from(hazards).where(grown))[0][0]
    query = select(hazards.c.id, hazards.c.history_length, hazards.c.history_head).where(grown).order_by(hazards.c.id)
    with part.open("wb") as file:
        file.write(msgspec.json.encode(replace(opening, hazards=number)) + b"\n")
        for hazard, length, head in repository.stream(query):
            file.write(f"{hazard} {length} {head}\n".encode())
        file.flush()
        os.fsync(file.fileno())
    return number


def check_digests(folder: Path, kept: Callable[[Sequence[UUID]], Kept]) -> Iterator[Finding]:
    """Whether the files follow each other, and whether every history still goes through the heads that they name.

    `kept`: what is there now of some hazards.
    """
    previous: str | None = None
    for path in _files(folder):
        try:
            yield from _check(path, previous, kept)
        except ValueError:
            yield Finding(_ALTERED, path.name)
        previous = _sha256(path)


def _check(path: Path, previous: str | None, kept: Callable[[Sequence[UUID]], Kept]) -> Iterator[Finding]:
    """Raises ValueError for what is no line of a digest."""
    opening = _opening(path)
    if opening.previous != previous:
        yield Finding("digest does not follow the one before it", path.name)
    number = 0
    with path.open("rb") as file:
        next(file)
        while heads := [_head(line) for line in islice(file, _LINES_AT_ONCE)]:
            number += len(heads)
            there = kept([head.hazard for head in heads])
            yield from _gone(heads, there, path.stem)
    if (number, path.stem) != (opening.hazards, opening.day.isoformat()):
        yield Finding(_ALTERED, path.name)


def _gone(heads: list[_Head], there: Kept, day: str) -> Iterator[Finding]:
    for hazard, length, digest in heads:
        number, digests = there.get(hazard, (str(hazard), {}))
        if digests.get(length) != digest:
            yield Finding("history is not the one that was announced", f"{number}: line {length}, digest of {day}")


def _opening(path: Path) -> Opening:
    """Raises ValueError."""
    with path.open("rb") as file:
        return msgspec.json.decode(file.readline(), type=Opening)


def _head(line: bytes) -> _Head:
    """Raises ValueError."""
    hazard, length, digest = line.decode().split()
    return _Head(UUID(hazard), int(length), digest)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("????-??-??.txt"))


def _sha256(path: Path) -> str:
    made = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            made.update(piece)
    return f"sha256:{made.hexdigest()}"
