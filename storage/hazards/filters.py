"""The filters of a list of hazards, and their WHERE clauses."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, exists, or_, true

from inspections.accounts.policy import Scope
from inspections.hazards.records import Outcome, State, VehicleStandard
from inspections.office.categories import Priority, Severity
from inspections.text import spellings
from storage.engine.columns import any_value_clause, in_constants, within_days
from storage.hazards.deadlines import clock_clause, overdue_clause, stage_overdue_clause
from storage.hazards.measures import metric_clause
from storage.hazards.scopes import assignee_clause, scope_clause
from storage.hazards.tables import IS_ENDED, IS_OPEN, hazards, mentions

_H = hazards.c


class HazardFilters(Struct, frozen=True):
    """The filters of a list of hazards; None or empty: no filter. Dates are Shanghai days, both included.

    Of several values any matches. `overdue`, `stage_overdue`, `clock_overdue` and `look_back_due` (回头看 is due) are
    evaluated at `now`. `counted_as`: hazards that these metrics (metrics.COUNTED) count on these days. `clock`: hazards
    on which these clocks (deadlines.CLOCKS) run; `clock_overdue`: of which these have expired. `unassigned`: hazards
    that wait for acceptance or assignment; `sent_back`: that a handler returned, and that wait to be assigned again.
    `due_at` lies in [`due_from`, `due_before`).
    """

    now: datetime
    community: tuple[str, ...] = ()
    street: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    state: tuple[State, ...] = ()
    outcome: tuple[Outcome, ...] = ()
    open: bool | None = None
    unassigned: bool | None = None
    overdue: bool | None = None
    stage_overdue: bool | None = None
    clock_overdue: tuple[str, ...] = ()
    due_from: datetime | None = None
    due_before: datetime | None = None
    priority: tuple[Priority, ...] = ()
    assignee: tuple[str, ...] = ()
    reporter: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    reported_from: date | None = None
    reported_to: date | None = None
    found_from: datetime | None = None
    found_to: datetime | None = None
    updated_after: datetime | None = None
    q: str | None = None
    flagged: bool | None = None
    merged_into: tuple[UUID, ...] = ()
    look_back_due: bool | None = None
    severity: tuple[Severity, ...] = ()
    counted_as: tuple[str, ...] = ()
    counted_from: date | None = None
    counted_to: date | None = None
    clock: tuple[str, ...] = ()
    clock_due_from: datetime | None = None
    clock_due_before: datetime | None = None
    vehicle_standard: tuple[VehicleStandard, ...] = ()
    sent_back: bool | None = None
    major_proposed: bool | None = None


def filter_clauses(codes: tuple[str, ...], filters: HazardFilters, personal: Scope) -> list[ColumnElement[bool]]:
    """Builds the WHERE clauses. Names and free text are searched only within `personal`, where they are visible.

    `codes`: the categories of `filters.group`.
    """
    chosen: list[tuple[ColumnElement[Any], tuple[Any, ...]]] = [
        (_H.community, filters.community),
        (_H.category, filters.category),
        (_H.state, filters.state),
        (_H.outcome, filters.outcome),
        (_H.priority, filters.priority),
        (_H.source, filters.source),
        (_H.merged_into, filters.merged_into),
        (_H.severity, filters.severity),
        (_H.vehicle_standard, filters.vehicle_standard),
    ]
    clauses = [any_value_clause(column, values) for column, values in chosen if values]
    clauses += [_H.category.in_(codes)] if filters.group else []
    clauses += (
        [or_(*(_H.community.startswith(each, autoescape=True) for each in filters.street))] if filters.street else []
    )
    clauses += _people_clauses(filters, personal) + _instant_clauses(filters)
    clauses += _judged_clauses(filters) + _metric_clauses(filters) + _clock_clauses(filters)
    if words := filters.q:
        forms = spellings(words)
        texts = or_(*(each.contains(form, autoescape=True) for each in (_H.place, _H.description) for form in forms))
        numbers = or_(*(_H.number.contains(form, autoescape=True) for form in forms))
        clauses.append(numbers | (scope_clause(personal) & texts))
    return clauses


def _people_clauses(filters: HazardFilters, personal: Scope) -> list[ColumnElement[bool]]:
    clauses: list[ColumnElement[bool]] = []
    if filters.assignee:
        clauses.append(scope_clause(personal) & or_(*map(assignee_clause, filters.assignee)))
    if filters.reporter:
        clauses.append(scope_clause(personal) & any_value_clause(_H.reporter, filters.reporter))
    return clauses


def _instant_clauses(filters: HazardFilters) -> list[ColumnElement[bool]]:
    bounds = [
        (filters.found_from, _H.found_at.__ge__),
        (filters.found_to, _H.found_at.__le__),
        (filters.updated_after, _H.updated_at.__gt__),
        (filters.due_from, _H.due_at.__ge__),
        (filters.due_before, _H.due_at.__lt__),
    ]
    clauses = [compare(bound) for bound, compare in bounds if bound is not None]
    return [*clauses, within_days(_H.reported_at, filters.reported_from, filters.reported_to)]


def _judged_clauses(filters: HazardFilters) -> list[ColumnElement[bool]]:
    clauses: list[ColumnElement[bool]] = []
    if filters.open is not None:
        clauses.append(IS_OPEN if filters.open else IS_ENDED)
    if filters.unassigned is not None:
        clauses.append(_require(filters.unassigned, _IS_UNASSIGNED))
    if filters.sent_back is not None:
        clauses.append(_require(filters.sent_back, _IS_SENT_BACK))
    if filters.major_proposed is not None:
        clauses.append(_H.major_proposed.is_(filters.major_proposed))
    if filters.overdue is not None:
        clauses.append(_require(filters.overdue, overdue_clause(filters.now)))
    if filters.stage_overdue is not None:
        clauses.append(_require(filters.stage_overdue, stage_overdue_clause(filters.now)))
    if filters.clock_overdue:
        clauses.append(stage_overdue_clause(filters.now, filters.clock_overdue))
    if filters.flagged is not None:
        clauses.append(_require(filters.flagged, _IS_FLAGGED))
    if filters.look_back_due is not None:
        clauses.append(_require(filters.look_back_due, _look_back_clause(filters.now)))
    return clauses


def _metric_clauses(filters: HazardFilters) -> list[ColumnElement[bool]]:
    counted = (metric_clause(name, filters.now) for name in filters.counted_as)
    days = filters.counted_from, filters.counted_to
    return [or_(*(clause & within_days(instant, *days) for clause, instant in counted))] if filters.counted_as else []


def _clock_clauses(filters: HazardFilters) -> list[ColumnElement[bool]]:
    clauses = [_running_clause(name, filters) for name in filters.clock]
    return [or_(*clauses)] if clauses else []


def _running_clause(clock: str, filters: HazardFilters) -> ColumnElement[bool]:
    clause, due_at = clock_clause(clock)
    clause &= due_at >= filters.clock_due_from if filters.clock_due_from else true()
    clause &= due_at < filters.clock_due_before if filters.clock_due_before else true()
    return clause


_IS_UNASSIGNED = in_constants(_H.state, (State.REPORTED, State.ACCEPTED)) & _H.lead.is_(None)
_IS_SENT_BACK = in_constants(_H.state, (State.ACCEPTED,)) & (_H.times_returned > 0)
_IS_FLAGGED = _H.recheck_flag.is_not(None) | exists().where(mentions.c.hazard == _H.id, mentions.c.flags != ())
"""The hazard has a flagged re-check, or a photo with a flag."""


def _look_back_clause(now: datetime) -> ColumnElement[bool]:
    return _H.look_back_due_at.is_not(None) & (_H.look_back_due_at <= now)


def _require(wanted: bool, clause: ColumnElement[bool]) -> ColumnElement[bool]:
    return clause if wanted else ~clause
