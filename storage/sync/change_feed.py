"""Reads the feed of changes.

On PostgreSQL, rows become visible in another order than they are numbered. So a row is read only after every
transaction with a lower number has ended; nothing new ever appears below a cursor that a client has read.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, bindparam, exists, func, literal, select, tuple_

from inspections.accounts.policy import Scope
from inspections.hazards.records import OPEN_STATES, Hazard
from inspections.sync.change_feed import HAZARDS, Cursor, Feed, HazardChange
from storage.engine.columns import OldestOpenTransactionId
from storage.engine.reference import REFERENCE_SERIES
from storage.engine.tables import numbers
from storage.engine.unit_of_work import UnitOfWork
from storage.hazards.scopes import unindexed_scope_clause
from storage.hazards.tables import hazards
from storage.sync.tables import changes, feeds

_C, _H = changes.c, hazards.c
_MAX_WINDOWS = 20
"""The largest number of windows of changes that one page searches."""


class Head(NamedTuple):
    """A feed, the last cursor that can be read now, and the last one that exists.

    The former may move back for a moment when a transaction on another database of the server ends.
    """

    feed: Feed
    cursor: Cursor
    newest: Cursor


class Page(NamedTuple):
    """A page of changes: present `hazards` by last change, ids that are `gone` from scope, and the cursor reached."""

    hazards: list[Hazard]
    gone: list[UUID]
    cursor: Cursor
    more: bool


_SETTLED = _C.transaction_id < OldestOpenTransactionId()
_LAST_SETTLED = (
    select(_C.transaction_id, _C.id)
    .where(_SETTLED)
    .order_by(_C.transaction_id.desc(), _C.id.desc())
    .limit(1)
    .subquery("last")
)
_NEWEST = select(_C.transaction_id, _C.id).order_by(_C.transaction_id.desc(), _C.id.desc()).limit(1).subquery("newest")
_HEAD = (
    select(feeds, _LAST_SETTLED.c.transaction_id, _LAST_SETTLED.c.id, _NEWEST.c.transaction_id, _NEWEST.c.id)
    .select_from(feeds.outerjoin(_LAST_SETTLED, literal(1) == 1).outerjoin(_NEWEST, literal(1) == 1))
    .where(feeds.c.name == HAZARDS)
)
_UNSETTLED_COUNT = select(func.count()).where(~_SETTLED).scalar_subquery()
_REFERENCE = select(numbers.c.last).where(numbers.c.series == REFERENCE_SERIES).scalar_subquery()
DATA_VERSION = (
    select(feeds.c.epoch, _LAST_SETTLED.c.transaction_id, _LAST_SETTLED.c.id, _UNSETTLED_COUNT, _REFERENCE)
    .select_from(feeds.outerjoin(_LAST_SETTLED, literal(1) == 1))
    .where(feeds.c.name == HAZARDS)
)
"""A version of the data: this row differs whenever any hazard or the reference data has changed.

