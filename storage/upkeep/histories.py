"""Reads all histories for checks and exports, a batch of hazards at a time to limit memory.

Each batch is one snapshot, so a hazard and its lines are consistent even while the server writes.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, String, exists, func, select, true, type_coerce

from inspections.hazards.history import HistoryDefect, HistorySummary, find_history_defects
from inspections.hazards.records import HistoryEntry
from storage.database import Database
from storage.engine.unit_of_work import UnitOfWork
from storage.hazards.tables import entries, hazards

_HAZARDS_AT_ONCE = 500
_UNREADABLE = (ValueError, KeyError, TypeError, RecursionError)
"""Exceptions that our column types raise for values they cannot have written."""


class History(NamedTuple):
    """A hazard's history lines in order, and the numbers of lines that cannot be decoded."""

    heading: HistorySummary
    lines: list[HistoryEntry]
    unreadable: list[int]

    def breaks(self) -> Iterator[HistoryDefect]:
        yield from (HistoryDefect("line cannot be read", f"line {seq}") for seq in self.unreadable)
        yield from find_history_defects(self.heading, self.lines)


LineDigests = dict[UUID, tuple[str, dict[int, str]]]
"""By hazard id: the hazard's number, and the digest of each line by its sequence number."""


def read_histories(database: Database) -> Iterator[History]:
    """Reads the history of every hazard, in the order of hazard ids."""
    last: UUID | None = None
    while batch := database.read_sync(partial(_read_batch, after=last)):
        yield from batch
        last = batch[-1].heading.hazard


def count_histories(database: Database) -> int:
    return database.read_sync(lambda repository: repository.rows(select(func.count()).select_from(hazards)))[0][0]


def missing_hazards(database: Database) -> list[UUID]:
    """Ids of hazards that do not exist although history lines refer to them."""
    there = exists().where(hazards.c.id == entries.c.hazard)
    query = select(entries.c.hazard).where(~there).distinct()
    return [row[0] for row in database.read_sync(lambda repository: repository.rows(query))]


def load_line_digests(database: Database, ids: Sequence[UUID]) -> LineDigests:
    query = (
        select(hazards.c.id, hazards.c.number, entries.c.seq, entries.c.digest)
        .select_from(hazards.outerjoin(entries, entries.c.hazard == hazards.c.id))
        .where(hazards.c.id.in_(ids))
    )
    found: LineDigests = {}
    for hazard, number, seq, digest in database.read_sync(lambda repository: repository.rows(query)):
        found.setdefault(hazard, (number, {}))[1][seq] = digest
    return found


def _read_batch(repository: UnitOfWork, after: UUID | None) -> list[History]:
    beyond = true() if after is None else hazards.c.id > after
    query = select(*_HEADING).where(beyond).order_by(hazards.c.id).limit(_HAZARDS_AT_ONCE)
    headings = [HistorySummary(*row) for row in repository.rows(query)]
    if not headings:
        return []
    theirs = entries.c.hazard.between(headings[0].hazard, headings[-1].hazard)
    try:
        return _group_by_hazard(headings, _read_lines(repository, theirs))
    except _UNREADABLE:
        return [_read_line_by_line(repository, heading) for heading in headings]


def _read_lines(repository: UnitOfWork, which: ColumnElement[bool]) -> list[HistoryEntry]:
    return repository.select(HistoryEntry, select(entries).where(which).order_by(entries.c.hazard, entries.c.seq))


def _group_by_hazard(headings: list[HistorySummary], lines: list[HistoryEntry]) -> list[History]:
    found = {heading.hazard: History(heading, [], []) for heading in headings}
    for line in lines:
        if line.hazard in found:
            found[line.hazard].lines.append(line)
    return list(found.values())


def _read_line_by_line(repository: UnitOfWork, heading: HistorySummary) -> History:
    """Reads a history line by line, to find the lines that cannot be decoded."""
    history = History(heading, [], [])
    theirs = entries.c.hazard == heading.hazard
    for (seq,) in repository.rows(select(entries.c.seq).where(theirs).order_by(entries.c.seq)):
        try:
            history.lines.extend(_read_lines(repository, theirs & (entries.c.seq == seq)))
        except _UNREADABLE:
            history.unreadable.append(seq)
    return history


_HEADING = (
    hazards.c.id,
    hazards.c.number,
    type_coerce(hazards.c.state, String),
    hazards.c.history_length,
    hazards.c.history_head,
)
