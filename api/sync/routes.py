"""What has changed for a phone since it last asked: page by page, from a cursor that the server gave it."""

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
"""What ended longer ago is not given to a phone that begins; a list has it."""


class Cursor(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A place in a feed, of this epoch and for this reach. `after`: it begins still, and has all up to this hazard."""

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
        """Raises Invalid for what is no cursor."""
        try:
            return msgspec.json.decode(base64.urlsafe_b64decode(words), type=cls)
        except (ValueError, RecursionError):
            raise Invalid(("cursor", "游标无效，请重新同步")) from None

    def check(self, present: Head, person: Person) -> None:
        """Raises SyncRestart where it stands in another store, for another reach, or before what is still known."""
        known = present.feed.forgotten <= self.place <= present.newest
        if (self.epoch, self.view) != (present.feed.epoch, view_of(person)) or not known:
            raise SyncRestart


class SyncView(Struct, frozen=True):
    """`items`: hazards as they are now; `gone`: those that are this person's no longer. `more`: ask again at once."""

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
    """Everything in scope that changed since `cursor`; without one, all that is open or ended within 90 days.

    Nothing is left out and no state comes twice, however many write meanwhile. 410 `sync.restart` after a restore, a
    change of scope, or more than 35 days: begin without a cursor, and put what comes in the place of all you had.
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
    """Hazards by their ids, and the last one where there are more; what changes meanwhile comes when all are there."""
    found = everything(repository, reach, cursor.after or _NIL, now - _ENDED_SINCE, limit + 1)
    if len(found) > limit:
        return Page(found[:limit], [], cursor.place, more=True), found[limit - 1].id
    return Page(found, [], cursor.place, more=cursor.place < present.place), None


ROUTES = [get_sync]
