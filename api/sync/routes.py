"""The route of changes since a cursor, page by page, for phones."""

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Self
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromQuery, QueryParameter
from msgspec import Raw, Struct

from api.hazards.rendered import RenderedHazards
from api.hazards.routes import hazards_with_photos
from api.hazards.views import HazardView
from api.http.bodies import AnyRequest
from api.http.context import app_context, current_person
from inspections.accounts.people import Person
from inspections.accounts.policy import Scope, scope
from inspections.errors import InvalidInput, SyncRestart
from inspections.hazards.records import HazardWithPhotos
from inspections.sync.change_feed import Cursor, scope_fingerprint
from storage.repository import Repository
from storage.sync.change_feed import Head, Page, read_changes, read_head, read_snapshot

_PAGE = 200
_NIL = UUID(int=0)
_INITIAL_PERIOD = timedelta(days=90)
"""The initial synchronisation omits hazards closed longer ago; the list of hazards has them."""


class SyncCursor(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A client's cursor: a feed cursor with epoch and scope. `after`: the last hazard of an unfinished first sync."""

    epoch: str
    view: str
    transaction: int
    id: int
    after: UUID | None = None

    @property
    def feed_cursor(self) -> Cursor:
        return Cursor(self.transaction, self.id)

    @classmethod
    def create(cls, present: Head, person: Person, feed_cursor: Cursor, after: UUID | None = None) -> Self:
        return cls(present.feed.epoch, scope_fingerprint(person), *feed_cursor, after)

    def encode(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode()

    @classmethod
    def decode(cls, words: str) -> Self:
        """Decodes a cursor. Raises InvalidInput."""
        try:
            return msgspec.json.decode(base64.urlsafe_b64decode(words), type=cls)
        except (ValueError, RecursionError):
            raise InvalidInput(("cursor", "游标无效，请重新同步")) from None

    def check(self, present: Head, person: Person) -> None:
        """Raises SyncRestart if the cursor is of another epoch or scope, or older than the retained changes."""
        known = present.feed.trim_cursor <= self.feed_cursor <= present.newest
        if (self.epoch, self.view) != (present.feed.epoch, scope_fingerprint(person)) or not known:
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
    context, person = app_context(request), current_person(request)
    since = SyncCursor.decode(cursor) if cursor is not None else None
    render = partial(
        context.part(RenderedHazards).render,
        person=person,
        now=context.clock(),
        profile=context.settings.security_profile,
    )
    page = partial(_sync_page, person=person, cursor=since, limit=limit, now=context.clock(), render=render)
    return await context.database.read(page)


def _sync_page(
    repository: Repository,
    person: Person,
    cursor: SyncCursor | None,
    limit: int,
    now: datetime,
    render: Callable[[list[HazardWithPhotos]], list[Raw]],
) -> SyncView:
    present = read_head(repository)
    if cursor is None:
        cursor = SyncCursor.create(present, person, present.cursor, _NIL)
    cursor.check(present, person)
    reach = scope(person, "hazard.see")
    if cursor.after is None:
        page, after = read_changes(repository, reach, present, cursor.feed_cursor, limit), None
    else:
        page, after = _initial_page(repository, reach, present, cursor, limit, now)
    items: Any = render(hazards_with_photos(repository, person, page.hazards))
    return SyncView(items, page.gone, SyncCursor.create(present, person, page.cursor, after).encode(), page.more)


def _initial_page(
    repository: Repository, reach: Scope, present: Head, cursor: SyncCursor, limit: int, now: datetime
) -> tuple[Page, UUID | None]:
    """Reads a page of the first sync, by id, and its last id if there are more; changes since its start follow."""
    found = read_snapshot(repository, reach, cursor.after or _NIL, now - _INITIAL_PERIOD, limit + 1)
    if len(found) > limit:
        return Page(found[:limit], [], cursor.feed_cursor, more=True), found[limit - 1].id
    return Page(found, [], cursor.feed_cursor, more=cursor.feed_cursor < present.cursor), None


ROUTES = [get_sync]
