"""The queries behind the numbers: one pass over the hazards in scope, grouped by community."""

from datetime import date, datetime, timedelta

from msgspec import Struct
from sqlalchemy import ColumnElement, Integer, case, func, or_, select, true

from inspections.categories import Category
from inspections.deadlines import FIXING
from inspections.hazards import Outcome, State
from inspections.policy import Scope
from inspections.statistics import Counts, Flow
from storage.columns import shanghai_day
from storage.deadlines import late
from storage.listing import between
from storage.register import Register
from storage.scopes import within
from storage.tables import hazards

_H = hazards.c
_EPOCH = date(1970, 1, 1)


class Filters(Struct, frozen=True):
    """Which hazards are counted. Dates are Shanghai days, both included; None: all time."""

    community: str | None = None
    street: str | None = None
    category: str | None = None
    group: str | None = None
    first: date | None = None
    last: date | None = None


def counts_by_community(register: Register, scope: Scope, filters: Filters, now: datetime) -> dict[str, Counts]:
    """Community code → counts, for the communities that have any hazard in scope."""
    reported = between(_H.reported_at, filters.first, filters.last)
    accepted = between(_H.accepted_at, filters.first, filters.last)
    query = (
        select(_H.community, *_columns(reported, accepted, now))
        .where(within(scope), or_(reported, accepted), *_chosen(filters, register.categories()))
        .group_by(_H.community)
    )
    return {code: Counts(*map(int, numbers)) for code, *numbers in register.rows(query)}


def flow_by_day(register: Register, scope: Scope, filters: Filters) -> dict[date, Flow]:
    """Shanghai day → what happened on it, for the days of the filters on which anything did."""
    happened = {
        "received": (_H.reported_at, true()),
        "accepted": (_H.accepted_at, _H.state != State.DUPLICATE),
        "closed": (_H.closed_at, _H.state == State.CLOSED),
        "fixed": (_H.closed_at, (_H.state == State.CLOSED) & (_H.outcome == Outcome.FIXED)),
    }
    chosen = _chosen(filters, register.categories())
    found: dict[date, Flow] = {}
    for name, (at, clause) in happened.items():
        day = shanghai_day(at)
        within_days = between(at, filters.first, filters.last)
        query = select(day, func.count()).where(within(scope), within_days, clause, *chosen).group_by(day)
        for number, count in register.rows(query):
            on = _EPOCH + timedelta(days=int(number))
            found[on] = found.get(on, Flow()) + Flow(**{name: int(count)})
    return found


def _chosen(filters: Filters, catalogue: list[Category]) -> list[ColumnElement[bool]]:
    codes = [category.code for category in catalogue if category.group == filters.group]
    alarms = [category.code for category in catalogue if category.from_device]
    return [
        _H.category.not_in(alarms),  # alert checks count as alarms, not as hazards found
        _H.community == filters.community if filters.community is not None else true(),
        _H.community.startswith(filters.street, autoescape=True) if filters.street is not None else true(),
        _H.category == filters.category if filters.category is not None else true(),
        _H.category.in_(codes) if filters.group is not None else true(),
    ]


def _columns(reported: ColumnElement[bool], accepted: ColumnElement[bool], now: datetime) -> list[ColumnElement[int]]:
    """One sum for each field of Counts, in its order."""

    def count(*clauses: ColumnElement[bool]) -> ColumnElement[int]:
        return total(1, reported, *clauses)

    def total(value: int | ColumnElement[int], *clauses: ColumnElement[bool]) -> ColumnElement[int]:
        every = clauses[0]
        for clause in clauses[1:]:
            every &= clause
        return func.coalesce(func.sum(case((every, value), else_=0), type_=Integer), 0)

    def state(name: State) -> ColumnElement[bool]:
        return _H.state == name

    original = _H.state != State.DUPLICATE
    fixing = _H.state.in_(sorted(FIXING))
    overdue = late(now)
    cohort = accepted & original
    columns = {
        "received": count(),
        "accepted": count(_H.accepted_at.is_not(None), original),
        "rejected": count(state(State.REJECTED)),
        "duplicate": count(state(State.DUPLICATE)),
        "cancelled": count(state(State.CANCELLED)),
        "closed": count(state(State.CLOSED)),
        "fixed": count(state(State.CLOSED), _H.outcome == Outcome.FIXED),
        "waiting": count(state(State.REPORTED)),
        "on_time": count(fixing, ~overdue),
        "overdue": count(overdue),
        "suspended": count(state(State.SUSPENDED)),
        "pending_recheck": count(state(State.PENDING_RECHECK)),
        "transferred": count(state(State.TRANSFERRED)),
        "quantity_found": total(_H.quantity, cohort),
        "quantity_done": total(_H.quantity_done, cohort),
        "cohort_accepted": total(1, cohort),
        "cohort_closed": total(1, cohort, state(State.CLOSED)),
        "fixed_on_spot": total(1, cohort, _H.fixed_on_spot),
        "rebounded": count(_H.rebounded_as.is_not(None)),
    }
    return [columns[name] for name in Counts.__struct_fields__]
