"""The route of server-sent events about changed hazards, which uses the cursors of /sync."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromQuery, HeaderParameter
from litestar.response import Stream
from msgspec import Struct

from api.accounts.authentication import SignIn, shown_token
from api.http.bodies import AnyRequest
from api.http.client_address import address_to_limit
from api.http.context import AppContext, context_of, person_of
from api.sync.broadcaster import BATCH, Batch, LiveFeed, Reader
from api.sync.routes import Cursor
from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.accounts.sessions import ACCESS_LASTS
from inspections.errors import Refusal
from inspections.hazards.records import Hazard, State
from inspections.sync.change_feed import Place, view_of
from storage.repository import Repository
from storage.sync.change_feed import Page, changed, head

HEARTBEAT = timedelta(seconds=15)
LASTS = ACCESS_LASTS
"""The longest duration of a stream, also with an API key, which is valid for longer."""
_HEADERS = {"X-Accel-Buffering": "no"}  # keeps nginx from buffering the stream


class Moved(Struct, frozen=True):
    """The event of a changed hazard, with enough to decide whether to fetch it."""

    id: UUID
    number: str
    state: State
    version: int
    community: str
    category: str


class Departed(Struct, frozen=True):
    """The event of a hazard that this person no longer sees."""

    id: UUID


@get("/live", opt={"action": "hazard.see"}, media_type="text/event-stream")
async def get_live(
    request: AnyRequest,
    cursor: FromQuery[str | None] = None,
    last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
) -> Stream:
    """Streams the events `hazard` and `gone` in the person's scope, and `restart` if the client must sync again.

    The id of an event is a cursor of /sync. Without a cursor the stream starts now; its first event, `begin`, has that
    cursor. A stream ends with its token, after 15 minutes at the latest; reconnect with the next token.
    """
    context, person = context_of(request), person_of(request)
    words = last_event_id or cursor
    present = await context.database.read(head)
    since = Cursor.read(words) if words else Cursor.at(present, person, present.place)
    since.check(present, person)
    token = shown_token(request)
    until = min(await context.part(SignIn).good_until(token), context.clock() + LASTS) + HEARTBEAT
    listener = Listener(
        context,
        person,
        token,
        since.place,
        Cursor.at(present, person, present.place),
        Reader(person.username, address_to_limit(request), until),
    )
    events = listener.events()
    first = await anext(events)  # raises refusals before the response starts; the generator closes the stream
    return Stream(_from(first, events), media_type="text/event-stream", headers=_HEADERS)


async def _from(first: bytes, events: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(events):
        yield first
        async for each in events:
            yield each


class Listener:
    """An event stream of one person, with its present cursor."""

    def __init__(
        self, context: AppContext, person: Person, token: str, place: Place, cursor: Cursor, reader: Reader
    ) -> None:
        self._context, self._person, self._token = context, person, token
        self._place, self._cursor, self._reader = place, cursor, reader
        self._reach = scope(person, "hazard.see")

    async def events(self) -> AsyncGenerator[bytes]:
        async with self._context.part(LiveFeed).reader(self._reader, self._context.clock()) as reader:
            yield self._event("begin", None)
            async for said in self._coming(reader):
                if self._context.clock() + HEARTBEAT >= reader.until or not await self._is_signed_in():
                    return
                if self._sees_otherwise:
                    yield self._event("restart", None, last=False)
                    return
                yield said

    async def _coming(self, reader: Reader) -> AsyncGenerator[bytes]:
        """Yields the changes since the cursor, then live ones, and a heartbeat after each idle interval."""
        more = True
        while more:
            page = await self._context.database.read(self._page)
            self._place, more = page.place, page.more
            if said := self._told(page.hazards, page.gone):
                yield said
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT.total_seconds()):
                    batch = await reader.next()
            except TimeoutError:
                yield self._event(None, None)
                continue
            if batch is None:
                return
            if batch.place > self._place and (said := self._said(batch)):
                yield said

    def _page(self, repository: Repository) -> Page:
        return changed(repository, self._reach, head(repository), self._place, BATCH)

    def _said(self, batch: Batch) -> bytes:
        self._place = batch.place
        mine = [hazard for hazard, _ in batch.moves if self._reach.covers(hazard)]
        gone = [each.id for each, lost in batch.moves if self._person.username in lost and not self._reach.covers(each)]
        return self._told(mine, gone)

    def _told(self, hazards: list[Hazard], gone: list[UUID]) -> bytes:
        """Encodes events. Only the last one carries the cursor, which claims that all before it were received."""
        told = [("hazard", _moved(each)) for each in hazards] + [("gone", Departed(each)) for each in gone]
        return b"".join(self._event(name, data, last=at == len(told)) for at, (name, data) in enumerate(told, 1))

    async def _is_signed_in(self) -> bool:
        """Checks the token again and reloads the person; a revocation takes effect within a second."""
        try:
            self._person = await self._context.part(SignIn).person(self._token, "hazard.see")
        except Refusal:
            return False
        return True

    @property
    def _sees_otherwise(self) -> bool:
        return view_of(self._person) != self._cursor.view

    def _event(self, name: str | None, data: Struct | None, *, last: bool = True) -> bytes:
        """Encodes one server-sent event (WHATWG HTML, server-sent events); one without a name only moves the cursor."""
        cursor = msgspec.structs.replace(self._cursor, transaction=self._place.transaction, id=self._place.id)
        lines = [f"id: {cursor.written()}"] if last else []
        lines += [f"event: {name}", f"data: {msgspec.json.encode(data or {}).decode()}"] if name else []
        return ("\n".join(lines) + "\n\n").encode()


def _moved(hazard: Hazard) -> Moved:
    return Moved(hazard.id, hazard.number, hazard.state, hazard.version, hazard.community, hazard.category)


ROUTES = [get_live]
