"""The route that lists the security log, for auditors."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from api.http.bodies import AnyRequest
from api.http.context import context_of, person_of
from inspections.accounts.policy import Scope, scope
from inspections.accounts.security_log import Event, SecurityEvent
from inspections.calendar import YEARS, midnight
from inspections.errors import Invalid
from storage.accounts.security_log import Wanted, security_page
from storage.repository import Repository

_PAGE = 100


class SecurityLogView(Struct, frozen=True):
    """A page of the security log, newest first. `next_cursor`: null on the last page."""

    items: list[SecurityEvent]
    next_cursor: UUID | None


@get("/security/events", opt={"action": "security.see"})
async def get_events(
    request: AnyRequest,
    event: FromQuery[Event | None] = None,
    person: FromQuery[str | None] = None,
    first: Annotated[date | None, QueryParameter(name="from")] = None,
    last: Annotated[date | None, QueryParameter(name="to")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = _PAGE,
    cursor: FromQuery[UUID | None] = None,
) -> SecurityLogView:
    """Lists security events, such as sign-ins and exports, by or about `person`, of the days `from` to `to`.

    Auditors who do not cover all communities see only events that concern accounts within their scope.
    """
    wanted = Wanted(event, person, _begins("from", first), _begins("to", last, days=1), cursor)
    reach = scope(person_of(request), "security.see")

    def ask(repository: Repository) -> SecurityLogView:
        found = security_page(repository, wanted, _accounts(repository, reach), limit + 1)
        more = found[limit - 1].id if len(found) > limit else None
        return SecurityLogView(found[:limit], more)

    return await context_of(request).database.read(ask)


def _begins(field: str, day: date | None, days: int = 0) -> datetime | None:
    if day is not None and day.year not in YEARS:
        raise Invalid((field, "日期超出范围"))
    return midnight(day + timedelta(days)) if day else None


def _accounts(repository: Repository, reach: Scope) -> Collection[str] | None:
    if reach.covers_community(""):
        return None
    return {each.username for each in repository.people() if reach.sees(each)}


ROUTES = [get_events]
