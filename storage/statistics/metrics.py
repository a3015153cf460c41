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
from inspections.hazards.measures import MEASURES, date_from_day_number, day_number
from inspections.office.categories import Category, Severity
from inspections.periods import Period, SumUnit, decompose_period
from inspections.statistics.metrics import OPEN_PARTS, ClockCounts, Counts, Flow, OverdueCounts, sum_counts
from inspections.text import is_same_name
from storage.engine.columns import Instant, within_days
from storage.hazards.deadlines import clock_clause
from storage.hazards.measures import counted_hazards_clause
from storage.hazards.repository import HazardRepository
from storage.hazards.scopes import scope_clause
from storage.hazards.tables import CAN_BE_OVERDUE, IS_OPEN, hazards
from storage.statistics.query import By, CountQuery, count_matches, count_statement
from storage.statistics.tables import Grain
from storage.sync.change_feed import DATA_VERSION

_H = hazards.c
_FLOW = ("received", "cohort_accepted", "closed_then", "fixed_then")
"""The measures that Flow counts, in the order of its fields."""


_Sums = dict[Any, tuple[int, ...]]
"""Key → numbers."""


class Filters(Struct, frozen=True):
    """The hazards to count; of several values any matches, and none is no filter.

    Dates are Shanghai days, both included; None: all time.
    """

    community: tuple[str, ...] = ()
    street: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    severity: tuple[Severity, ...] = ()
    source: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None

    def includes(self, category: Category) -> bool:
        """Tells whether the filters by category and by group select this category."""
        in_group = not self.group or any(is_same_name(each, category.group) for each in self.group)
        return in_group and (not self.category or category.code in self.category)


def count_hazards(
    repository: HazardRepository,
    by: Literal["community", "category"],
    communities: Sequence[str],
    filters: Filters,
    now: datetime,
) -> dict[str, Counts]:
    """Code → counts, for the communities or categories with any hazard in `communities`."""
    sums, late = _read_sums(repository, by, communities, filters, tuple(MEASURES), now)
    return {code: Counts(sums.get(code, _NOTHING), OverdueCounts(*late.get(code, ()))) for code in {*sums, *late}}


_NOTHING = (0,) * len(MEASURES)


def flow_by_day(repository: HazardRepository, communities: Sequence[str], filters: Filters) -> dict[date, Flow]:
    """Shanghai day → the events of that day, for the days of the filters that have any."""
    sums, _ = _read_sums(repository, "day", communities, filters, _FLOW)
    return {date_from_day_number(day): Flow(*numbers) for day, numbers in sums.items()}


def _kind_filters(filters: Filters, catalogue: Sequence[Category]) -> dict[str, Sequence[str]]:
    """Column → values that the filters ask for; a column that is not filtered is left out."""
    kinds: dict[str, Sequence[str]] = {}
    if filters.category or filters.group:
        kinds["category"] = [each.code for each in catalogue if filters.includes(each)]
    if filters.severity:
        kinds["severity"] = [*map(str, filters.severity)]
    if filters.source:
        kinds["source"] = filters.source
    return kinds


