"""What has changed, read by who follows it.

On PostgreSQL transactions become visible in another order than their rows are numbered. So a row is read only when
every transaction with a lower number has ended: who has read up to a place never finds anything new below it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, bindparam, exists, func, literal, select, tuple_

from inspections.accounts.policy import Scope
from inspections.hazards.records import OPEN, Hazard
from inspections.sync.change_feed import HAZARDS, Changed, Feed, Place
from storage.engine.columns import OldestOpenTransaction
from storage.engine.reference import CHANGES
from storage.engine.tables import numbers
from storage.engine.unit_of_work import UnitOfWork
from storage.hazards.scopes import narrowed
from storage.hazards.tables import hazards
from storage.sync.tables import changes, feeds

_C, _H = changes.c, hazards.c
_WINDOWS = 20
"""Of changes that one question looks through at most."""


class Head(NamedTuple):
    """A feed, the last place in it that can be read now, and the last one there is.

    The first goes back for a moment where somebody ends who wrote to another database of the server.
    """

    feed: Feed
    place: Place
    newest: Place


class Page(NamedTuple):
    """`hazards` as they are now, in the order of their last change; `gone`: those that left; how far that is."""

    hazards: list[Hazard]
    gone: list[UUID]
    place: Place
    more: bool


_SETTLED = _C.transaction_id < OldestOpenTransaction()
_LAST = (
    select(_C.transaction_id, _C.id)
    .where(_SETTLED)
    .order_by(_C.transaction_id.desc(), _C.id.desc())
    .limit(1)
    .subquery("last")
)
_NEWEST = select(_C.transaction_id, _C.id).order_by(_C.transaction_id.desc(), _C.id.desc()).limit(1).subquery("newest")
_HEAD = (
    select(feeds, _LAST.c.transaction_id, _LAST.c.id, _NEWEST.c.transaction_id, _NEWEST.c.id)
    .select_from(feeds.outerjoin(_LAST, literal(1) == 1).outerjoin(_NEWEST, literal(1) == 1))
    .where(feeds.c.name == HAZARDS)
)
_UNSETTLED = select(func.count()).where(~_SETTLED).scalar_subquery()
_REFERENCE = select(numbers.c.last).where(numbers.c.series == CHANGES).scalar_subquery()
STAMP = (
    select(feeds.c.epoch, _LAST.c.transaction_id, _LAST.c.id, _UNSETTLED, _REFERENCE)
    .select_from(feeds.outerjoin(_LAST, literal(1) == 1))
    .where(feeds.c.name == HAZARDS)
)
"""Another row whenever any hazard, or the reference, is not what it was; as long as nothing is, the same.

The last change is not enough where an earlier one may still become visible: those behind what is settled are counted,
and only become more until something settles.
"""
_LATER = changes.alias("later")
_LATEST = ~exists().where(
    _LATER.c.hazard == _C.hazard,
    tuple_(_LATER.c.transaction_id, _LATER.c.id) > tuple_(_C.transaction_id, _C.id),
)
"""The last change of its hazard that is committed: an earlier one is left to it, so that no state comes twice."""


_BEHIND = tuple_(_C.transaction_id, _C.id) > tuple_(
    bindparam("after_transaction", type_=BigInteger), bindparam("after_id", type_=BigInteger)
)


_UPTO = tuple_(_C.transaction_id, _C.id) <= tuple_(
    bindparam("upto_transaction", type_=BigInteger), bindparam("upto_id", type_=BigInteger)
)
"""Not _SETTLED asked anew: who writes in another database ends in between, and what is settled is then another thing
than where the page says that it ends. Changes would be passed over, or come twice.
"""


def head(repository: UnitOfWork) -> Head:
    *feed, transaction, number, newest, its_number = repository.rows(_HEAD)[0]
    known = Feed(*feed)  # where all changes were forgotten, there is none behind them
    last, there_is = Place(transaction or 0, number or 0), Place(newest or 0, its_number or 0)
    return Head(known, max(last, known.forgotten), max(there_is, known.forgotten))


def changed(repository: UnitOfWork, reach: Scope, head: Head, after: Place, limit: int) -> Page:
    """Hazards in scope and those that have left this person's hands, of at most `limit` changes behind `after`.

    Where none of them is this person's, of those that follow, so that whoever has little to follow asks seldom.
    """
    page = Page([], [], after, more=after < head.place)  # it may lie before `after`, while another database is written
    for _ in range(_WINDOWS):
        if page.hazards or page.gone or not page.more:
            break
        page = _window(repository, reach, head, page.place, limit)
    return page


def _window(repository: UnitOfWork, reach: Scope, head: Head, after: Place, limit: int) -> Page:
    upto = {"upto_transaction": head.place.transaction, "upto_id": head.place.id}
    found = repository.rows(_BEHIND_IT, {**_bounds(after), **upto, "limit": limit + 1})
    rows, more = found[:limit], len(found) > limit
    mine = [row for row in rows if row.latest or reach.username in row.lost]
    by_id = {each.id: each for each in _hazards(repository, reach, [row.hazard for row in mine])}
    items = [by_id[row.hazard] for row in mine if row.latest and row.hazard in by_id]
    gone = dict.fromkeys(row.hazard for row in mine if reach.username in row.lost and row.hazard not in by_id)
    return Page(items, list(gone), Place(rows[-1].transaction_id, rows[-1].id) if more else head.place, more)


def everything(repository: UnitOfWork, reach: Scope, after: UUID, since: datetime, limit: int) -> list[Hazard]:
    """At most `limit` hazards in scope that are open or have changed `since`, by id, those that follow `after`."""
    fresh = _H.state.in_(sorted(OPEN)) | (_H.updated_at >= since)
    query = select(hazards).where(_H.id > after, fresh, narrowed(reach)).order_by(_H.id).limit(limit)
    return repository.select(Hazard, query)


def passing(repository: UnitOfWork, after: Place, limit: int) -> tuple[list[Changed], dict[UUID, Hazard]]:
    """At most `limit` changes behind `after`, and their hazards as they are now: for who decides about scope itself."""
    changes_ = repository.select(Changed, _PASSING.params(**_bounds(after), limit=limit))
    ids = {each.hazard for each in changes_}
    found = repository.select(Hazard, select(hazards).where(_H.id.in_(ids))) if ids else []
    return changes_, {each.id: each for each in found}


_PASSING = select(changes).where(_SETTLED, _BEHIND).order_by(_C.transaction_id, _C.id).limit(bindparam("limit"))


_BEHIND_IT = (
    select(_C.transaction_id, _C.id, _C.hazard, _C.lost, _LATEST.label("latest"))
    .where(_UPTO, _BEHIND)
    .order_by(_C.transaction_id, _C.id)
    .limit(bindparam("limit"))
)


def _bounds(after: Place) -> dict[str, int]:
    return {"after_transaction": after.transaction, "after_id": after.id}


def _hazards(repository: UnitOfWork, reach: Scope, ids: Sequence[UUID]) -> list[Hazard]:
    return repository.select(Hazard, select(hazards).where(_H.id.in_(ids), narrowed(reach))) if ids else []
