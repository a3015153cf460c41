"""Routes for an office's settings: rules, category policies, the calendar and dispatch rules."""

from collections.abc import Sequence
from functools import partial
from operator import attrgetter
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, PathParameter
from msgspec import Struct

from api.accounts.security_log import current_caller
from api.http.bodies import AnyRequest, json_body
from api.http.context import app_context, current_person
from api.http.queries import LIST_LIMIT, PageCursor, PageLimit, cut_page
from api.office.recalculation import recompute_deadlines
from inspections.accounts.policy import scope
from inspections.accounts.security_log import Event
from inspections.calendar import YEARS, CalendarDay
from inspections.errors import InvalidInput
from inspections.office.actions import (
    CODE_PATTERN,
    CategoryPolicy,
    Code,
    NewCalendar,
    NewRules,
    edit_calendar,
    edit_category,
    edit_rules,
    rulebook,
)
from inspections.office.categories import Category
from inspections.office.rules import Rulebook
from inspections.remediation.actions.dispatch_rules import NewDispatchRule, add_dispatch_rule, remove_dispatch_rule
from inspections.remediation.dispatch_rules import DispatchRule
from storage.repository import Action, Repository

T = TypeVar("T")


class CalendarView(Struct, frozen=True):
    """The calendar of a year. Unless it is `published`, all weekdays count as working days, provisionally.

    `recomputed`: how many provisional deadlines were changed by the edit.
    """

    year: int
    published: bool
    days: list[CalendarDay]
    recomputed: int | None = None


class DispatchRuleList(Struct, frozen=True, omit_defaults=True):
    """A page of dispatch rules. `next_cursor` is left out on the last one."""

    items: Sequence[DispatchRule]
    next_cursor: str | None = None


@get("/rules", opt={"action": "rules.see"})
async def get_rules(request: AnyRequest) -> Rulebook:
    """Returns the rules of the office."""
    return await app_context(request).database.read(rulebook)


@post("/rules", opt={"action": "rules.edit", "body": NewRules}, status_code=200)
async def update_rules(request: AnyRequest) -> Rulebook:
    """Replaces the whole document; omitted fields get the defaults."""
    context, sent = app_context(request), await json_body(request, NewRules)
    action = partial(edit_rules, person=current_person(request), sent=sent, now=context.clock())
    return await _transact_edit(request, action, "rules")


_CategoryCode = Annotated[str, PathParameter(schema_extra={"pattern": CODE_PATTERN})]


@post("/categories/{code:str}", opt={"action": "rules.edit", "body": CategoryPolicy}, status_code=200)
async def save_category(request: AnyRequest, code: _CategoryCode) -> Category:
    """Replaces the whole policy of a category, or creates a category."""
    sent = await json_body(request, CategoryPolicy)
    return await _transact_edit(request, partial(edit_category, code=_parse_code(code), sent=sent), f"category {code}")


async def _transact_edit(request: AnyRequest, action: Action[T], what: str) -> T:
    return await app_context(request).log.transact(action, Event.RULES_EDITED, current_caller(request), what)


def _parse_code(code: str) -> str:
    try:
        return msgspec.convert(code, Code)
    except msgspec.ValidationError:
        raise InvalidInput(("code", "类别编码须形如 EB-01")) from None


@get("/calendar/{year:int}", opt={"action": "place.see"})
async def get_calendar(request: AnyRequest, year: FromPath[int]) -> CalendarView:
    """Returns the calendar (工作日历) of a year."""
    if year not in YEARS:
        raise InvalidInput(("year", "年份超出范围"))

    def load(repository: Repository) -> CalendarView:
        return CalendarView(year, year in repository.calendar.published, repository.calendar_days(year))

    return await app_context(request).database.read(load)


@post("/calendar/{year:int}", opt={"action": "rules.edit", "body": NewCalendar}, status_code=200)
async def replace_calendar(request: AnyRequest, year: FromPath[int]) -> CalendarView:
    """Replaces the schedule of a year with the published one, and recomputes provisional deadlines."""
    context, sent = app_context(request), await json_body(request, NewCalendar)
    days = await _transact_edit(request, partial(edit_calendar, year=year, sent=sent), f"calendar {year}")
    return CalendarView(
        year, published=True, days=list(days), recomputed=await recompute_deadlines(context.database, context.clock())
    )


@get("/dispatch-rules", opt={"action": "rules.see"})
async def list_dispatch_rules(
    request: AnyRequest, limit: PageLimit = LIST_LIMIT, cursor: PageCursor = None
) -> DispatchRuleList:
    """Lists the dispatch rules that overlap the caller's communities."""
    reach = scope(current_person(request), "rules.see").communities

    def load(repository: Repository) -> list[DispatchRule]:
        return [
            rule
            for rule in repository.dispatch_rules
            if any(rule.community.startswith(area) or area.startswith(rule.community) for area in reach)
        ]

    found = await app_context(request).database.read(load)
    return DispatchRuleList(*cut_page(found, attrgetter("id"), limit, cursor))


@post("/dispatch-rules", opt={"action": "rules.edit", "body": NewDispatchRule})
async def create_dispatch_rule(request: AnyRequest) -> Response[DispatchRule]:
    """Creates a dispatch rule; a repeated request gets status 200."""
    sent = await json_body(request, NewDispatchRule)
    action = partial(add_dispatch_rule, person=current_person(request), sent=sent)
    added = await _transact_edit(request, action, f"dispatch {sent.id}")
    return Response(added.rule, status_code=200 if added.repeated else 201)


@post("/dispatch-rules/{rule_id:uuid}/remove", opt={"action": "rules.edit"}, status_code=200)
async def delete_dispatch_rule(request: AnyRequest, rule_id: FromPath[UUID]) -> DispatchRule:
    """Removes a dispatch rule."""
    action = partial(remove_dispatch_rule, person=current_person(request), rule_id=rule_id)
    return await _transact_edit(request, action, f"dispatch {rule_id}")


ROUTES = [
    get_rules,
    update_rules,
    save_category,
    get_calendar,
    replace_calendar,
    list_dispatch_rules,
    create_dispatch_rule,
    delete_dispatch_rule,
]
