"""The numbers behind the statistics: sums of what is counted, of the grain that has the fewest rows for a question."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from operator import add
from typing import Any, Literal, NamedTuple

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    True_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal_column,
    select,
    true,
    union_all,
)

from inspections.calendar import midnight
from inspections.categories import Category, Severity
from inspections.counting import MEASURES, day_number, day_of
from inspections.deadlines import CLOCKS
from inspections.hazards import OPEN
from inspections.periods import Period, pieces
from inspections.policy import Scope
from inspections.statistics import OPEN_AS, ClockStanding, Counts, Flow, Late
from storage.columns import Instant, between
from storage.counter_tables import Grain, counter_deltas, counters
from storage.counting import CLAUSES, FIRST_DUE_AT, INSTANTS, counted
from storage.deadlines import running
from storage.office_tables import communities as known_communities
from storage.register import Register
from storage.scopes import within
from storage.tables import MAY_BE_LATE, STANDS_OPEN, hazards

_H = hazards.c
_FLOW = ("received", "cohort_accepted", "closed_then", "fixed_then")
"""What Flow counts, in the order of its fields."""

By = Literal["community", "category", "day"]


class Filters(Struct, frozen=True):
    """Which hazards are counted. Dates are Shanghai days, both included; None: all time."""

    community: str | None = None
    street: str | None = None
    category: str | None = None
    group: str | None = None
    severity: Severity | None = None
    source: str | None = None
    first: date | None = None
    last: date | None = None


class _Kinds(NamedTuple):
    """The kinds that are asked for; None: all of them."""

    category: tuple[str, ...] | None
    severity: tuple[str, ...] | None
    source: tuple[str, ...] | None


def counts(
    register: Register,
    by: Literal["community", "category"],
    communities: Sequence[str],
    filters: Filters,
    now: datetime,
) -> dict[str, Counts]:
    """Code → counts, for the communities or categories that have any hazard in those `communities`."""
    kinds = _kinds(filters, register.categories())
    sums = _sums(register, by, communities, kinds, filters, tuple(MEASURES))
    late = _late(register, by, communities, kinds, filters, now)
    return {code: Counts(sums.get(code, _NOTHING), late.get(code, Late())) for code in {*sums, *late}}


_NOTHING = (0,) * len(MEASURES)


def flow_by_day(register: Register, communities: Sequence[str], filters: Filters) -> dict[date, Flow]:
    """Shanghai day → what happened on it, for the days of the filters on which anything did."""
    kinds = _kinds(filters, register.categories())
    return {
        day_of(day): Flow(*numbers)
        for day, numbers in _sums(register, "day", communities, kinds, filters, _FLOW).items()
    }


def _kinds(filters: Filters, catalogue: Sequence[Category]) -> _Kinds:
    codes: tuple[str, ...] | None = None
    if filters.category is not None or filters.group is not None:
        codes = tuple(
            each.code
            for each in catalogue
            if filters.category in {None, each.code} and filters.group in {None, each.group}
        )
    severity = None if filters.severity is None else (str(filters.severity),)
    return _Kinds(codes, severity, None if filters.source is None else (filters.source,))


def _sums(
    register: Register, by: By, communities: Sequence[str], kinds: _Kinds, filters: Filters, measures: tuple[str, ...]
) -> dict[Any, tuple[int, ...]]:
    by_kind = by == "category" or any(kinds)
    grains = _grains(filters, by_kind=by_kind, by_day=by == "day")
    asked: dict[str, Any] = {name: value for name, value in kinds._asdict().items() if value is not None}
    asked |= _unless_all(register, communities)
    dated = filters.first is not None or filters.last is not None
    through = dated and "community" not in asked and register.dialect == "sqlite"
    query = _query(by, tuple((grain, sign) for grain, sign, _ in grains), tuple(asked), measures, through=through)
    parameters: dict[str, Any] = {**asked}
    parameters |= {f"first{at}": day_number(days.first) for at, (_, _, days) in enumerate(grains)}
    parameters |= {f"last{at}": day_number(days.last) for at, (_, _, days) in enumerate(grains)}
    parameters |= {"first": _number(filters.first, _FIRST), "last": _number(filters.last, _LAST)}
    sums: dict[Any, tuple[int, ...]] = {}
    for key, *numbers in register.rows(query, parameters):
        known = sums.get(key)
        sums[key] = tuple(numbers) if known is None else tuple(map(add, known, numbers))
    return sums


def _unless_all(register: Register, communities: Sequence[str]) -> dict[str, Sequence[str]]:
    """A list of hundreds costs more than it leaves out, where it leaves out none."""
    return {} if len(communities) == len(register.communities()) else {"community": communities}


_FIRST, _LAST = date(1970, 1, 1), date(2999, 12, 31)
"""Of calendar.YEARS: nothing that is kept lies outside."""
_DAY = timedelta(days=1)


def _number(day: date | None, otherwise: date) -> int:
    return day_number(otherwise if day is None else day)


def _grains(filters: Filters, *, by_kind: bool, by_day: bool) -> list[tuple[Grain, int, Period]]:
    """Which sums make up the period: months, and the days that they lack (1) or that they have too many (-1)."""
    all_, months, days = (Grain.ALL_KINDS, Grain.MONTH_KINDS, Grain.DAY_KINDS) if by_kind else _WHOLE
    if filters.first is None and filters.last is None and not by_day:
        return [(all_, 1, Period(_FIRST, _FIRST))]
    first, last = filters.first or _FIRST, filters.last or _LAST
    if by_day:
        return [(days, 1, Period(first, last))]
    return [(months if each.whole else days, each.sign, each.period) for each in pieces(first, last)]


_WHOLE = (Grain.ALL, Grain.MONTHS, Grain.DAYS)


@lru_cache(maxsize=512)
def _query(
    by: By, grains: tuple[tuple[Grain, int], ...], kinds: tuple[str, ...], measures: tuple[str, ...], *, through: bool
) -> CompoundSelect[Any]:
    """Summed up and not yet, each in its own order; one statement, so that nobody sums up in between.

    `through`: from one community to the next. Its key leads SQLite that way to the days of each, where otherwise it
    would read those of all time; PostgreSQL finds days by themselves.
    """
    each_community = [counters.c.community.in_(select(known_communities.c.code))] if through else []

    def arm(grain: Grain | None, sign: int, first: str, last: str) -> Select[Any]:
        table = counter_deltas if grain is None else counters
        day: ColumnElement[int] = counter_deltas.c.day if grain is None else counters.c.start
        key: ColumnElement[Any] = day if by == "day" else table.c[by]
        numbers = [table.c[name] if sign > 0 else -table.c[name] for name in measures]
        one_row_each = grain is Grain.ALL and by == "community"
        found = (
            select(key, *numbers)
            if one_row_each
            else select(key, *(cast(func.sum(number), BigInteger) for number in numbers)).group_by(key)
        )
        found = found.where(
            day.between(bindparam(first, type_=Integer), bindparam(last, type_=Integer)),
            *(table.c[name].in_(bindparam(name, expanding=True)) for name in kinds),
        )
        if grain is None:
            return found
        return found.where(counters.c.grain == literal_column(str(int(grain)), Integer), *each_community)

    kept = (arm(grain, sign, f"first{at}", f"last{at}") for at, (grain, sign) in enumerate(grains))
    return union_all(*kept, arm(None, 1, "first", "last"))


def _late(
    register: Register, by: str, communities: Sequence[str], kinds: _Kinds, filters: Filters, now: datetime
) -> dict[str, Late]:
    """How many are overdue: of those reported in the period, of those due in it, and by their first deadline."""
    asked: dict[str, Any] = {name: value for name, value in kinds._asdict().items() if value is not None}
    asked |= _unless_all(register, communities)
    query = _late_query(by, tuple(asked), dated=filters.first is not None or filters.last is not None)
    catalogue = register.categories()
    parameters: dict[str, Any] = {
        "alarms": [each.code for each in catalogue if each.from_device],
        "now": now,
        "begins": midnight(filters.first or _FIRST),
        "ends": midnight((filters.last or _LAST) + _DAY),
        **asked,
    }
    late: dict[str, Late] = {}
    for code, *numbers in register.rows(query, parameters):
        late[code] = Late(*map(add, late.get(code, Late()), numbers))
    return late


@lru_cache(maxsize=64)
def _late_query(by: str, kinds: tuple[str, ...], *, dated: bool) -> CompoundSelect[Any]:
    """Those whose deadline has passed, by an index that has only what may be late; and the few extended ones."""
    now, begins, ends = (bindparam(name, type_=Instant()) for name in ("now", "begins", "ends"))

    def number(clause: ColumnElement[bool], at: ColumnElement[datetime | None]) -> ColumnElement[int]:
        return _number_of(clause & (at >= begins) & (at < ends)) if dated else _number_of(clause)

    def counted_where(*late: ColumnElement[bool], overdue: ColumnElement[bool]) -> Select[Any]:
        numbers = ((overdue, _H.reported_at), (overdue, _H.due_at), (now > FIRST_DUE_AT, FIRST_DUE_AT))
        columns: list[ColumnElement[Any]] = [_H[by], *(number(*each) for each in numbers)]
        return (
            select(*columns)
            .where(
                MAY_BE_LATE,
                *late,
                _H.category.not_in(bindparam("alarms", expanding=True)),
                *(_H[name].in_(bindparam(name, expanding=True)) for name in kinds),
            )
            .group_by(_H[by])
        )

    return union_all(
        counted_where(_H.due_at < now, overdue=true()),
        counted_where(_H.original_due_at < now, _H.due_at >= now, overdue=false()),
    )


class Standing(NamedTuple):
    """How the open hazards of a street stand, by the names of statistics.OPEN_AS. `oldest`: when it was reported."""

    numbers: dict[str, int]
    oldest: datetime | None


def open_by_street(register: Register, reach: Scope, now: datetime) -> dict[str, Standing]:
    """Every street in scope, zeros included."""
    asked = [each for each in register.communities() if reach.covers_community(each.code)]
    found = counts(register, "community", [each.code for each in asked], Filters(), now)
    first: dict[str, datetime] = dict(map(tuple, register.rows(_OLDEST)))
    streets: dict[str, Standing] = {}
    for each in asked:
        numbers = found.get(each.code, Counts()).numbers()
        known = streets.get(each.street, Standing(dict.fromkeys(OPEN_AS, 0), None))
        oldest = min((at for at in (known.oldest, first.get(each.code)) if at is not None), default=None)
        streets[each.street] = Standing({name: known.numbers[name] + numbers[name] for name in OPEN_AS}, oldest)
    return streets


_OLDEST = select(_H.community, func.min(_H.reported_at)).where(STANDS_OPEN).group_by(_H.community)
_AGES = (timedelta(), timedelta(days=1), timedelta(days=3), timedelta(days=7))


def standing_by_clock(
    register: Register, communities: Sequence[str], filters: Filters, now: datetime
) -> dict[str, ClockStanding]:
    """For each of deadlines.CLOCKS, those reported in the period for which it runs."""
    catalogue = register.categories()
    kinds = _kinds(filters, catalogue)._asdict()
    asked = {**kinds, **_unless_all(register, communities)}
    chosen = [_H[name].in_(value) for name, value in asked.items() if value is not None]
    bounds = [now - age for age in _AGES]
    found: dict[str, ClockStanding] = {}
    for name in CLOCKS:
        runs, due_at = running(name)
        late = [due_at < bound for bound in bounds]
        aged = [late[at] & ~late[at + 1] for at in range(len(late) - 1)]
        extended = _H.times_extended > 0 if name == "fix" else false()
        query = select(*map(_number_of, (~late[0], late[0], *aged, late[-1], extended))).where(
            runs,
            between(_H.reported_at, filters.first, filters.last),
            counted(catalogue),
            *chosen,
        )
        found[name] = ClockStanding(*(int(number or 0) for number in register.rows(query)[0]))
    return found


def next_late(register: Register, reach: Scope, now: datetime) -> datetime | None:
    """When the next deadline passes in this scope: until then, time alone changes no number."""
    rows = register.rows(_next_late(reach), {"now": now})
    return min((at for (at,) in rows if at is not None), default=None)


@lru_cache(maxsize=4096)
def _next_late(reach: Scope) -> CompoundSelect[Any]:
    def first(column: ColumnElement[Any]) -> Select[Any]:
        soon = select(column).where(MAY_BE_LATE, column >= bindparam("now", type_=Instant()), within(reach))
        return select(soon.order_by(column).limit(1).scalar_subquery())

    return union_all(first(_H.due_at), first(_H.original_due_at))


def behind(name: str, now: datetime) -> tuple[ColumnElement[bool], ColumnElement[datetime | None]]:
    """The hazards that one of statistics.COUNTED counts, and the instant that has to lie in the period."""
    late, first_late = MAY_BE_LATE & (_H.due_at < now), MAY_BE_LATE & (now > FIRST_DUE_AT)
    derived: dict[str, tuple[ColumnElement[bool], str]] = {
        "open": (_H.state.in_(sorted(OPEN)), "reported_at"),
        "on_time": (CLAUSES["fixing"] & ~(late & _H.due_at.is_not(None)), "reported_at"),
        "overdue": (late, "reported_at"),
        "due_decided": (CLAUSES["due_ended"] | late, "due_at"),
        "first_due_decided": (CLAUSES["first_due_ended"] | first_late, "first_due_at"),
    }
    clause, on = derived[name] if name in derived else (CLAUSES[name], MEASURES[name])
    return clause, INSTANTS[on]


def _number_of(clause: ColumnElement[bool]) -> ColumnElement[int]:
    if isinstance(clause, True_):
        return func.count()
    return func.sum(case((clause, 1), else_=0), type_=Integer)
