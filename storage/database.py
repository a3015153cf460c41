"""The one way in and the one way out: `transact` writes, `read` reads.

On SQLite one thread owns the one writing connection. It takes the actions that wait, runs them inside one
BEGIN IMMEDIATE, joins their rows and commits once: a group costs one flush to disk however many share it. Readers
have connections of their own beside it (WAL).
"""

import asyncio
import fcntl
import os
import queue
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import QueuePool

from inspections.errors import Refusal, Unavailable
from inspections.register import Change
from storage.register import Reference, Register

T = TypeVar("T")
Action = Callable[[Register], Change[T]]

GROUP_LIMIT = 128
READERS = 4


class Locked(Exception):
    """Another process writes to this database: SQLite has one writing process."""


class _Waiting(NamedTuple):
    """An action that waits for its commit, and where its caller waits."""

    action: Action[Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class _Settled(NamedTuple):
    waiting: _Waiting
    answer: Any
    error: BaseException | None


@contextmanager
def owning(database: Path) -> Generator[None]:
    """Holds the right to write to an SQLite file. The lock dies with the process, however it ends.

    Raises Locked where another process holds it.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(database.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked(f"{database} is in use by another anxun process; stop it first") from None
        yield
    finally:
        os.close(descriptor)


def sqlite_engine(database: Path, *, writing: bool) -> Engine:
    """WAL with synchronous=FULL: what is committed has reached the disk."""
    size = 1 if writing else READERS
    engine = create_engine(
        f"sqlite:///{database}",
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_reset_on_return="rollback",
        connect_args={"check_same_thread": False, "timeout": 30},
    )

    @event.listens_for(engine, "connect")
    def _(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        if not writing:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


class Database:
    """Opens on a migrated SQLite file; `close` finishes what was accepted and refuses the rest."""

    def __init__(self, path: Path) -> None:
        self._writer = sqlite_engine(path, writing=True)
        self._reader = sqlite_engine(path, writing=False)
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        with self._reader.connect() as connection:
            self._reference = Reference(connection)
        self._threads = ThreadPoolExecutor(READERS, "anxun-read")
        self._thread = threading.Thread(target=self._write_forever, name="anxun-write", daemon=True)
        self._thread.start()

    async def transact(self, action: Action[T]) -> T:
        """Runs `action` and commits what it returns; answers after the commit.

        Raises what the action refuses with, or Unavailable where the store could not keep it. A caller that goes
        away in the middle changes nothing: the action is then kept whole, and nobody is told.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._gate:
            if self._closed:
                raise Unavailable
            self._queue.put(_Waiting(action, loop, future))
        return await future

    async def read(self, ask: Callable[[Register], T]) -> T:
        """Answers from one snapshot, on a reading connection."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.ask, ask)

    def ask(self, ask: Callable[[Register], T]) -> T:
        """`read` for threads."""
        try:
            with self._reader.connect() as connection:
                return ask(Register(connection, self._reference))
        except DBAPIError as error:
            raise Unavailable from error

    def close(self) -> None:
        with self._gate:
            already, self._closed = self._closed, True
            if not already:
                self._queue.put(None)
        self._thread.join()
        self._threads.shutdown()
        self._writer.dispose()
        self._reader.dispose()

    # the writer thread --------------------------------------------------------------------------------------

    def _write_forever(self) -> None:
        running = True
        while running:
            group, running = self._next_group()
            if group:
                _tell(self._settle(group))

    def _next_group(self) -> tuple[list[_Waiting], bool]:
        """Waits for one action, then takes along whatever else waits already. False: the last group."""
        group: list[_Waiting] = []
        try:
            while len(group) < GROUP_LIMIT:
                waiting = self._queue.get(block=not group)
                if waiting is None:
                    return group, False
                group.append(waiting)
        except queue.Empty:
            pass
        return group, True

    def _settle(self, group: list[_Waiting]) -> list[_Settled]:
        """One commit for the group; where it fails for more than a refusal, each member once alone."""
        try:
            return self._commit(group)
        except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to the callers, not to this thread
            if len(group) > 1:
                return [settled for waiting in group for settled in self._settle([waiting])]
            return [_Settled(group[0], None, _as_refusal(error))]

    def _commit(self, group: list[_Waiting]) -> list[_Settled]:
        settled: list[_Settled] = []
        with self._writer.begin() as connection:
            register = Register(connection, self._reference)
            for waiting in group:
                try:
                    change = waiting.action(register)
                except Refusal as refusal:
                    settled.append(_Settled(waiting, None, refusal))
                else:
                    register.write(change)
                    settled.append(_Settled(waiting, change.answer, None))
            register.flush()
            register.flush_numbers()
            if register.reference_changed:
                self._reference = Reference(connection)
        return settled


def _as_refusal(error: Exception) -> Exception:
    """A store that cannot keep something is unavailable; a broken rule of the tables is a fault of ours."""
    if isinstance(error, DBAPIError) and not isinstance(error, IntegrityError):
        refusal = Unavailable()
        refusal.__cause__ = error
        return refusal
    return error


def _tell(settled: list[_Settled]) -> None:
    """Wakes each event loop once for all of its callers."""
    for loop in {each.waiting.loop for each in settled}:
        mine = [each for each in settled if each.waiting.loop is loop]
        try:
            loop.call_soon_threadsafe(_resolve, mine)
        except RuntimeError:  # the loop has ended, and its callers with it
            continue


def _resolve(settled: list[_Settled]) -> None:
    for waiting, answer, error in settled:
        if waiting.future.done():
            continue
        if error is not None:
            waiting.future.set_exception(error)
        else:
            waiting.future.set_result(answer)
