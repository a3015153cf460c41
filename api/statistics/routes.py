"""Statistics routes: by community and by category, summed up, over time, compared with other periods, by clock."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Response
from msgspec import Struct, field
from msgspec.structs import asdict, replace

from api.http.bodies import AnyRequest
from api.http.context import app_context
from api.http.responses import VALIDATOR_HEADERS
from api.http.tables import FormatParameter, Sheet
from api.statistics.filters import (
    FILTERS,
    METRIC_SELECTION,
    case_link_builder,
    cases_link,
    clock_cases_link,
    requested_period,
    select_communities,
)
from api.statistics.responses import statistics_response
from api.statistics.rows import CategoryRow, CommunityRow, build_rows
from inspections.accounts.policy import Scope
from inspections.hazards.deadlines import CLOCKS
from inspections.periods import Interval, buckets, previous_period, relative_change, year_ago_period
from inspections.statistics.metrics import (
    CLOCK_DEFINITIONS,
    CLOCK_TITLES,
    COUNT_NAMES,
    DEFINITIONS,
    FLOW_DEFINITIONS,
    METRICS,
    RATES,
    Counts,
    Flow,
    metric_columns,
    sum_counts,
)
from storage.repository import Repository
from storage.statistics.metrics import Filters, count_hazards, counts_by_clock, flow_by_day

Row = dict[str, Any]


class CommunityStatistics(Struct, frozen=True):
    """`items`: a flat row per community in scope, zeros included; `definitions`: what each number means (口径).

    Every rate has its `_numerator` and its `_denominator`. `cases` is the link to the hazards that `received` counts;
    with another count's name as `counted_as` it lists those.
    """

    items: list[CommunityRow]
    total: Row
    as_of: datetime
    definitions: dict[str, str]


class CategoryStatistics(Struct, frozen=True):
    """Like CommunityStatistics, with a row per category; `groups`: a row per group of categories."""

    items: list[CategoryRow]
    groups: list[Row]
    total: Row
    as_of: datetime
    definitions: dict[str, str]


class Figure(Struct, frozen=True):
    """A number with its Chinese title and meaning (口径); a rate has its numerator and denominator.

    `cases`: the link to the hazards it counts.
    """

    metric: str
    title: str
    value: float | None
    numerator: int | None
    denominator: int | None
    meaning: str
    cases: str | None


class Summary(Struct, frozen=True):
    items: list[Figure]
    as_of: datetime


class Trend(Struct, frozen=True):
    """`items`: a flat row per day, week or month, zeros included; `definitions`: what each number means (口径)."""

    items: list[Row]
    total: Flow
    interval: Interval
    definitions: dict[str, str]


class DateRange(Struct, frozen=True):
    """Two days, both included."""

    first: date = field(name="from")
    last: date = field(name="to")


class MetricComparison(Struct, frozen=True):
    """A number of the period, beside that of the period before (环比) and of the same period a year before (同比).

    Percentages are null where the earlier number is 0. `meaning`: 口径.
    """

    metric: str
    title: str
    meaning: str
    value: int
    prior: int
    prior_delta: int
    prior_percent: float | None
    year_before: int
    year_delta: int
    year_percent: float | None


class Comparison(Struct, frozen=True):
    items: list[MetricComparison]
    period: DateRange
    prior: DateRange
    year_before: DateRange
    as_of: datetime


class ClockStatistics(Struct, frozen=True):
    """`items`: a flat row per clock: on time, and overdue by how long. `cases` is the link to all it runs for."""

    items: list[Row]
    as_of: datetime
    definitions: dict[str, str]


_NUMBERS = {"action": "statistics.see", "headers": VALIDATOR_HEADERS}


@get("/statistics/communities", opt=_NUMBERS, dependencies=FILTERS | METRIC_SELECTION)
async def get_community_statistics(
    request: AnyRequest,
    filters: NamedDependency[Filters],
    wanted: NamedDependency[tuple[str, ...]],
    form: FormatParameter = None,
) -> Response[CommunityStatistics]:
    """A row for every community in scope, zeros included. `fields=received,overdue`: only these, in every format."""

    def compute(repository: Repository, reach: Scope, now: datetime) -> CommunityStatistics:
        asked = select_communities(repository, reach, filters)
        found = count_hazards(repository, "community", [each.code for each in asked], filters, now)
        each_counted = [found.get(each.code, Counts()) for each in asked]
        link = case_link_builder(request, filters, "community", "received")
        columns = {
            "community": [each.code for each in asked],
            "name": [each.name for each in asked],
            **metric_columns(each_counted, wanted),
            "cases": [link(each.code) for each in asked],
        }
        total = sum_counts(each_counted).row(wanted)
        return CommunityStatistics(build_rows(CommunityRow, columns), total, now, _definitions(wanted))

    titles = {"community": "社区代码", "name": "社区"}
    return await statistics_response(
        request, form, compute, lambda found: _statistics_sheet("社区统计", titles, found.items, found.total)
    )


@get("/statistics/categories", opt=_NUMBERS, dependencies=FILTERS | METRIC_SELECTION)
async def get_category_statistics(
    request: AnyRequest,
    filters: NamedDependency[Filters],
    wanted: NamedDependency[tuple[str, ...]],
    form: FormatParameter = None,
) -> Response[CategoryStatistics]:
    """A row for every selected category and every group, zeros included; without alert checks.

    `fields=received,overdue`: only these, in every format.
    """

    def compute(repository: Repository, reach: Scope, now: datetime) -> CategoryStatistics:
        codes = [each.code for each in select_communities(repository, reach, filters)]
        found = count_hazards(repository, "category", codes, filters, now)
        each_counted = {
            each: found.get(each.code, Counts())
            for each in repository.categories()
            if not each.from_device and filters.includes(each)
        }
        link = case_link_builder(request, filters, "category", "received")
        columns = {
            "category": [each.code for each in each_counted],
            "name": [each.name for each in each_counted],
            "group": [each.group for each in each_counted],
            **metric_columns([*each_counted.values()], wanted),
            "cases": [link(each.code) for each in each_counted],
        }
        groups = [
            {
                "group": name,
                **sum_counts(numbers for each, numbers in each_counted.items() if each.group == name).row(wanted),
                "cases": cases_link(request, replace(filters, group=(name,)), "received"),
            }
            for name in dict.fromkeys(each.group for each in each_counted)
        ]
        total = sum_counts(each_counted.values()).row(wanted)
        return CategoryStatistics(build_rows(CategoryRow, columns), groups, total, now, _definitions(wanted))

    titles = {"category": "类别代码", "name": "类别", "group": "大类"}
    return await statistics_response(
        request, form, compute, lambda found: _statistics_sheet("类别统计", titles, found.items, found.total)
    )


@get("/statistics/summary", opt=_NUMBERS, dependencies=FILTERS)
async def get_summary(
    request: AnyRequest, filters: NamedDependency[Filters], form: FormatParameter = None
) -> Response[Summary]:
    """Every number of the scope, one per row, with its meaning and a link that lists its hazards."""

    def compute(repository: Repository, reach: Scope, now: datetime) -> Summary:
        row = _total_counts(repository, reach, filters, now).row()
        return Summary([build_figure(name, row, cases_link(request, filters, name)) for name in METRICS], now)

    titles = {"title": "指标", "value": "数值", "numerator": "分子", "denominator": "分母", "meaning": "口径"}
    return await statistics_response(
        request, form, compute, lambda found: Sheet("统计汇总", titles, [asdict(each) for each in found.items])
    )


@get("/statistics/trend", opt=_NUMBERS, dependencies=FILTERS)
async def get_trend(
    request: AnyRequest,
    filters: NamedDependency[Filters],
    interval: FromQuery[Interval] = Interval.DAY,
    form: FormatParameter = None,
) -> Response[Trend]:
    """Events per day, ISO week or month; without dates the last thirty days, twelve weeks or twelve months."""
    period = requested_period(filters, interval, app_context(request).clock())
    bounded = replace(filters, first=period.first, last=period.last)

    def compute(repository: Repository, reach: Scope, _: datetime) -> Trend:
        days = flow_by_day(repository, [each.code for each in select_communities(repository, reach, bounded)], bounded)
        items: list[Row] = []
        for name, part in buckets(period, interval):
            flow = sum((days.get(part.first + timedelta(at), Flow()) for at in range(part.days)), Flow())
            items.append({interval: name, "from": part.first, "to": part.last, **asdict(flow)})
        return Trend(items, sum(days.values(), Flow()), interval, FLOW_DEFINITIONS)

    titles = {interval: "时段", "from": "起", "to": "止", "received": "上报", "accepted": "受理"}
    titles |= {"closed": "销号", "fixed": "整改"}
    return await statistics_response(request, form, compute, lambda found: Sheet("趋势", titles, found.items))


@get("/statistics/compare", opt=_NUMBERS, dependencies=FILTERS)
async def compare_periods(
    request: AnyRequest, filters: NamedDependency[Filters], form: FormatParameter = None
) -> Response[Comparison]:
    """The period against the one before and the same a year before; without dates the last thirty days."""
    period = requested_period(filters, Interval.DAY, app_context(request).clock())
    periods = (period, previous_period(period), year_ago_period(period))

    def compute(repository: Repository, reach: Scope, now: datetime) -> Comparison:
        here, before, a_year_ago = (
            _total_counts(repository, reach, replace(filters, first=each.first, last=each.last), now).numbers()
            for each in periods
        )
        items = [
            MetricComparison(
                *(name, METRICS[name].title, METRICS[name].meaning, value),
                *relative_change(value, before[name]),
                *relative_change(value, a_year_ago[name]),
            )
            for name, value in here.items()
        ]
        here_days, prior_days, year_days = (DateRange(*each) for each in periods)
        return Comparison(items, here_days, prior_days, year_days, now)

    titles = {"title": "指标", "value": "本期", "prior": "上期", "prior_delta": "环比增减", "prior_percent": "环比%"}
    titles |= {"year_before": "去年同期", "year_delta": "同比增减", "year_percent": "同比%", "meaning": "口径"}
    return await statistics_response(
        request, form, compute, lambda found: Sheet("对比", titles, [asdict(each) for each in found.items])
    )


@get("/statistics/deadlines", opt=_NUMBERS, dependencies=FILTERS)
async def get_deadline_statistics(
    request: AnyRequest, filters: NamedDependency[Filters], form: FormatParameter = None
) -> Response[ClockStatistics]:
    """The hazards that each clock runs for: on time, overdue by how long; with a period, those reported in it."""

    def compute(repository: Repository, reach: Scope, now: datetime) -> ClockStatistics:
        codes = [each.code for each in select_communities(repository, reach, filters)]
        standing = counts_by_clock(repository, codes, filters, now)
        items = [
            {
                "clock": name,
                "title": CLOCK_TITLES[name],
                **asdict(standing[name]),
                "cases": clock_cases_link(request, filters, name),
            }
            for name in CLOCKS
        ]
        return ClockStatistics(items, now, CLOCK_DEFINITIONS)

    titles = {"title": "环节", "on_time": "期限内", "overdue": "逾期", "overdue_1d": "逾期一天内"}
    titles |= {"overdue_3d": "逾期一至三天", "overdue_7d": "逾期三至七天", "overdue_more": "逾期七天以上"}
    titles |= {"extended": "其中延过期"}
    return await statistics_response(
        request, form, compute, lambda found: Sheet("时限", titles, found.items), changes_with_time=True
    )


def _total_counts(repository: Repository, reach: Scope, filters: Filters, now: datetime) -> Counts:
    codes = [each.code for each in select_communities(repository, reach, filters)]
    return sum_counts(count_hazards(repository, "community", codes, filters, now).values())


def build_figure(name: str, row: Mapping[str, Any], cases: str) -> Figure:
    """A number of `row`. `cases`: the link to the hazards it counts; a rate has none."""
    title, meaning = METRICS[name]
    if name in RATES:
        return Figure(name, title, row[name], row[f"{name}_numerator"], row[f"{name}_denominator"], meaning, None)
    return Figure(name, title, row[name], None, None, meaning, cases)


def _definitions(wanted: Iterable[str]) -> dict[str, str]:
    return {name: DEFINITIONS[name] for name in wanted}


def _statistics_sheet(name: str, titles: Mapping[str, str], items: Sequence[Struct], total: Row) -> Sheet:
    """A table of `items` and their total. `titles`: of the columns beside the numbers."""
    first = next(iter(titles))
    numbers = {name: _TITLES[name] for name in total}
    return Sheet(name, {**titles, **numbers}, [*map(asdict, items), {first: "合计", **total}])


def _column_titles() -> dict[str, str]:
    """Column → title, for every number of a row; rates with their numerator and denominator."""
    titles = {name: METRICS[name].title for name in COUNT_NAMES}
    for name, rate in RATES.items():
        titles |= {
            name: rate.title,
            f"{name}_numerator": f"{rate.title}分子",
            f"{name}_denominator": f"{rate.title}分母",
        }
    return titles


_TITLES = _column_titles()

ROUTES = [
    get_community_statistics,
    get_category_statistics,
    get_summary,
    get_trend,
    compare_periods,
    get_deadline_statistics,
]
