"""Adds the deltas that steps appended to the counters, one process at a time; rebuilds and checks the counters.

Readers read counters and deltas in one statement, so that a delta is never missed and never counted twice.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Integer,
    Select,
    String,
    bindparam,
    case,
    delete,
    func,
    literal,
    literal_column,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite

from inspections import periods
from inspections.change import Change
from inspections.hazards.measures import MEASURES, date_from_day_number, day_number
from inspections.jobs import Job
from storage.engine.columns import FirstOfMonth, FirstOfQuarter, ShanghaiDay, in_list
from storage.engine.connections import writing_engine
from storage.engine.findings import Finding
from storage.engine.unit_of_work import UnitOfWork
from storage.hazards.measures import CLAUSES, COUNTED_HAZARDS, INSTANTS, VALUES
from storage.hazards.tables import hazards
from storage.statistics.tables import Grain, counter_deltas, counters

_D, _H, _C = counter_deltas.c, hazards.c, counters.c
_KIND = ("category", "severity", "source")
_ROLLUP_JOB = "counters"
_EMPTY = literal_column("''", String)

_BY_DAY, _BY_MONTH = {Grain.DAYS, Grain.DAY_KINDS, Grain.OFFICE_DAYS}, {Grain.MONTHS, Grain.MONTH_KINDS}


def roll_up_deltas(repository: UnitOfWork, now: datetime, limit: int) -> Change[int]:
    """Rolls up at most `limit` deltas and returns how many there were.

    The row of the job is locked until the commit, so only one process rolls up; a second one finds the deltas gone.
    """
    if repository.get(Job, _ROLLUP_JOB) is None:
        return Change(0, new=(Job(_ROLLUP_JOB, now),))
    ids = [row[0] for row in repository.rows(_OLDEST, {"limit": limit})]
    if ids:
        for statement in _rollup_statements(repository.dialect):
            repository.execute(statement, {"ids": ids})
    return Change(len(ids))


_OLDEST = select(_D.id).order_by(_D.id).limit(bindparam("limit"))


@cache
def _rollup_statements(dialect: str) -> list[Executable]:
    """The statements of a roll-up, cached: building them takes a millisecond each."""
    these = in_list(_D.id, "ids")
    chosen = select(counter_deltas).where(these).cte("chosen")
    return [
        *(_add_statement(dialect, grain, chosen.c, chosen.c.day) for grain in Grain),
        delete(counter_deltas).where(these),
    ]


def _add_statement(dialect: str, grain: Grain, found: Any, day: ColumnElement[int]) -> Any:
    """An INSERT … ON CONFLICT that adds the numbers in `found`, by day, to the counters of a grain."""
    start = _grain_start(grain, day)
    kind = [found[name] if grain.has_kinds else _EMPTY for name in _KIND]
    place = [] if grain is Grain.OFFICE_DAYS else [found.community]
    by = [*place, *([] if start is None else [start]), *(kind if grain.has_kinds else [])]
    sums = [func.sum(found[name]).label(name) for name in MEASURES]
    query = select(
        literal(int(grain)),
        *(place or [_EMPTY]),
        literal_column("0", Integer) if start is None else start,
        *kind,
        *sums,
    ).where(true())  # without WHERE, SQLite parses ON CONFLICT as the ON of a join
    made = (postgresql if dialect == "postgresql" else sqlite).insert(counters)
    # PostgreSQL keeps rows in insertion order: sort by time, so a period is contiguous. SQLite orders them by key.
    order = [start] if dialect == "postgresql" and start is not None else []
    query = query.group_by(*by).order_by(*order)
    made = made.from_select(["grain", "community", "start", *_KIND, *MEASURES], query)
    return made.on_conflict_do_update(
        index_elements=["grain", "community", "start", *_KIND],
        set_={name: _C[name] + made.excluded[name] for name in MEASURES},
    )


def _grain_start(grain: Grain, day: ColumnElement[int]) -> ColumnElement[int] | None:
    if grain.is_all_time:
        return None
    if grain in _BY_DAY:
        return day
    return FirstOfMonth(day) if grain in _BY_MONTH else FirstOfQuarter(day)


def recount_database(url: str) -> None:
    """Rebuilds the counters of the database at `url`; see `rebuild_counters`."""
    engine = writing_engine(url)
    try:
        with engine.begin() as connection:
            rebuild_counters(connection)
    finally:
        engine.dispose()


def rebuild_counters(connection: Connection) -> None:
    """Rebuilds all counters from the hazards alone. No other process may use the database meanwhile."""
    connection.execute(delete(counters))
    connection.execute(delete(counter_deltas))
    dialect = connection.dialect.name
    parts = union_all(*(_hazards_select(on, sums=False) for on in INSTANTS)).subquery("parts")
    connection.execute(_add_statement(dialect, Grain.DAY_KINDS, parts.c, parts.c.day))
    finest = select(counters).where(_C.grain == int(Grain.DAY_KINDS)).subquery("finest")
    for grain in set(Grain) - {Grain.DAY_KINDS}:
        connection.execute(_add_statement(dialect, grain, finest.c, finest.c.start))


def _hazards_select(on: str, *, sums: bool) -> Select[Any]:
    """The measures that hazards have on the days of one instant: a row per hazard, or `sums` per cell."""
    day = ShanghaiDay(INSTANTS[on])
    place = [_H.community, _H.category, _H.severity, _H.source, day.label("day")]

    def number(name: str) -> ColumnElement[int]:
        if MEASURES[name] != on:
            return literal_column("0", Integer)
        value = case((CLAUSES[name], VALUES.get(name, literal(1))), else_=0)
        return func.sum(value) if sums else value

    query = select(*place, *(number(name).label(name) for name in MEASURES)).where(
        INSTANTS[on].is_not(None), COUNTED_HAZARDS
    )
    return query.group_by(_H.community, _H.category, _H.severity, _H.source, day) if sums else query


@cache
def _community_select(on: str) -> Select[Any]:
    return _hazards_select(on, sums=True).where(_H.community == bindparam("community"))


# checks -----------------------------------------------------------------------------------------------------

_Cell = tuple[int, str, str, str]
"""The first day of a sum, and its kind: category, severity, source."""
_Numbers = tuple[int, ...]


def check_counts(repository: UnitOfWork, community: str) -> Iterator[Finding]:
    """Compares the counters of a community with its hazards, and every grain with the finest one."""
    finest = list(_stored_sums(repository, community, Grain.DAY_KINDS))
    unfolded = select(_D.day, *(_D[name] for name in (*_KIND, *MEASURES))).where(_D.community == community)
    hazards_say = [
        (_cell(day, kind), numbers)
        for on in INSTANTS
        for (_, *kind, day), numbers in (
            (row[:5], row[5:]) for row in repository.rows(_community_select(on), {"community": community})
        )
    ]
    present = _sum_cells([*finest, *_read_cells(repository.rows(unfolded))])
    for where, numbers in _differences(present, _sum_cells(hazards_say)):
        yield Finding("count is wrong", f"{community} {where}: {numbers}")
    for grain in set(Grain) - {Grain.DAY_KINDS, Grain.OFFICE_DAYS}:
        finer = _sum_cells([(_coarsen(grain, cell), numbers) for cell, numbers in finest])
        for where, numbers in _differences(_sum_cells(_stored_sums(repository, community, grain)), finer):
            yield Finding("sum is wrong", f"{grain.name} {community} {where}: {numbers}")


def check_office_counts(repository: UnitOfWork) -> Iterator[Finding]:
    """Compares the counters of all communities together with the sums of each."""
    days = select(_C.start, *(func.sum(_C[name]) for name in MEASURES)).where(_C.grain == int(Grain.DAYS))
    nowhere = ("", "", "")
    communities = _sum_cells(
        (_cell(start, nowhere), numbers) for start, *numbers in repository.rows(days.group_by(_C.start))
    )
    for where, numbers in _differences(_sum_cells(_stored_sums(repository, "", Grain.OFFICE_DAYS)), communities):
        yield Finding("sum is wrong", f"{Grain.OFFICE_DAYS.name} {where}: {numbers}")


def _stored_sums(repository: UnitOfWork, community: str, grain: Grain) -> Iterator[tuple[_Cell, _Numbers]]:
    columns = (_C.start, *(_C[name] for name in (*_KIND, *MEASURES)))
    return _read_cells(repository.rows(select(*columns).where(_C.grain == int(grain), _C.community == community)))


def _read_cells(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[_Cell, _Numbers]]:
    return ((_cell(start, kind), tuple(numbers)) for start, *kind, numbers in ((*row[:4], row[4:]) for row in rows))


def _cell(start: Any, kind: Sequence[Any]) -> _Cell:
    category, severity, source = kind
    return int(start), category, str(severity), source


def _coarsen(grain: Grain, cell: _Cell) -> _Cell:
    start, *kind = cell
    if grain.is_all_time:
        start = 0
    elif grain not in _BY_DAY:
        day = date_from_day_number(start)
        start = day_number(day.replace(day=1) if grain in _BY_MONTH else periods.first_of_quarter(day))
    return _cell(start, kind if grain.has_kinds else ("", "", ""))


def _sum_cells(found: Iterable[tuple[_Cell, Sequence[Any]]]) -> dict[_Cell, list[int]]:
    sums: dict[_Cell, list[int]] = {}
    for cell, numbers in found:
        known = sums.setdefault(cell, [0] * len(MEASURES))
        for at, number in enumerate(numbers):
            known[at] += int(number)
    return {cell: numbers for cell, numbers in sums.items() if any(numbers)}


def _differences(here: dict[_Cell, list[int]], there: dict[_Cell, list[int]]) -> Iterator[tuple[str, str]]:
    nothing = [0] * len(MEASURES)
    for cell in sorted({*here, *there}):
        pairs = zip(MEASURES, here.get(cell, nothing), there.get(cell, nothing), strict=True)
        wrong = ", ".join(f"{name} is {is_}, not {expected}" for name, is_, expected in pairs if is_ != expected)
        if wrong:
            start, *kind = cell
            yield " ".join(filter(None, ["" if start == 0 else date_from_day_number(start).isoformat(), *kind])), wrong
