"""Statistics routes: the numbers per community."""

from datetime import date, datetime, timedelta
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import get
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct, field
from msgspec.structs import asdict

from api.bodies import AnyRequest, check_moments
from api.house import house, person_of
from inspections.calendar import YEARS, shanghai_date
from inspections.errors import Invalid, Missing
from inspections.people import Person
from inspections.periods import Interval, Period, buckets, change, default, prior, year_before
from inspections.places import Community
from inspections.policy import Scope, scope
from inspections.statistics import DEFINITIONS, FLOWS, Counts, Flow
from storage.register import Register
from storage.statistics import Filters, counts_by_community, flow_by_day

_LONGEST_DAYS = 3660


class CommunityStatistics(Struct, frozen=True):
    """`items`: a flat row a community in scope, zeros included; `definitions`: what each number means (口径)."""

    items: list[dict[str, Any]]
    total: dict[str, Any]
    as_of: datetime
    definitions: dict[str, str]


class Trend(Struct, frozen=True):
    """`items`: a flat row for each day, week or month, zeros included; `definitions`: what each number means (口径)."""

    items: list[dict[str, Any]]
    total: Flow
    interval: Interval
    definitions: dict[str, str]


class Days(Struct, frozen=True):
    """Both included."""

    first: date = field(name="from")
    last: date = field(name="to")


class Compared(Struct, frozen=True):
    """A number of the period, beside that of the period before (环比) and of the same a year before (同比).

    Percentages are null where there was nothing then. `meaning`: 口径.
    """

    metric: str
    meaning: str
    value: int
    prior: int
    prior_delta: int
    prior_percent: float | None
    year_before: int
    year_delta: int
    year_percent: float | None


class Comparison(Struct, frozen=True):
    items: list[Compared]
    period: Days
    prior: Days
    year_before: Days
    as_of: datetime


@get("/statistics/communities", opt={"action": "statistics.see"})
async def communities(  # the filters of the contract
    request: AnyRequest,
    community: FromQuery[str | None] = None,
    street: FromQuery[str | None] = None,
    category: FromQuery[str | None] = None,
    group: FromQuery[str | None] = None,
    first: Annotated[date | None, QueryParameter(name="from")] = None,
    last: Annotated[date | None, QueryParameter(name="to")] = None,
) -> CommunityStatistics:
    home, person, now = house(request), person_of(request), house(request).clock()
    filters = _checked(Filters(community, street, category, group, first, last))
    return await home.database.read(partial(_ask, person=person, filters=filters, now=now))


@get("/statistics/trend", opt={"action": "statistics.see"})
async def trend(
    request: AnyRequest,
    interval: FromQuery[Interval] = Interval.DAY,
    community: FromQuery[str | None] = None,
    street: FromQuery[str | None] = None,
    category: FromQuery[str | None] = None,
    group: FromQuery[str | None] = None,
    first: Annotated[date | None, QueryParameter(name="from")] = None,
    last: Annotated[date | None, QueryParameter(name="to")] = None,
) -> Trend:
    """What happened on each day, ISO week or month; without dates the last thirty days, twelve weeks or months."""
    home, reach = house(request), scope(person_of(request), "statistics.see")
    period = _period(first, last, interval, home.clock())
    filters = Filters(community, street, category, group, period.first, period.last)

    def ask(register: Register) -> dict[date, Flow]:
        _chosen(register, reach, filters)
        return flow_by_day(register, reach, filters)

    days = await home.database.read(ask)
    items: list[dict[str, Any]] = []
    for name, part in buckets(period, interval):
        flow = sum((days.get(part.first + timedelta(at), Flow()) for at in range(part.days)), Flow())
        items.append({interval: name, "from": part.first, "to": part.last, **asdict(flow)})
    return Trend(items, sum(days.values(), Flow()), interval, FLOWS)


@get("/statistics/compare", opt={"action": "statistics.see"})
async def compare(
    request: AnyRequest,
    community: FromQuery[str | None] = None,
    street: FromQuery[str | None] = None,
    category: FromQuery[str | None] = None,
    group: FromQuery[str | None] = None,
    first: Annotated[date | None, QueryParameter(name="from")] = None,
    last: Annotated[date | None, QueryParameter(name="to")] = None,
) -> Comparison:
    """The period against the one before and the same a year before; without dates the last thirty days."""
    home, reach = house(request), scope(person_of(request), "statistics.see")
    now = home.clock()
    period = _period(first, last, Interval.DAY, now)
    periods = (period, prior(period), year_before(period))

    def ask(register: Register) -> list[dict[str, int]]:
        return [_totals(register, reach, Filters(community, street, category, group, *each), now) for each in periods]

    here, before, a_year_ago = await home.database.read(ask)
    items = [
        Compared(name, DEFINITIONS[name], value, *change(value, before[name]), *change(value, a_year_ago[name]))
        for name, value in here.items()
    ]
    here_days, prior_days, year_days = (Days(*each) for each in periods)
    return Comparison(items, here_days, prior_days, year_days, now)


def _totals(register: Register, reach: Scope, filters: Filters, now: datetime) -> dict[str, int]:
    _chosen(register, reach, filters)
    return _numbers(sum(counts_by_community(register, reach, filters, now).values(), Counts()))


def _period(first: date | None, last: date | None, interval: Interval, now: datetime) -> Period:
    """Raises Invalid for a period that is reversed, or longer than anybody reads."""
    usual = default(shanghai_date(now), interval)
    last = last or usual.last
    first = first or min(usual.first, last)
    _checked(Filters(first=first, last=last))
    if (last - first).days > _LONGEST_DAYS or first.year - 1 not in YEARS:
        raise Invalid(("from", "时间跨度最长十年"))
    return Period(first, last)


def _checked(filters: Filters) -> Filters:
    first, last = filters.first, filters.last
    check_moments(**{"from": first, "to": last})
    if first and last and last < first:
        raise Invalid(("to", "结束日期早于开始日期"))
    return filters


def _ask(register: Register, person: Person, filters: Filters, now: datetime) -> CommunityStatistics:
    reach = scope(person, "statistics.see")
    chosen = _chosen(register, reach, filters)
    counts = counts_by_community(register, reach, filters, now)
    rows = [(each, counts.get(each.code, Counts())) for each in chosen]
    items = [
        {"community": each.code, "name": each.name, **_row(row), "cases": _cases(each.code, filters)}
        for each, row in rows
    ]
    return CommunityStatistics(items, _row(sum((row for _, row in rows), Counts())), now, DEFINITIONS)


def _chosen(register: Register, reach: Scope, filters: Filters) -> list[Community]:
    """Raises Missing for a community that is not theirs to see, or that there is not."""
    chosen = [
        each
        for each in register.communities()
        if reach.covers_community(each.code)
        and filters.community in {None, each.code}
        and filters.street in {None, each.street}
    ]
    if filters.community is not None and not chosen:
        raise Missing("community", "community")
    return chosen


def _row(counts: Counts) -> dict[str, Any]:
    return {**_numbers(counts), **counts.rates()}


def _numbers(counts: Counts) -> dict[str, int]:
    return {**asdict(counts), "open": counts.open}


def _cases(community: str, filters: Filters) -> str:
    """The list of the cases behind `received` of this row."""
    query = {
        "community": community,
        "category": filters.category,
        "group": filters.group,
        "reported_from": filters.first,
        "reported_to": filters.last,
    }
    return "/api/v1/hazards?" + urlencode({name: value for name, value in query.items() if value})


ROUTES = [communities, trend, compare]
