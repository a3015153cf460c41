"""Statistics routes: the numbers per community."""

from datetime import date, datetime
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import get
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from api.bodies import AnyRequest, check_moments
from api.house import house, person_of
from inspections.errors import Invalid, Missing
from inspections.people import Person
from inspections.policy import scope
from inspections.statistics import DEFINITIONS, Counts
from storage.register import Register
from storage.statistics import Filters, counts_by_community


class CommunityStatistics(Struct, frozen=True):
    """`items`: a flat row a community in scope, zeros included; `definitions`: what each number means (口径)."""

    items: list[dict[str, Any]]
    total: dict[str, Any]
    as_of: datetime
    definitions: dict[str, str]


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
    check_moments(**{"from": first, "to": last})
    if first and last and last < first:
        raise Invalid(("to", "结束日期早于开始日期"))
    home, person, now = house(request), person_of(request), house(request).clock()
    filters = Filters(community, street, category, group, first, last)
    return await home.database.read(partial(_ask, person=person, filters=filters, now=now))


def _ask(register: Register, person: Person, filters: Filters, now: datetime) -> CommunityStatistics:
    reach = scope(person, "statistics.see")
    chosen = [
        each
        for each in register.communities()
        if reach.covers_community(each.code)
        and filters.community in {None, each.code}
        and filters.street in {None, each.street}
    ]
    if filters.community is not None and not chosen:
        raise Missing("community", "community")
    counts = counts_by_community(register, reach, filters, now)
    rows = [(each, counts.get(each.code, Counts())) for each in chosen]
    items = [
        {"community": each.code, "name": each.name, **_row(row), "cases": _cases(each.code, filters)}
        for each, row in rows
    ]
    return CommunityStatistics(items, _row(sum((row for _, row in rows), Counts())), now, DEFINITIONS)


def _row(counts: Counts) -> dict[str, Any]:
    numbers = {name: getattr(counts, name) for name in counts.__struct_fields__}
    return {**numbers, "open": counts.open, **counts.rates()}


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


ROUTES = [communities]
