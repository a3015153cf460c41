"""The route that lists the security log, for auditors."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from api.http.bodies import AnyRequest
from api.http.context import app_context, current_person
from inspections.accounts.policy import Scope, scope
from inspections.accounts.security_log import Event, SecurityEvent
from inspections.calendar import YEARS, midnight
from inspections.errors import InvalidInput
from storage.accounts.security_log import EventFilter, fetch_security_events
from storage.repository import Repository

_PAGE = 100


class SecurityLogView(Struct, frozen=True):
    """A page of the security log, newest first. `next_cursor`: null on the last page."""

    items: list[SecurityEvent]
    next_cursor: UUID | None


@get("/security/events", opt={"action": "security.see"})
async def list_security_events(
    request: AnyRequest,
    event: FromQuery[tuple[Event, ...]] = (),
    person: FromQuery[tuple[str, ...]] = (),
    first: Annotated[date | None, QueryParameter(name="from")] = None,
    last: Annotated[date | None, QueryParameter(name="to")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = _PAGE,
    cursor: FromQuery[UUID | None] = None,
) -> SecurityLogView:
    """Lists security events, such as sign-ins and exports, by or about `person`, of the days `from` to `to`.

    Auditors who do not cover all communities see only events that concern accounts within their scope.
    """
    wanted = EventFilter(event, person, _day_start("from", first), _day_start("to", last, days=1), cursor)
    reach = scope(current_person(request), "security.see")

    def ask(repository: Repository) -> SecurityLogView:
        found = fetch_security_events(repository, wanted, _visible_usernames(repository, reach), limit + 1)
        more = found[limit - 1].id if len(found) > limit else None
        return SecurityLogView(found[:limit], more)

    return await app_context(request).database.read(ask)


def _day_start(field: str, day: date | None, days: int = 0) -> datetime | None:
    if day is not None and day.year not in YEARS:
        raise InvalidInput((field, "日期超出范围"))
    return midnight(day + timedelta(days)) if day else None


def _visible_usernames(repository: Repository, reach: Scope) -> Collection[str] | None:
    if reach.covers_community(""):
        return None
    return {each.username for each in repository.people() if reach.covers_person(each)}


ROUTES = [list_security_events]
