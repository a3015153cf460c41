"""The list of what waits for a supervisor's decision, paged by key."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, Uuid, false, func, literal, or_, select, true, tuple_

from inspections.accounts.policy import Scope
from inspections.field_types import AwareDatetime
from inspections.hazards.records import Hazard, HistoryEntry
from inspections.notices.recipients import PROPOSING_STEPS
from inspections.remediation.pending_decisions import (
    DecisionKind,
    PendingDecision,
    pending_extension,
    pending_major,
    pending_suspension,
)
from storage.engine.columns import Instant, in_constants, in_list
from storage.hazards.listing import checked_on_the_way
from storage.hazards.repository import HazardRepository
from storage.hazards.scopes import scope_clause
from storage.hazards.tables import HAS_EXTENSION_REQUEST, IS_PROPOSED_AS_MAJOR, IS_SUSPENDED, entries, hazards

_H = hazards.c


class _Walk(NamedTuple):
    """Hazards that wait for a decision of this kind, in the order of its index.

    `column`: the instant of the order; None: those without a deadline, by id.
    """

    kind: DecisionKind
    where: ColumnElement[bool]
    column: ColumnElement[datetime | None] | None


_WALKS = (
    _Walk(DecisionKind.EXTENSION, HAS_EXTENSION_REQUEST, _H.due_at),
    _Walk(DecisionKind.MAJOR, IS_PROPOSED_AS_MAJOR & _H.due_at.is_not(None), _H.due_at),
    _Walk(DecisionKind.MAJOR, IS_PROPOSED_AS_MAJOR & _H.due_at.is_(None), None),  # suspended, or from an old ledger
    _Walk(DecisionKind.SUSPENSION, IS_SUSPENDED, _H.review_due_at),
)


class DecisionFilters(Struct, frozen=True):
    """The filters of the list; empty: no filter. Of several values any matches. `now`: when reviews are due."""

    now: datetime
    kind: tuple[DecisionKind, ...] = ()
    community: tuple[str, ...] = ()
    street: tuple[str, ...] = ()


class DecisionCursor(Struct, frozen=True):
    """The position of the last item on the previous page. `at`: its deadline; None: it has none, and comes last."""

    at: AwareDatetime | None
    hazard: UUID
    kind: DecisionKind


class _Match(NamedTuple):
    """A hazard that waits for a decision of this kind, and its instant in the order of the list."""

    at: datetime | None
    hazard: Hazard
    kind: DecisionKind

    @property
    def key(self) -> tuple[bool, datetime, UUID, DecisionKind]:
        return self.at is None, self.at or self.hazard.reported_at, self.hazard.id, self.kind


def pending_decisions_page(
    repository: HazardRepository,
    reach: Scope,
    filters: DecisionFilters,
    after: DecisionCursor | None,
    limit: int,
) -> tuple[list[PendingDecision], DecisionCursor | None]:
    """Returns at most `limit` requests in scope, the earliest deadline first, and the cursor of the next page."""
    found: list[_Match] = []
    for walk in _wanted_walks(filters):
        query = select(hazards).where(*_clauses(walk, reach, filters))
        if after is not None:
            query = query.where(_follows(after, walk))
        keys = (_H.id,) if walk.column is None else (walk.column, _H.id)
        matches = repository.select(Hazard, query.order_by(*keys).limit(limit + 1))
        name = None if walk.column is None else walk.column.key
        found += [_Match(getattr(each, name) if name else None, each, walk.kind) for each in matches]
    found.sort(key=attrgetter("key"))
    page, last = found[:limit], found[limit - 1] if len(found) > limit else None
    cursor = DecisionCursor(last.at, last.hazard.id, last.kind) if last else None
    return _describe(repository, page, filters.now), cursor


def count_pending_decisions(repository: HazardRepository, reach: Scope, filters: DecisionFilters) -> int:
    """Returns the number of requests in scope that the filters select."""
    queries = (
        select(func.count()).select_from(hazards).where(*_clauses(walk, reach, filters))
        for walk in _wanted_walks(filters)
    )
    return sum(int(repository.rows(query)[0][0]) for query in queries)


def _wanted_walks(filters: DecisionFilters) -> list[_Walk]:
    return [walk for walk in _WALKS if not filters.kind or walk.kind in filters.kind]


def _clauses(walk: _Walk, reach: Scope, filters: DecisionFilters) -> list[ColumnElement[bool]]:
    """Selects the hazards of a walk. No index by community is used instead of its order."""
    checked = [scope_clause(reach)]
    if filters.community:
        checked.append(_H.community.in_(filters.community))
    if filters.street:
        checked.append(or_(*(_H.community.startswith(each, autoescape=True) for each in filters.street)))
    clauses = [walk.where, checked_on_the_way(*checked)]
    if walk.kind is DecisionKind.SUSPENSION:
        clauses.append(_H.review_due_at <= filters.now)
    return clauses


def _follows(after: DecisionCursor, walk: _Walk) -> ColumnElement[bool]:
    """Selects the hazards of a walk after the cursor; of one hazard the kinds follow each other by name."""
    if walk.column is None and after.at is not None:
        return true()
    if walk.column is not None and after.at is None:
        return false()
    last: list[ColumnElement[Any]] = [literal(after.hazard, Uuid())]
    here: list[ColumnElement[Any]] = [_H.id]
    if walk.column is not None:
        last.insert(0, literal(after.at, Instant()))
        here.insert(0, walk.column)
    there = tuple_(*last) if len(last) > 1 else last[0]
    found = tuple_(*here) if len(here) > 1 else here[0]
    return found >= there if walk.kind > after.kind else found > there


def _describe(repository: HazardRepository, page: Sequence[_Match], now: datetime) -> list[PendingDecision]:
    proposed = [each.hazard.id for each in page if each.kind is DecisionKind.MAJOR]
    lines: dict[UUID, list[HistoryEntry]] = {hazard_id: [] for hazard_id in proposed}
    for row in repository.fetch(_PROPOSALS, {"ids": tuple(proposed)}) if proposed else ():
        line = HistoryEntry(*row)
        lines[line.hazard].append(line)
    proposing = {each.code for each in repository.categories() if each.proposes_major} if proposed else set[str]()
    made: list[PendingDecision] = []
    for _, hazard, kind in page:
        if kind is DecisionKind.EXTENSION:
            made.append(pending_extension(hazard))
        elif kind is DecisionKind.MAJOR:
            made.append(pending_major(hazard, lines[hazard.id], proposing))
        else:
            made.append(pending_suspension(hazard, now, repository.calendar))
    return made


_PROPOSALS: Select[Any] = (
    select(entries)
    .where(in_list(entries.c.hazard, "ids"), in_constants(entries.c.step, PROPOSING_STEPS | {"confirm_major"}))
    .order_by(entries.c.hazard, entries.c.seq)
)
