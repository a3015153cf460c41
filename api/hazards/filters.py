"""The filters of the list of hazards, read from the query and validated."""

from datetime import date
from typing import Any

from litestar.params import QueryParameter

from api.http.bodies import AnyRequest, check_moments
from api.http.context import context_of
from api.http.queries import fields_from_query
from inspections.errors import Invalid
from inspections.hazards.deadlines import CLOCKS
from inspections.statistics.metrics import COUNTED
from storage.hazards.listing import HazardFilters


def _filters(request: AnyRequest, **given: Any) -> HazardFilters:
    """Reads and validates the filters. Raises InvalidInput for times out of range and for unknown names."""
    filters = HazardFilters(context_of(request).clock(), **given)
    check_moments(**{name: value for name, value in given.items() if isinstance(value, date)})
    if filters.counted_as not in {None, *COUNTED}:
        raise Invalid(("counted_as", "没有这个统计项"))
    if filters.clock not in {None, *CLOCKS}:
        raise Invalid(("clock", "没有这个环节"))
    return filters


FILTERS = {"filters": fields_from_query(_filters, HazardFilters, {"q": QueryParameter(max_length=100)})}
