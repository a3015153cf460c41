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

from api.accounts.guard import read_token
from api.accounts.sign_in.authentication import Authenticator
from api.http.bodies import AnyRequest
from api.http.client_address import address_to_limit
from api.http.context import AppContext, app_context, current_person
from api.sync.broadcaster import BATCH, Batch, LiveFeed, Reader
from api.sync.routes import SyncCursor
from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.accounts.sessions import ACCESS_LIFETIME
from inspections.errors import Refusal
from inspections.hazards.records import Hazard, State
from inspections.sync.change_feed import Cursor, scope_fingerprint
from storage.repository import Repository
from storage.sync.change_feed import Page, read_changes, read_head

HEARTBEAT = timedelta(seconds=15)
MAX_STREAM_AGE = ACCESS_LIFETIME
"""The longest duration of a stream, also with an API key, which is valid for longer."""
_HEADERS = {"X-Accel-Buffering": "no"}  # keeps nginx from buffering the stream


class HazardEvent(Struct, frozen=True):
    """The event of a changed hazard, with enough to decide whether to fetch it."""

    id: UUID
    number: str
    state: State
    version: int
    community: str
    category: str


class GoneEvent(Struct, frozen=True):
    """The event of a hazard that this person no longer sees."""

    id: UUID


@get("/live", opt={"action": "hazard.see"}, media_type="text/event-stream")
async def stream_events(
    request: AnyRequest,
    cursor: FromQuery[str | None] = None,
    last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
) -> Stream:
    """Streams the events `hazard` and `gone` in the person's scope, and `restart` if the client must sync again.

    The id of an event is a cursor of /sync. Without a cursor the stream starts now; its first event, `begin`, has that
    cursor. A stream ends with its token, after 15 minutes at the latest; reconnect with the next token.
    """
    context, person = app_context(request), current_person(request)
    words = last_event_id or cursor
    present = await context.database.read(read_head)
    since = SyncCursor.decode(words) if words else SyncCursor.create(present, person, present.cursor)
    since.check(present, person)
    token = read_token(request)
    until = min(await context.part(Authenticator).token_expiry(token), context.clock() + MAX_STREAM_AGE) + HEARTBEAT
    listener = EventStream(
        context,
        person,
        token,
        since.feed_cursor,
        SyncCursor.create(present, person, present.cursor),
        Reader(person.username, address_to_limit(request), until),
    )
    events = listener.events()
    first = await anext(events)  # raises refusals before the response starts; the generator closes the stream
    return Stream(_prepend(first, events), media_type="text/event-stream", headers=_HEADERS)


async def _prepend(first: bytes, events: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(events):
        yield first
        async for each in events:
            yield each


class EventStream:
    """An event stream of one person, with its present cursor."""

    def __init__(
        self, context: AppContext, person: Person, token: str, feed_cursor: Cursor, cursor: SyncCursor, reader: Reader
    ) -> None:
        self._context, self._person, self._token = context, person, token
        self._feed_cursor, self._cursor, self._reader = feed_cursor, cursor, reader
        self._reach = scope(person, "hazard.see")

    async def events(self) -> AsyncGenerator[bytes]:
        async with self._context.part(LiveFeed).reader(self._reader, self._context.clock()) as reader:
            yield self._encode_event("begin", None)
            async for events in self._stream_changes(reader):
                if self._context.clock() + HEARTBEAT >= reader.until or not await self._is_signed_in():
                    return
                if self._has_scope_change:
                    yield self._encode_event("restart", None, last=False)
                    return
                yield events

    async def _stream_changes(self, reader: Reader) -> AsyncGenerator[bytes]:
        """Yields the changes since the cursor, then live ones, and a heartbeat after each idle interval."""
        more = True
        while more:
            page = await self._context.database.read(self._read_page)
            self._feed_cursor, more = page.cursor, page.more
            if events := self._encode_events(page.hazards, page.gone):
                yield events
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT.total_seconds()):
                    batch = await reader.next_batch()
            except TimeoutError:
                yield self._encode_event(None, None)
                continue
            if batch is None:
                return
            if batch.cursor > self._feed_cursor and (events := self._encode_batch(batch)):
                yield events

    def _read_page(self, repository: Repository) -> Page:
        return read_changes(repository, self._reach, read_head(repository), self._feed_cursor, BATCH)

    def _encode_batch(self, batch: Batch) -> bytes:
        self._feed_cursor = batch.cursor
        mine = [hazard for hazard, _ in batch.moves if self._reach.covers(hazard)]
        gone = [each.id for each, lost in batch.moves if self._person.username in lost and not self._reach.covers(each)]
        return self._encode_events(mine, gone)

    def _encode_events(self, hazards: list[Hazard], gone: list[UUID]) -> bytes:
        """Encodes events. Only the last one carries the cursor, which claims that all before it were received."""
        told = [("hazard", _hazard_event(each)) for each in hazards] + [("gone", GoneEvent(each)) for each in gone]
        return b"".join(self._encode_event(name, data, last=at == len(told)) for at, (name, data) in enumerate(told, 1))

    async def _is_signed_in(self) -> bool:
        """Checks the token again and reloads the person; a revocation takes effect within a second."""
        try:
            self._person = await self._context.part(Authenticator).authenticate(self._token, "hazard.see")
        except Refusal:
            return False
        return True

    @property
    def _has_scope_change(self) -> bool:
        return scope_fingerprint(self._person) != self._cursor.view

    def _encode_event(self, name: str | None, data: Struct | None, *, last: bool = True) -> bytes:
        """Encodes one server-sent event (WHATWG HTML, server-sent events); one without a name only moves the cursor."""
        cursor = msgspec.structs.replace(
            self._cursor, transaction=self._feed_cursor.transaction, id=self._feed_cursor.id
        )
        lines = [f"id: {cursor.encode()}"] if last else []
        lines += [f"event: {name}", f"data: {msgspec.json.encode(data or {}).decode()}"] if name else []
        return ("\n".join(lines) + "\n\n").encode()


def _hazard_event(hazard: Hazard) -> HazardEvent:
    return HazardEvent(hazard.id, hazard.number, hazard.state, hazard.version, hazard.community, hazard.category)


ROUTES = [stream_events]