The last settled change alone is not enough, because an earlier one may still become visible. So the unsettled changes
are counted too; their number only grows until one settles.
"""
_LATER = changes.alias("later")
_IS_LATEST = ~exists().where(
    _LATER.c.hazard == _C.hazard,
    tuple_(_LATER.c.transaction_id, _LATER.c.id) > tuple_(_C.transaction_id, _C.id),
)
"""Selects the last committed change of each hazard, so that no state is returned twice."""


_AFTER_CURSOR = tuple_(_C.transaction_id, _C.id) > tuple_(
    bindparam("after_transaction", type_=BigInteger), bindparam("after_id", type_=BigInteger)
)


_UP_TO_HEAD = tuple_(_C.transaction_id, _C.id) <= tuple_(
    bindparam("upto_transaction", type_=BigInteger), bindparam("upto_id", type_=BigInteger)
)
"""Selects changes up to the page's head. Evaluating `_SETTLED` again could give another end, because a transaction on
another database may end in between; changes would then be skipped or returned twice.
"""


def read_head(repository: UnitOfWork) -> Head:
    *feed, transaction, number, newest, its_number = repository.rows(_HEAD)[0]
    known = Feed(*feed)  # if all changes were deleted, the trim cursor is the last one
    last, there_is = Cursor(transaction or 0, number or 0), Cursor(newest or 0, its_number or 0)
    return Head(known, max(last, known.trim_cursor), max(there_is, known.trim_cursor))


def read_changes(repository: UnitOfWork, reach: Scope, head: Head, after: Cursor, limit: int) -> Page:
    """Reads at most `limit` changes after a cursor: hazards in scope, and those that the person has lost.

    If none concerns the person, it goes on to later changes, so that a client with few hazards needs few requests.
    """
    page = Page([], [], after, more=after < head.cursor)  # the head may lie before `after`, see Head
    for _ in range(_MAX_WINDOWS):
        if page.hazards or page.gone or not page.more:
            break
        page = _read_window(repository, reach, head, page.cursor, limit)
    return page


def _read_window(repository: UnitOfWork, reach: Scope, head: Head, after: Cursor, limit: int) -> Page:
    upto = {"upto_transaction": head.cursor.transaction, "upto_id": head.cursor.id}
    found = repository.rows(_CHANGES_UP_TO_HEAD, {**_cursor_parameters(after), **upto, "limit": limit + 1})
    rows, more = found[:limit], len(found) > limit
    mine = [row for row in rows if row.latest or reach.username in row.lost]
    by_id = {each.id: each for each in _hazards_in_scope(repository, reach, [row.hazard for row in mine])}
    items = [by_id[row.hazard] for row in mine if row.latest and row.hazard in by_id]
    gone = dict.fromkeys(row.hazard for row in mine if reach.username in row.lost and row.hazard not in by_id)
    return Page(items, list(gone), Cursor(rows[-1].transaction_id, rows[-1].id) if more else head.cursor, more)


def read_snapshot(repository: UnitOfWork, reach: Scope, after: UUID, since: datetime, limit: int) -> list[Hazard]:
    """Returns at most `limit` hazards in scope that are open or changed `since`, by id, after the id `after`."""
    fresh = _H.state.in_(sorted(OPEN_STATES)) | (_H.updated_at >= since)
    query = select(hazards).where(_H.id > after, fresh, unindexed_scope_clause(reach)).order_by(_H.id).limit(limit)
    return repository.select(Hazard, query)


def read_unscoped_changes(
    repository: UnitOfWork, after: Cursor, limit: int
) -> tuple[list[HazardChange], dict[UUID, Hazard]]:
    """Returns at most `limit` changes after a cursor with their present hazards; the caller checks the scope."""
    changes_ = repository.select(HazardChange, _SETTLED_CHANGES.params(**_cursor_parameters(after), limit=limit))
    ids = {each.hazard for each in changes_}
    found = repository.select(Hazard, select(hazards).where(_H.id.in_(ids))) if ids else []
    return changes_, {each.id: each for each in found}


_SETTLED_CHANGES = (
    select(changes).where(_SETTLED, _AFTER_CURSOR).order_by(_C.transaction_id, _C.id).limit(bindparam("limit"))
)


_CHANGES_UP_TO_HEAD = (
    select(_C.transaction_id, _C.id, _C.hazard, _C.lost, _IS_LATEST.label("latest"))
    .where(_UP_TO_HEAD, _AFTER_CURSOR)
    .order_by(_C.transaction_id, _C.id)
    .limit(bindparam("limit"))
)


def _cursor_parameters(after: Cursor) -> dict[str, int]:
    return {"after_transaction": after.transaction, "after_id": after.id}


def _hazards_in_scope(repository: UnitOfWork, reach: Scope, ids: Sequence[UUID]) -> list[Hazard]:
    return (
        repository.select(Hazard, select(hazards).where(_H.id.in_(ids), unindexed_scope_clause(reach))) if ids else []
    )
