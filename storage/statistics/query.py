"""Builds the one statement that adds up counters, deltas that are not rolled up yet, and overdue hazards."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    String,
    Table,
    True_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
    true,
    union_all,
)

from storage.engine.columns import Instant
from storage.hazards.measures import COUNTED_HAZARDS, FIRST_DUE_AT
from storage.hazards.tables import CAN_BE_OVERDUE, hazards
from storage.places.tables import communities
from storage.statistics.tables import Grain, counter_deltas, counters

By = Literal["community", "category", "day"]
_H = hazards.c
_NOW, _BEGINS, _ENDS = (bindparam(name, type_=Instant()) for name in ("now", "begins", "ends"))
_ZERO, _ONE, _NOTHING = (literal_column(word, Integer) for word in ("0", "1", "NULL"))


class CountQuery(NamedTuple):
    """The shape of a count statement: everything but its parameter values.

    `grains`: the sums that are added (1) and subtracted (-1), each from parameter `first0` … to `last0` …
    `kinds`: filtered columns; the parameter of that name is one value or (True) a list.
    `late`: also count overdue hazards as of `now`, without alert checks; if `dated`, from `begins` until before `ends`.
    `use_community_index`: makes SQLite use the (community, …) index, where it would otherwise read all rows of all time
    and all open hazards. PostgreSQL chooses the index by itself.
    """

    by: By
    measures: tuple[str, ...]
    grains: tuple[tuple[Grain, int], ...]
    kinds: tuple[tuple[str, bool], ...]
    dated: bool
    late: bool
    use_community_index: bool


@lru_cache(maxsize=512)
def count_statement(question: CountQuery) -> CompoundSelect[Any]:
    """Rows of (0, key, measures…); with overdue counts also rows of (1, key, fields of OverdueCounts…, NULLs).

    A key may come several times; the caller adds up. It is one statement, so that no roll-up happens between its parts.
    Without a period it stays below 4096 characters: PostgreSQL's driver parses longer statements anew each time.
    """
    summed = (_rollup_select(question, at) for at in range(len(question.grains)))
    return union_all(*summed, _delta_select(question), *(_overdue_selects(question) if question.late else ()))


def _rollup_select(question: CountQuery, at: int) -> Select[Any]:
    grain, sign = question.grains[at]
    numbers = [counters.c[name] if sign > 0 else -counters.c[name] for name in question.measures]
    where = [counters.c.grain == literal_column(str(int(grain)), Integer)]
    if not grain.is_all_time:
        where.append(_day_range(counters.c.start, str(at)))
        if grain is Grain.OFFICE_DAYS:
            where.append(counters.c.community == literal_column("''", String))
        elif question.use_community_index:
            where.append(_in_every_community(counters))
    one_row_each = (grain, question.by) in {(Grain.ALL, "community"), (Grain.OFFICE_DAYS, "day")}
    return _grouped_select(question, counters, counters.c.start, numbers, where, one_row_per_key=one_row_each)


def _in_every_community(table: Table) -> ColumnElement[bool]:
    return table.c.community.in_(select(communities.c.code))


def _delta_select(question: CountQuery) -> Select[Any]:
    numbers = [counter_deltas.c[name] for name in question.measures]
    where = [_day_range(counter_deltas.c.day)] if question.dated else []
    return _grouped_select(question, counter_deltas, counter_deltas.c.day, numbers, where)


def _day_range(day: ColumnElement[int], at: str = "") -> ColumnElement[bool]:
    return day.between(bindparam(f"first{at}", type_=Integer), bindparam(f"last{at}", type_=Integer))


def _grouped_select(
    question: CountQuery,
    table: Table,
    day: ColumnElement[int],
    numbers: Sequence[ColumnElement[int]],
    where: Sequence[ColumnElement[bool]],
    *,
    one_row_per_key: bool = False,
) -> Select[Any]:
    """The numbers of `table` by key. `one_row_per_key`: there is nothing to add up."""
    key: ColumnElement[Any] = day if question.by == "day" else table.c[question.by]
    found = select(_ZERO, key, *(numbers if one_row_per_key else map(_integer_sum, numbers)))
    found = found.where(*where, *_kind_clauses(question, table))
    return found if one_row_per_key else found.group_by(key)


def _integer_sum(number: ColumnElement[int]) -> ColumnElement[int]:
    """A sum as an integer: PostgreSQL would make a decimal of a sum of 64-bit integers."""
    total = func.sum(number)
    return cast(total, BigInteger) if isinstance(number.type, BigInteger) else total


def _kind_clauses(question: CountQuery, table: Table) -> Iterator[ColumnElement[bool]]:
    for name, several in question.kinds:
        column = table.c[name]
        yield column.in_(bindparam(name, expanding=True)) if several else column == bindparam(name)


def _overdue_selects(question: CountQuery) -> tuple[Select[Any], Select[Any]]:
    """Hazards past their deadline, and the few that are past their first deadline but not past the extended one.

    The latter condition is in the counted expression, not in WHERE, so that SQLite does not choose an index for it that
    finds most hazards being fixed.
    """

    def count_in_period(at: ColumnElement[datetime | None], clause: ColumnElement[bool]) -> ColumnElement[int]:
        return count_matches(clause & (at >= _BEGINS) & (at < _ENDS)) if question.dated else count_matches(clause)

    overdue = (
        count_in_period(_H.reported_at, true()),
        count_in_period(_H.due_at, true()),
        count_in_period(FIRST_DUE_AT, _NOW > FIRST_DUE_AT),
    )
    moved = (_ZERO, _ZERO, count_in_period(_H.original_due_at, _H.due_at >= _NOW))
    return _overdue_select(question, _H.due_at < _NOW, overdue), _overdue_select(
        question, _H.original_due_at < _NOW, moved
    )


def _overdue_select(
    question: CountQuery, is_overdue: ColumnElement[bool], numbers: tuple[ColumnElement[int], ...]
) -> Select[Any]:
    key = _H[question.by]
    through = [_in_every_community(hazards)] if question.use_community_index else []
    padding = [_NOTHING] * (len(question.measures) - len(numbers))
    return (
        select(_ONE, key, *numbers, *padding)
        .where(
            CAN_BE_OVERDUE,
            is_overdue,
            *through,
            COUNTED_HAZARDS,
            *_kind_clauses(question, hazards),
        )
        .group_by(key)
    )


def count_matches(clause: ColumnElement[bool]) -> ColumnElement[int]:
    """The number of rows that match the clause."""
    if isinstance(clause, True_):
        return func.count()
    return func.sum(case((clause, 1), else_=0), type_=Integer)
