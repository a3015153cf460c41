"""Query parameters that all statistics share, and the links that list the hazards behind a number."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote_plus, urlencode

from litestar.di import Provide
from litestar.params import QueryParameter
from msgspec.structs import replace

from api.http.bodies import AnyRequest, check_moments
from api.http.queries import fields_from_query, sort_values
from api.http.responses import local_link
from inspections.accounts.policy import Scope
from inspections.calendar import YEARS, shanghai_date
from inspections.errors import InvalidInput, NotFound
from inspections.periods import Interval, Period, default_period
from inspections.places.communities import Community
from inspections.statistics.metrics import METRICS
from storage.repository import Repository
from storage.statistics.metrics import Filters

_LONGEST_DAYS = 3660


def check_period(first: date | None, last: date | None) -> None:
    """Raises InvalidInput for days outside calendar.YEARS, and for a period that ends before it begins."""
    check_moments(**{"from": first, "to": last})
    if first and last and last < first:
        raise InvalidInput(("to", "结束日期早于开始日期"))


def _read_filters(_: AnyRequest, **given: Any) -> Filters:
    """The filters of the query. Raises InvalidInput, as `check_period`."""
    filters = Filters(**sort_values(given))
    check_period(filters.first, filters.last)
    return filters


_METRIC_NAMES = "|".join(METRICS)
_MetricNames = Annotated[
    str | None, QueryParameter(schema_extra={"pattern": f"^(?:{_METRIC_NAMES})(?:,(?:{_METRIC_NAMES}))*$"})
]


def _requested_metrics(fields: _MetricNames = None) -> tuple[str, ...]:
    if fields is None:
        return tuple(METRICS)
    asked = set(fields.split(","))
    if unknown := asked - METRICS.keys():
        raise InvalidInput(("fields", f"没有名为“{min(unknown)[:32]}”的指标"))
    return tuple(name for name in METRICS if name in asked)


_DATE_PARAMETERS = {"first": QueryParameter(name="from"), "last": QueryParameter(name="to")}
FILTERS = {"filters": fields_from_query(_read_filters, Filters, _DATE_PARAMETERS)}
METRIC_SELECTION = {"wanted": Provide(_requested_metrics, sync_to_thread=False)}
"""`fields`: which of METRICS a row has, separated by commas; by default all of them."""


def requested_period(filters: Filters, interval: Interval, now: datetime) -> Period:
    """The requested period, or the default one. Raises InvalidInput for one longer than ten years."""
    usual = default_period(shanghai_date(now), interval)
    last = filters.last or usual.last
    first = filters.first or min(usual.first, last)
    if last < first:
        raise InvalidInput(("from", "开始日期晚于今天"))
    if (last - first).days > _LONGEST_DAYS or first.year - 1 not in YEARS:
        raise InvalidInput(("from", "时间跨度最长十年"))
    return Period(first, last)


def select_communities(repository: Repository, reach: Scope, filters: Filters) -> Sequence[Community]:
    """The communities in scope that the filters select. Raises NotFound for a code that is not in scope."""
    found = [each for each in repository.communities() if reach.covers_community(each.code)]
    if not {each.code for each in found}.issuperset(filters.community):
        raise NotFound("community", "community")
    if filters.street:
        found = [each for each in found if each.street in filters.street]
    if filters.community:
        found = [each for each in found if each.code in filters.community]
        if not found:
            raise NotFound("community", "community")
    return found


def cases_link(request: AnyRequest, filters: Filters, counted_as: str) -> str:
    """The link to the list of exactly the hazards that were counted as `counted_as`."""
    return local_link(request, cases_path(filters, counted_as))


def case_link_builder(
    request: AnyRequest, filters: Filters, name: Literal["community", "category"], counted_as: str
) -> Callable[[str], str]:
    """A function from a code to its `cases_link`; the common part is encoded once for hundreds of links."""
    common = cases_link(request, replace(filters, **{name: ()}), counted_as)
    return lambda code: f"{common}&{name}={quote_plus(code)}"


def clock_cases_link(request: AnyRequest, filters: Filters, clock: str) -> str:
    """The link to the list of the hazards for which this clock runs."""
    days = {"counted_from": filters.first, "counted_to": filters.last}
    return local_link(request, _hazards_path(filters, clock=clock, counted_as="received", **days))


def cases_path(filters: Filters, counted_as: str) -> str:
    """The path of a `cases_link`, for what is stored: the address of the server may change."""
    return _hazards_path(filters, counted_as=counted_as, counted_from=filters.first, counted_to=filters.last)


def _hazards_path(filters: Filters, **query: Any) -> str:
    query |= {
        "community": filters.community,
        "street": filters.street,
        "category": filters.category,
        "group": filters.group,
        "severity": filters.severity,
        "source": filters.source,
    }
    return "/api/v1/hazards?" + urlencode(
        {name: value for name, value in query.items() if value is not None}, doseq=True
    )
