"""The route of changes since a cursor, page by page, for phones."""

import base64
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Self
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from api.hazards.routes import dossiers
from api.hazards.views import HazardView, hazard_views
from api.http.bodies import AnyRequest
from api.http.context import context_of, person_of
from inspections.accounts.people import Person
from inspections.accounts.policy import Scope, scope
from inspections.accounts.security_profile import Profile
from inspections.errors import Invalid, SyncRestart
from inspections.sync.change_feed import Place, view_of
from storage.repository import Repository
from storage.sync.change_feed import Head, Page, changed, everything, head

_PAGE = 200
_NIL = UUID(int=0)
_ENDED_SINCE = timedelta(days=90)
"""The initial synchronisation omits hazards closed longer ago; the list of hazards has them."""


class Cursor(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A client's cursor: a feed cursor with epoch and scope. `after`: the last hazard of an unfinished first sync."""

    epoch: str
    view: str
    transaction: int
    id: int
    after: UUID | None = None

    @property
    def place(self) -> Place:
        return Place(self.transaction, self.id)

    @classmethod
    def at(cls, present: Head, person: Person, place: Place, after: UUID | None = None) -> Self:
        return cls(present.feed.epoch, view_of(person), *place, after)

    def written(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode()

    @classmethod
    def read(cls, words: str) -> Self:
        """Decodes a cursor. Raises Invalid."""
        try:
            return msgspec.json.decode(base64.urlsafe_b64decode(words), type=cls)
        except (ValueError, RecursionError):
            raise Invalid(("cursor", "游标无效，请重新同步")) from None

    def check(self, present: Head, person: Person) -> None:
        """Raises SyncRestart if the cursor is of another epoch or scope, or older than the retained changes."""
        known = present.feed.forgotten <= self.place <= present.newest
        if (self.epoch, self.view) != (present.feed.epoch, view_of(person)) or not known:
            raise SyncRestart


class SyncView(Struct, frozen=True):
    """A page of changes: present hazards, ids that are `gone` from scope, and whether to request `more` at once."""

    items: list[HazardView]
    gone: list[UUID]
    cursor: str
    more: bool


@get("/sync", opt={"action": "hazard.see"})
async def get_sync(
    request: AnyRequest,
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = _PAGE,
) -> SyncView:
    """Returns the hazards in scope changed since `cursor`; without one, all that are open or closed within 90 days.

    Nothing is skipped and no state comes twice, even during writes. 410 `sync.restart` after a restore, a change of
    scope, or more than 35 days: start without a cursor, and replace all local data.
    """
    context, person = context_of(request), person_of(request)
    since = Cursor.read(cursor) if cursor is not None else None
    page = partial(_since, person=person, cursor=since, limit=limit)
    return await context.database.read(partial(page, now=context.clock(), profile=context.settings.asks))


def _since(
    repository: Repository, person: Person, cursor: Cursor | None, limit: int, now: datetime, profile: Profile
) -> SyncView:
    present = head(repository)
    if cursor is None:
        cursor = Cursor.at(present, person, present.place, _NIL)
    cursor.check(present, person)
    reach = scope(person, "hazard.see")
    if cursor.after is None:
        page, after = changed(repository, reach, present, cursor.place, limit), None
    else:
        page, after = _beginning(repository, reach, present, cursor, limit, now)
    views = hazard_views(dossiers(repository, person, page.hazards), person, now, profile)
    return SyncView(views, page.gone, Cursor.at(present, person, page.place, after).written(), page.more)


def _beginning(
    repository: Repository, reach: Scope, present: Head, cursor: Cursor, limit: int, now: datetime
) -> tuple[Page, UUID | None]:
    """Reads a page of the first sync, by id, and its last id if there are more; changes since its start follow."""
    found = everything(repository, reach, cursor.after or _NIL, now - _ENDED_SINCE, limit + 1)
    if len(found) > limit:
        return Page(found[:limit], [], cursor.place, more=True), found[limit - 1].id
    return Page(found, [], cursor.place, more=cursor.place < present.place), None


ROUTES = [get_sync]