def _read_sums(
    repository: HazardRepository,
    by: By,
    communities: Sequence[str],
    filters: Filters,
    measures: tuple[str, ...],
    late_at: datetime | None = None,
) -> tuple[_Sums, _Sums]:
    """The measures by key and, with `late_at`, the overdue counts as of that instant by key."""
    kinds = _kind_filters(filters, repository.categories())
    asked = kinds | _community_filter(repository, communities)
    parts = (
        _daily_parts(filters, asked) if by == "day" else _period_parts(filters, by_kind=by == "category" or bool(kinds))
    )
    dated = filters.first is not None or filters.last is not None
    question = CountQuery(
        by,
        measures,
        tuple((part.grain, part.sign) for part in parts),
        tuple((name, len(values) != 1) for name, values in asked.items()),
        dated=dated,
        late=late_at is not None,
        use_community_index="community" not in asked and repository.dialect == "sqlite",
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
    for row in repository.rows(count_statement(question), values):
        is_late, key = row[:2]
        into, found = (late, row[2 : 2 + len(OverdueCounts._fields)]) if is_late else (sums, row[2:])
        known = into.get(key)
        into[key] = found if known is None else tuple(map(add, known, found))
    return sums, late


def _community_filter(repository: HazardRepository, communities: Sequence[str]) -> dict[str, Sequence[str]]:
    """The filter by community; empty for all communities, since a list of hundreds would only cost time."""
    return {} if len(communities) == len(repository.communities()) else {"community": communities}


_FIRST, _LAST = date(1970, 1, 1), date(2999, 12, 31)
"""The bounds of calendar.YEARS: no stored day lies outside."""
_DAY = timedelta(days=1)


class _SumPart(NamedTuple):
    """One summand of a total: counters that are added (`sign` 1) or subtracted (-1)."""

    grain: Grain
    days: Period
    sign: int = 1


def _daily_parts(filters: Filters, asked: Collection[str]) -> list[_SumPart]:
    """The counters by day. `asked`: columns that are filtered; without any, the office has one row a day."""
    grain = Grain.DAY_KINDS if {*asked} - {"community"} else Grain.DAYS if asked else Grain.OFFICE_DAYS
    return [_SumPart(grain, Period(filters.first or _FIRST, filters.last or _LAST))]


def _period_parts(filters: Filters, *, by_kind: bool) -> list[_SumPart]:
    """The summands of the period: whole quarters and months, plus or minus the days at its ends."""
    if filters.first is None and filters.last is None:
        return [_SumPart(Grain.ALL_KINDS if by_kind else Grain.ALL, Period(_FIRST, _FIRST))]
    first, last = filters.first or _FIRST, filters.last or _LAST
    grains = _KIND_GRAIN_BY_UNIT if by_kind else _GRAIN_BY_UNIT
    parts = decompose_period(first, last, quarters=SumUnit.QUARTER in grains)
    return [_SumPart(grains[each.unit], each.period, each.sign) for each in parts]


_GRAIN_BY_UNIT = {SumUnit.MONTH: Grain.MONTHS, SumUnit.DAY: Grain.DAYS}
_KIND_GRAIN_BY_UNIT = {
    SumUnit.QUARTER: Grain.QUARTER_KINDS,
    SumUnit.MONTH: Grain.MONTH_KINDS,
    SumUnit.DAY: Grain.DAY_KINDS,
}
"""Quarters are used by kind only, where a community has dozens of rows a month instead of one."""


class StreetBacklog(NamedTuple):
    """The open hazards of a street, by the names of metrics.OPEN_PARTS. `oldest`: when the oldest was reported."""

    numbers: dict[str, int]
    oldest: datetime | None


def backlog_by_street(repository: HazardRepository, reach: Scope, now: datetime) -> dict[str, StreetBacklog]:
    """Street code → its backlog, for every street in scope, zeros included."""
    asked = [each for each in repository.communities() if reach.covers_community(each.code)]
    found = count_hazards(repository, "community", [each.code for each in asked], Filters(), now)
    first: dict[str, datetime] = dict(map(tuple, repository.rows(_OLDEST)))
    streets: defaultdict[str, list[str]] = defaultdict(list)
    for each in asked:
        streets[each.street].append(each.code)
    standing: dict[str, StreetBacklog] = {}
    for street, codes in streets.items():
        numbers = sum_counts(found[code] for code in codes if code in found).numbers()
        oldest = min((first[code] for code in codes if code in first), default=None)
        standing[street] = StreetBacklog({name: numbers[name] for name in OPEN_PARTS}, oldest)
    return standing


_OLDEST = select(_H.community, func.min(_H.reported_at)).where(IS_OPEN).group_by(_H.community)
_AGES = (timedelta(), timedelta(days=1), timedelta(days=3), timedelta(days=7))


def counts_by_clock(
    repository: HazardRepository, communities: Sequence[str], filters: Filters, now: datetime
) -> dict[str, ClockCounts]:
    """Clock → counts of the hazards it runs for, among those reported in the period; all deadlines.CLOCKS."""
    catalogue = repository.categories()
    asked = _kind_filters(filters, catalogue) | _community_filter(repository, communities)
    chosen = [_H[name].in_(value) for name, value in asked.items()]
    bounds = [now - age for age in _AGES]
    found: dict[str, ClockCounts] = {}
    for name in CLOCKS:
        runs, due_at = clock_clause(name)
        late = [due_at < bound for bound in bounds]
        aged = [late[at] & ~late[at + 1] for at in range(len(late) - 1)]
        extended = _H.times_extended > 0 if name == "fix" else false()
        query = select(*map(count_matches, (~late[0], late[0], *aged, late[-1], extended))).where(
            runs,
            within_days(_H.reported_at, filters.first, filters.last),
            counted_hazards_clause(catalogue),
            *chosen,
        )
        found[name] = ClockCounts(*(int(number or 0) for number in repository.rows(query)[0]))
    return found


def data_version(repository: HazardRepository, reach: Scope, now: datetime) -> tuple[Any, ...]:
    """A value that changes whenever a number of this scope may change: after any step, or when a deadline passes."""
    return tuple(repository.rows(_version_query(reach), {"now": now})[0])


_ONE = literal_column("1", Integer)
"""A literal, not a parameter: PostgreSQL plans a parameterised LIMIT each time, which takes longer than the query."""


@lru_cache(maxsize=4096)
def _version_query(reach: Scope) -> Select[Any]:
    def next_deadline(column: ColumnElement[Any]) -> ScalarSelect[Any]:
        soon = select(column).where(CAN_BE_OVERDUE, column >= bindparam("now", type_=Instant()), scope_clause(reach))
        return soon.order_by(column).limit(_ONE).scalar_subquery()

    return DATA_VERSION.add_columns(next_deadline(_H.due_at), next_deadline(_H.original_due_at))
