"""The numbers behind the statistics, each read from the grain of counters with the fewest rows for it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from operator import add
from typing import Any, Literal, NamedTuple

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Integer,
    ScalarSelect,
    Select,
    bindparam,
    false,
    func,
    literal_column,
    select,
)

from inspections.accounts.policy import Scope
from inspections.calendar import midnight
from inspections.hazards.deadlines import CLOCKS
from inspections.hazards.measures import MEASURES, day_number, day_of
from inspections.office.categories import Category, Severity
from inspections.periods import Period, Unit, pieces
from inspections.statistics.metrics import OPEN_AS, ClockStanding, Counts, Flow, Late, together
from storage.engine.columns import Instant, between
from storage.hazards.deadlines import running
from storage.hazards.measures import counted
from storage.hazards.repository import HazardRepository
from storage.hazards.scopes import within
from storage.hazards.tables import MAY_BE_LATE, STANDS_OPEN, hazards
from storage.statistics.query import By, Question, number_of, statement
from storage.statistics.tables import Grain
from storage.sync.change_feed import STAMP

_H = hazards.c
_FLOW = ("received", "cohort_accepted", "closed_then", "fixed_then")
"""The measures that Flow counts, in the order of its fields."""


_Sums = dict[Any, tuple[int, ...]]
"""Key → numbers."""


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


def counts(
    repository: HazardRepository,
    by: Literal["community", "category"],
    communities: Sequence[str],
    filters: Filters,
    now: datetime,
) -> dict[str, Counts]:
    """Code → counts, for the communities or categories with any hazard in `communities`."""
    sums, late = _sums(repository, by, communities, filters, tuple(MEASURES), now)
    return {code: Counts(sums.get(code, _NOTHING), Late(*late.get(code, ()))) for code in {*sums, *late}}


_NOTHING = (0,) * len(MEASURES)


def flow_by_day(repository: HazardRepository, communities: Sequence[str], filters: Filters) -> dict[date, Flow]:
    """Shanghai day → the events of that day, for the days of the filters that have any."""
    sums, _ = _sums(repository, "day", communities, filters, _FLOW)
    return {day_of(day): Flow(*numbers) for day, numbers in sums.items()}


def _kinds(filters: Filters, catalogue: Sequence[Category]) -> dict[str, Sequence[str]]:
    """Column → values that the filters ask for; a column that is not filtered is left out."""
    kinds: dict[str, Sequence[str]] = {}
    if filters.category is not None or filters.group is not None:
        kinds["category"] = [
            each.code
            for each in catalogue
            if filters.category in {None, each.code} and filters.group in {None, each.group}
        ]
    if filters.severity is not None:
        kinds["severity"] = [str(filters.severity)]
    if filters.source is not None:
        kinds["source"] = [filters.source]
    return kinds


def _sums(
    repository: HazardRepository,
    by: By,
    communities: Sequence[str],
    filters: Filters,
    measures: tuple[str, ...],
    late_at: datetime | None = None,
) -> tuple[_Sums, _Sums]:
    """The measures by key and, with `late_at`, the overdue counts as of that instant by key."""
    kinds = _kinds(filters, repository.categories())
    asked = kinds | _unless_all(repository, communities)
    parts = _by_day(filters, asked) if by == "day" else _parts(filters, by_kind=by == "category" or bool(kinds))
    dated = filters.first is not None or filters.last is not None
    question = Question(
        by,
        measures,
        tuple((part.grain, part.sign) for part in parts),
        tuple((name, len(values) != 1) for name, values in asked.items()),
        dated=dated,
        late=late_at is not None,
        through="community" not in asked and repository.dialect == "sqlite",
    )
    first, last = filters.first or _FIRST, filters.last or _LAST
    values: dict[str, Any] = {name: each[0] if len(each) == 1 else each for name, each in asked.items()}
    values |= {"first": day_number(first), "last": day_number(last)}
    for at, part in enumerate(parts):
        values |= {f"first{at}": day_number(part.days.first), f"last{at}": day_number(part.days.last)}
    if late_at is not None:
        values |= {"now": late_at, "begins": midnight(first), "ends": midnight(last + _DAY)}
    sums: _Sums = {}
    late: _Sums = {}
    for row in repository.rows(statement(question), values):
        is_late, key = row[:2]
        into, found = (late, row[2 : 2 + len(Late._fields)]) if is_late else (sums, row[2:])
        known = into.get(key)
        into[key] = found if known is None else tuple(map(add, known, found))
    return sums, late


def _unless_all(repository: HazardRepository, communities: Sequence[str]) -> dict[str, Sequence[str]]:
    """The filter by community; empty for all communities, since a list of hundreds would only cost time."""
    return {} if len(communities) == len(repository.communities()) else {"community": communities}


_FIRST, _LAST = date(1970, 1, 1), date(2999, 12, 31)
"""The bounds of calendar.YEARS: no stored day lies outside."""
_DAY = timedelta(days=1)


class _Part(NamedTuple):
    """One summand of a total: counters that are added (`sign` 1) or subtracted (-1)."""

    grain: Grain
    days: Period
    sign: int = 1


def _by_day(filters: Filters, asked: Collection[str]) -> list[_Part]:
    """The counters by day. `asked`: columns that are filtered; without any, the office has one row a day."""
    grain = Grain.DAY_KINDS if {*asked} - {"community"} else Grain.DAYS if asked else Grain.OFFICE_DAYS
    return [_Part(grain, Period(filters.first or _FIRST, filters.last or _LAST))]


def _parts(filters: Filters, *, by_kind: bool) -> list[_Part]:
    """The summands of the period: whole quarters and months, plus or minus the days at its ends."""
    if filters.first is None and filters.last is None:
        return [_Part(Grain.ALL_KINDS if by_kind else Grain.ALL, Period(_FIRST, _FIRST))]
    first, last = filters.first or _FIRST, filters.last or _LAST
    grains = _BY_KIND if by_kind else _WHOLE
    parts = pieces(first, last, quarters=Unit.QUARTER in grains)
    return [_Part(grains[each.unit], each.period, each.sign) for each in parts]


_WHOLE = {Unit.MONTH: Grain.MONTHS, Unit.DAY: Grain.DAYS}
_BY_KIND = {Unit.QUARTER: Grain.QUARTER_KINDS, Unit.MONTH: Grain.MONTH_KINDS, Unit.DAY: Grain.DAY_KINDS}
"""Quarters are used by kind only, where a community has dozens of rows a month instead of one."""


class Standing(NamedTuple):
    """The open hazards of a street, by the names of metrics.OPEN_PARTS. `oldest`: when the oldest was reported."""

    numbers: dict[str, int]
    oldest: datetime | None


def open_by_street(repository: HazardRepository, reach: Scope, now: datetime) -> dict[str, Standing]:
    """Street code → its backlog, for every street in scope, zeros included."""
    asked = [each for each in repository.communities() if reach.covers_community(each.code)]
    found = counts(repository, "community", [each.code for each in asked], Filters(), now)
    first: dict[str, datetime] = dict(map(tuple, repository.rows(_OLDEST)))
    streets: defaultdict[str, list[str]] = defaultdict(list)
    for each in asked:
        streets[each.street].append(each.code)
    standing: dict[str, Standing] = {}
    for street, codes in streets.items():
        numbers = together(found[code] for code in codes if code in found).numbers()
        oldest = min((first[code] for code in codes if code in first), default=None)
        standing[street] = Standing({name: numbers[name] for name in OPEN_AS}, oldest)
    return standing


_OLDEST = select(_H.community, func.min(_H.reported_at)).where(STANDS_OPEN).group_by(_H.community)
_AGES = (timedelta(), timedelta(days=1), timedelta(days=3), timedelta(days=7))


def standing_by_clock(
    repository: HazardRepository, communities: Sequence[str], filters: Filters, now: datetime
) -> dict[str, ClockStanding]:
    """Clock → counts of the hazards it runs for, among those reported in the period; all deadlines.CLOCKS."""
    catalogue = repository.categories()
    asked = _kinds(filters, catalogue) | _unless_all(repository, communities)
    chosen = [_H[name].in_(value) for name, value in asked.items()]
    bounds = [now - age for age in _AGES]
    found: dict[str, ClockStanding] = {}
    for name in CLOCKS:
        runs, due_at = running(name)
        late = [due_at < bound for bound in bounds]
        aged = [late[at] & ~late[at + 1] for at in range(len(late) - 1)]
        extended = _H.times_extended > 0 if name == "fix" else false()
        query = select(*map(number_of, (~late[0], late[0], *aged, late[-1], extended))).where(
            runs,
            between(_H.reported_at, filters.first, filters.last),
            counted(catalogue),
            *chosen,
        )
        found[name] = ClockStanding(*(int(number or 0) for number in repository.rows(query)[0]))
    return found


def stamp(repository: HazardRepository, reach: Scope, now: datetime) -> tuple[Any, ...]:
    """A value that changes whenever a number of this scope may change: after any step, or when a deadline passes."""
    return tuple(repository.rows(_stamped(reach), {"now": now})[0])


_ONE = literal_column("1", Integer)
"""A literal, not a parameter: PostgreSQL plans a parameterised LIMIT each time, which takes longer than the query."""


@lru_cache(maxsize=4096)
def _stamped(reach: Scope) -> Select[Any]:
    def next_of(column: ColumnElement[Any]) -> ScalarSelect[Any]:
        soon = select(column).where(MAY_BE_LATE, column >= bindparam("now", type_=Instant()), within(reach))
        return soon.order_by(column).limit(_ONE).scalar_subquery()

    return STAMP.add_columns(next_of(_H.due_at), next_of(_H.original_due_at))
