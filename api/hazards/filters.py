"""The filters of the list of hazards, read from the query and validated."""

from datetime import date
from typing import Any

from litestar.params import QueryParameter

from api.http.bodies import AnyRequest, check_moments
from api.http.context import app_context
from api.http.queries import describe_values, fields_from_query, sort_values
from inspections.errors import InvalidInput
from inspections.hazards.deadlines import CLOCKS
from inspections.statistics.metrics import COUNT_NAMES
from storage.hazards.filters import HazardFilters

_NEEDED_FILTER = {
    "counted_from": "counted_as",
    "counted_to": "counted_as",
    "clock_due_from": "clock",
    "clock_due_before": "clock",
}
"""A filter that says nothing without another one."""


def _read_filters(request: AnyRequest, **given: Any) -> HazardFilters:
    """Reads and validates the filters. Raises InvalidInput for times out of range and for unknown names."""
    now = app_context(request).clock()
    if not request.scope["query_string"]:
        return HazardFilters(now)
    filters = HazardFilters(now, **sort_values(given))
    check_moments(**{name: value for name, value in given.items() if isinstance(value, date)})
    if unknown := [name for name in filters.counted_as if name not in COUNT_NAMES]:
        raise InvalidInput(("counted_as", f"没有名为“{unknown[0][:32]}”的统计项"))
    for field in ("clock", "clock_overdue"):
        if not CLOCKS.keys() >= {*getattr(filters, field)}:
            raise InvalidInput((field, f"没有这个环节，可选：{'、'.join(CLOCKS)}"))
    for field, needed in _NEEDED_FILTER.items():
        if getattr(filters, field) is not None and not getattr(filters, needed):
            raise InvalidInput((field, f"须与 {needed} 一起使用"))
    return filters


_PARAMETERS = {
    "q": QueryParameter(max_length=100),
    "counted_as": QueryParameter(schema_extra=describe_values(COUNT_NAMES)),
    "clock": QueryParameter(schema_extra=describe_values(CLOCKS)),
    "clock_overdue": QueryParameter(schema_extra=describe_values(CLOCKS)),
}
FILTERS = {"filters": fields_from_query(_read_filters, HazardFilters, _PARAMETERS)}
