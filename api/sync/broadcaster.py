"""Polls the feed and passes new changes to all event streams of this process.

One task per process polls the database four times a second and gives each batch to every reader, which filters it by
its own scope. A reader that is too slow is dropped; its client reconnects with the last cursor it has seen.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from typing import NamedTuple
from uuid import UUID

import structlog

from inspections.errors import TooManyRequests, Unavailable
from inspections.hazards.records import Hazard
from inspections.sync.change_feed import Cursor
from storage.database import Database
from storage.repository import Repository
from storage.sync.change_feed import read_head, read_unscoped_changes

log = structlog.get_logger()

POLL_INTERVAL = timedelta(seconds=0.25)
READERS = 4_000
"""The limit of readers per process: half of its connections (listening.py), to leave room for requests."""
READERS_OF_PERSON = 32
READERS_OF_ADDRESS = 256
BATCH = 500
_BATCHES_WAITING = 64


class Batch(NamedTuple):
    """Hazards changed up to a cursor, in their present state, each with the usernames that lost it."""

    cursor: Cursor
    moves: list[tuple[Hazard, frozenset[str]]]


class Reader:
    """The queue of batches for one event stream. `until`: when the stream ends by itself.

    None in the queue ends the stream. `address` is None if it does not identify the client (a trusted proxy).
    """

    def __init__(self, username: str, address: str | None, until: datetime) -> None:
        self.username, self.address, self.until = username, address, until
        self._batches: asyncio.Queue[Batch | None] = asyncio.Queue()

    def offer(self, batch: Batch) -> bool:
        """Queues a batch. Returns False if the queue is full."""
        if self._batches.qsize() >= _BATCHES_WAITING:
            return False
        self._batches.put_nowait(batch)
        return True

    def end(self) -> None:
        self._batches.put_nowait(None)

    async def next_batch(self) -> Batch | None:
        return await self._batches.get()


class LiveFeed:
    """Polls the feed while there are readers. `connections`: the number that this process accepts."""

    def __init__(self, database: Database, connections: int = 2 * READERS) -> None:
        self._database = database
        self._max_readers = min(READERS, connections // 2)
        self._streams: set[Reader] = set()
        self._readers: set[Reader] = set()
        self._poller: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()

    @asynccontextmanager
    async def reader(self, reader: Reader, now: datetime) -> AsyncGenerator[Reader]:
        """Gives the reader everything committed from now on. Raises TooManyRequests, with the time at which a stream
        ends.

        A stream counts until it ends, even if its reader was dropped for being slow.
        """
        self._check_limits(reader, now)
        self._streams.add(reader)
        self._readers.add(reader)
        try:
            async with self._beginning:
                if self._poller is None or self._poller.done():
                    start = await self._database.read(read_head)
                    self._poller = asyncio.create_task(self._poll(start.cursor))
            yield reader
        finally:
            self._readers.discard(reader)
            self._streams.discard(reader)

    def _check_limits(self, reader: Reader, now: datetime) -> None:
        """Checks the limits of streams per person, address and process. Raises TooManyRequests."""
        of_person = [each.until for each in self._streams if each.username == reader.username]
        of_address = [each.until for each in self._streams if each.address and each.address == reader.address]
        everybody = [each.until for each in self._streams]
        limits = ((of_person, READERS_OF_PERSON), (of_address, READERS_OF_ADDRESS), (everybody, self._max_readers))
        full = [min(ends) for ends, most in limits if len(ends) >= most]
        if full:
            raise TooManyRequests(
                "实时连接过多，请稍后重试", retry_after=max(1, ceil((max(full) - now).total_seconds()))
            )

    def stop(self) -> None:
        """Ends every stream."""
        for reader in self._readers:
            reader.end()

    async def _poll(self, cursor: Cursor) -> None:
        while self._readers:
            await asyncio.sleep(POLL_INTERVAL.total_seconds())
            try:
                batch = await self._database.read(partial(_read_batch, after=cursor))
            except Unavailable as error:
                log.warning("live events wait for the store", reason=str(error))
                continue
            if batch is not None:
                cursor = batch.cursor
                self._broadcast(batch)

    def _broadcast(self, batch: Batch) -> None:
        for reader in list(self._readers):
            if not reader.offer(batch):
                log.info("slow reader dropped")
                self._readers.discard(reader)
                reader.end()


def _read_batch(repository: Repository, after: Cursor) -> Batch | None:
    """Reads the changes after a cursor, each hazard once; None if there are none."""
    if read_head(repository).cursor <= after:
        return None
    rows, hazards = read_unscoped_changes(repository, after, BATCH)
    if not rows:
        return None
    lost: dict[UUID, set[str]] = {}
    for row in rows:
        lost.setdefault(row.hazard, set()).update(row.lost)
    moves = [(hazards[each], frozenset(who)) for each, who in lost.items() if each in hazards]
    return Batch(Cursor(rows[-1].transaction_id, rows[-1].id), moves)
