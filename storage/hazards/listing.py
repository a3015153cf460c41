"""Filtered and sorted lists of hazards, paged by key (never by OFFSET)."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Boolean, ColumnElement, Select, Uuid, and_, false, func, literal, select, tuple_

from inspections.accounts.policy import Scope
from inspections.field_types import AwareDatetime
from inspections.hazards.records import OPEN_STATES, Hazard
from inspections.text import is_same_name
from storage.engine.columns import Instant
from storage.hazards.filters import HazardFilters, filter_clauses
from storage.hazards.measures import counted_hazards_clause
from storage.hazards.repository import HazardRepository
from storage.hazards.scopes import UnindexedColumn, scope_clause, unindexed_scope_clause
from storage.hazards.tables import IS_ENDED, IS_OPEN, hazards

_H = hazards.c
Sort = Literal["due_at", "-due_at", "reported_at", "-reported_at", "updated_at", "-updated_at"]
"""An order of the list; `-`: descending. Ties are in the order of ids, and hazards without that instant come last."""
NEWEST_FIRST: Sort = "-reported_at"


class ListScopes(NamedTuple):
    """The scopes of a list: hazards that a person sees, and those of which they also see personal data."""

    see: Scope
    personal: Scope


class HazardCursor(Struct, frozen=True):
    """The position of the last hazard on the previous page. `at`: its instant in the order of the list.

    `query`: the `query_digest` of the list, which the next page must have too.
    """

    at: AwareDatetime | None
    id: UUID
    query: str


class _Walk(NamedTuple):
    """Hazards in the order of one index: by the instant `column`, or (None) those without a deadline, by id.

    `part`: of all hazards, or only of those that are open or have ended, for which a deadline has an index each.
    """

    column: str | None
    descending: bool
    part: Literal["all", "open", "ended"]


def hazard_page(
    repository: HazardRepository,
    reach: ListScopes,
    filters: HazardFilters,
    after: HazardCursor | None,
    limit: int,
    sort: Sort = NEWEST_FIRST,
) -> list[Hazard]:
    """Returns at most `limit` hazards in scope after the cursor, in the order of `sort`."""
    codes, timed = _categories_of_groups(repository, filters), _without_unused_time(filters)
    found: list[Hazard] = []
    for walks in _plan_walks(sort, filters, after):
        together: list[Hazard] = []
        for walk in walks:
            query = _page_query(reach, timed, codes, walk, limit)
            if filters.counted_as:
                query = query.where(counted_hazards_clause(repository.categories()))
            if after and (after.at is None) == (walk.column is None):
                query = query.where(_follows(after, walk))
            together += repository.select(Hazard, query)
        if len(walks) > 1:
            key = attrgetter(walks[0].column, "id") if walks[0].column else attrgetter("id")
            together.sort(key=key, reverse=walks[0].descending)
        found += together[: limit - len(found)]
        if len(found) == limit:
            break
    return found


def list_total(repository: HazardRepository, reach: ListScopes, filters: HazardFilters) -> int:
    """Returns the number of hazards in scope that the filters select."""
    codes = _categories_of_groups(repository, filters)
    query = select(func.count()).select_from(hazards).where(scope_clause(reach.see))
    query = query.where(*filter_clauses(codes, filters, reach.personal))
    if filters.counted_as:
        query = query.where(counted_hazards_clause(repository.categories()))
    return int(repository.rows(query)[0][0])


def page_cursor(hazard: Hazard, filters: HazardFilters, sort: Sort) -> HazardCursor:
    """Returns the cursor of the page after one that ends with this hazard."""
    return HazardCursor(getattr(hazard, sort.removeprefix("-")), hazard.id, query_digest(filters, sort))


def query_digest(filters: HazardFilters, sort: Sort) -> str:
    """Returns a digest of the filters and the order of a list; a cursor is of use for no other list."""
    return _digest(replace(filters, now=_ANY_TIME), sort)


@lru_cache(maxsize=256)
def _digest(filters: HazardFilters, sort: Sort) -> str:
    return hashlib.blake2b(msgspec.json.encode((filters, sort)), digest_size=8).hexdigest()


_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def _without_unused_time(filters: HazardFilters) -> HazardFilters:
    """The filters with a fixed time, unless one of them is evaluated at it, so that the query is built once."""
    judged = (filters.overdue, filters.stage_overdue, filters.look_back_due)
    if filters.counted_as or filters.clock_overdue or any(each is not None for each in judged):
        return filters
    return replace(filters, now=_ANY_TIME)


def _categories_of_groups(repository: HazardRepository, filters: HazardFilters) -> tuple[str, ...]:
    grouped = repository.categories() if filters.group else ()
    return tuple(each.code for each in grouped if any(is_same_name(each.group, name) for name in filters.group))


def _plan_walks(sort: Sort, filters: HazardFilters, after: HazardCursor | None) -> list[list[_Walk]]:
    """The walks of a page: one list of walks is exhausted before the next one, and those of a list are merged."""
    column, descending = sort.removeprefix("-"), sort.startswith("-")
    if column != "due_at":
        return [[_Walk(column, descending, "all")]]
    parts = _matching_parts(filters)
    without_deadline = [_Walk(None, descending, part) for part in parts]
    if after and after.at is None:
        return [without_deadline]
    return [[_Walk(column, descending, part) for part in parts], without_deadline]


def _matching_parts(filters: HazardFilters) -> list[Literal["open", "ended"]]:
    """The parts of the hazards that can match: open ones, ended ones, or both."""
    asks_for_open = (filters.open, filters.unassigned, filters.sent_back, filters.overdue, filters.stage_overdue)
    states = set(filters.state)
    if any(asks_for_open) or filters.clock or filters.clock_overdue or (states and states <= OPEN_STATES):
        return ["open"]
    if filters.open is False or (states and not states & OPEN_STATES):
        return ["ended"]
    return ["open", "ended"]


@lru_cache(maxsize=256)
def _page_query(
    reach: ListScopes, filters: HazardFilters, codes: tuple[str, ...], walk: _Walk, limit: int
) -> Select[Any]:
    """Builds the query; cached, since building takes half a millisecond of two."""
    query = select(hazards).where(*_walk_clauses(walk))
    if walk.column == "reported_at" and len(filters.community) <= 1:  # which the index by community serves
        query = query.where(unindexed_scope_clause(reach.see), *filter_clauses(codes, filters, reach.personal))
    else:
        common = HazardFilters(filters.now, community=filters.community, street=filters.street, state=filters.state)
        other = replace(filters, community=(), street=(), state=())
        query = query.where(
            checked_on_the_way(scope_clause(reach.see), *filter_clauses(codes, common, reach.personal)),
            *filter_clauses(codes, other, reach.personal),
        )
    return query.order_by(*(each.desc() if walk.descending else each for each in _keys(walk))).limit(limit)


def checked_on_the_way(*clauses: ColumnElement[bool]) -> ColumnElement[bool]:
    """Selects hazards that meet all clauses, for which no index is used instead of the walk.

    Without statistics PostgreSQL takes a community or a state for a few rows, and sorts all of its hazards for a page
    of twenty. It expects that half of the rows meet a condition like this one.
    """
    return func.coalesce(and_(*clauses), false(), type_=Boolean)


def _walk_clauses(walk: _Walk) -> list[ColumnElement[bool]]:
    clauses = [] if walk.part == "all" else [IS_OPEN if walk.part == "open" else IS_ENDED]
    if walk.column == "due_at":
        clauses.append(_H.due_at.is_not(None))
    elif walk.column is None:
        clauses.append(_H.due_at.is_(None))
    return clauses


def _keys(walk: _Walk) -> Sequence[ColumnElement[Any]]:
    """The columns of the order. Open hazards without a deadline are few: SQLite shall not look for them by id."""
    if walk.column is not None:
        return (_H[walk.column], _H.id)
    return (UnindexedColumn(_H.id) if walk.part == "open" else _H.id,)


def _follows(after: HazardCursor, walk: _Walk) -> ColumnElement[bool]:
    """Selects the hazards of a walk after the cursor."""
    keys: Sequence[ColumnElement[Any]] = _keys(walk)
    last: list[ColumnElement[Any]] = [literal(after.id, Uuid())]
    if walk.column is not None:
        last.insert(0, literal(after.at, Instant()))
    there, here = (tuple_(*keys), tuple_(*last)) if len(keys) > 1 else (keys[0], last[0])
    return there < here if walk.descending else there > here
