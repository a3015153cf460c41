"""The filters of the list of hazards, read from the query and validated."""

from datetime import date
from typing import Any

from litestar.params import QueryParameter

from api.http.bodies import AnyRequest, check_moments
from api.http.context import app_context
from api.http.queries import fields_from_query
from inspections.errors import InvalidInput
from inspections.hazards.deadlines import CLOCKS
from inspections.statistics.metrics import COUNT_NAMES
from storage.hazards.listing import HazardFilters


def _read_filters(request: AnyRequest, **given: Any) -> HazardFilters:
    """Reads and validates the filters. Raises InvalidInput for times out of range and for unknown names."""
    filters = HazardFilters(app_context(request).clock(), **given)
    check_moments(**{name: value for name, value in given.items() if isinstance(value, date)})
    if filters.counted_as not in {None, *COUNT_NAMES}:
        raise InvalidInput(("counted_as", "没有这个统计项"))
    if filters.clock not in {None, *CLOCKS}:
        raise InvalidInput(("clock", "没有这个环节"))
    return filters


FILTERS = {"filters": fields_from_query(_read_filters, HazardFilters, {"q": QueryParameter(max_length=100)})}
