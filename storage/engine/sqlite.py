"""A Database on SQLite: one process, one writing connection, group commit.

All pending actions run inside one BEGIN IMMEDIATE of a connection that stays open, and are committed once, so that a
group costs one flush to disk. Actions run on the event loop, where no other thread competes for the interpreter; only
the commit, which waits for the disk, has a thread. Meanwhile the next group gathers. Readers have their own connections
(WAL): one for reads by key, which take less than the way to a thread and back, and those of the reading threads.
"""

import asyncio
import fcntl
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from inspections.errors import Unavailable
from storage.engine.definition import DatabaseDefinition
from storage.engine.failures import OperatorError, as_unavailable, run_in_pool
from storage.engine.group_commit import Action, ActionResult, PendingAction, pop_group, run_action
from storage.engine.reference import ReferenceData
from storage.engine.rows import RecordCache, SqliteRows

T = TypeVar("T")

READERS = 4
_CHECKPOINT_PAGES = 4000
"""Pages in the log (16 MB) before they are copied into the database file, four times SQLite's default. A page that many
reports change is then copied once, which gave six percent more reports a second."""
SHORT_SECONDS = 0.02
"""Reads run one after another for this long. The threads of reads that run at once take the interpreter from each other
at every row, so that four lists of a hundred hazards cost twice their time."""
_NONE: dict[None, None] = {None: None}
# For each None and bool that it binds, sqlite3 looks for an adapter, and raises two exceptions if there is none.
sqlite3.register_adapter(type(None), _NONE.__getitem__)
sqlite3.register_adapter(bool, int)
_GATHERING_TURNS = 2
"""Turns of the event loop before a group begins, so that requests which have arrived share its commit."""
_GATHERING_SECONDS = 0.0005
"""The same after a group of several actions, whose clients send again soon and can share the next commit too."""


class DatabaseInUse(OperatorError):
    """Another process holds the write lock of this SQLite database, which has one writing process."""


@contextmanager
def write_lock(database: Path) -> Generator[None]:
    """Holds the write lock of an SQLite file. The kernel releases it when the process ends, however it ends.

    Raises DatabaseInUse if another process holds it.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(database.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DatabaseInUse(f"{database} is in use by another anxun process; stop it first") from None
        yield
    finally:
        os.close(descriptor)


def sqlite_engine(database: Path, *, writing: bool, cache_mib: int = 2) -> Engine:
    """Creates an engine with WAL and synchronous=FULL: a commit has reached the disk. `cache_mib`: per connection."""
    size = 1 if writing else READERS + 1
    cache = f"cache_size={-1024 * cache_mib}"
    engine = create_engine(
        f"sqlite:///{database}",
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        hide_parameters=True,  # logged statements must not show what people wrote
        pool_reset_on_return="rollback",
        connect_args={"check_same_thread": False, "timeout": 30},
    )

    @event.listens_for(engine, "connect")
    def _(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, instead of the driver
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", cache):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}" if writing else "PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        driver.execute("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


class ReadingTurn:
    """The turn that a read takes. It passes on at the end of the read, or after SHORT_SECONDS if the read is longer.

    Reads get it in the order in which they came.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._holder: object = None
        self._until = 0.0

    @property
    def queue_length(self) -> int:
        """The number of reads that wait for their turn."""
        return len(self._waiting)

    @contextmanager
    def take(self) -> Generator[None]:
        me = object()
        with self._changed:
            self._waiting.append(me)
            while (seconds := self._wait_time(me)) != 0:
                self._changed.wait(seconds)
            self._waiting.popleft()
            self._holder, self._until = me, time.monotonic() + SHORT_SECONDS
            if self._waiting:
                self._changed.notify_all()  # the next one waits for this read now
        try:
            yield
        finally:
            with self._changed:
                if self._holder is me:
                    self._holder = None
                    self._changed.notify_all()

    def _wait_time(self, me: object) -> float | None:
        """The seconds until it is the turn of `me`; None while another one is next, whose turn is notified."""
        if self._waiting[0] is not me:
            return None
        return 0 if self._holder is None else max(0, self._until - time.monotonic())


class KeptConnection:
    """A connection that stays open between transactions, which are begun and ended at the driver.

    For SQLAlchemy it is always in one transaction: its own bookkeeping of each would cost more than a short read.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._driver: Any = None

    def begin(self, statement: str) -> Connection:
        """Begins a transaction by this statement, on a new connection if there is none."""
        if self._connection is None:
            self._connection = self._engine.connect()
            self._connection.begin()  # its event begins the first transaction
            self._driver = self._connection.connection.dbapi_connection
        else:
            self._driver.execute(statement)
        return self._connection

    def commit(self) -> None:
        self._driver.execute("COMMIT")

    def rollback(self) -> None:
        self._driver.execute("ROLLBACK")

    def close(self) -> None:
        """Closes the connection, and rolls back what it has not committed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class SqliteDatabase:
    """Implements Database over a migrated SQLite file."""

    def __init__(self, path: Path, contents: DatabaseDefinition) -> None:
        self._contents = contents
        self._writer = sqlite_engine(path, writing=True)
        self._reader = sqlite_engine(path, writing=False)
        self._waiting: deque[PendingAction] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._kept_writer = KeptConnection(self._writer)
        self._kept_reader = KeptConnection(self._reader)
        self._closed = self._wrote = self._had_company = False
        with self._reader.connect() as connection:
            self._reference = ReferenceData(connection, self._contents.schema)
        self._reads = ThreadPoolExecutor(READERS, "anxun-read")
        self._turn = ReadingTurn()
        self._cache = RecordCache(self._contents.schema)
        self._commits = ThreadPoolExecutor(1, "anxun-commit")

    async def transact(self, action: Action[T]) -> T:
        if self._closed:
            raise Unavailable
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(PendingAction(action, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_groups())
        return await future

    async def read(self, query: Callable[[Any], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reads, self._read_snapshot, query)

    async def read_row(self, query: Callable[[Any], T]) -> T:
        if self._closed:
            raise Unavailable
        try:
            connection = self._kept_reader.begin("BEGIN")
            try:
                return query(self._repository(connection, None))
            finally:
                self._kept_reader.rollback()
        except (DBAPIError, sqlite3.Error) as error:
            self._kept_reader.close()
            raise Unavailable from error

    def read_sync(self, query: Callable[[Any], T]) -> T:
        return run_in_pool(self._reads, partial(self._read_snapshot, query))

    def _read_snapshot(self, query: Callable[[Any], T]) -> T:
        try:
            with self._turn.take(), self._reader.connect() as connection, connection.begin():
                return query(self._repository(connection, None))
        except (DBAPIError, sqlite3.Error) as error:
            raise Unavailable from error

    def _repository(self, connection: Connection, cache: RecordCache | None) -> Any:
        rows = SqliteRows(connection, self._contents.schema, cache)
        return self._contents.repository(connection, self._contents, self._reference, rows)

    def integrity_errors(self) -> list[str]:
        found = self.read_sync(lambda repository: repository.rows(text("PRAGMA integrity_check")))
        return [words for (words,) in found if words != "ok"]

    async def close(self) -> None:
        self._closed = True
        if self._writing is not None:
            await self._writing
        self._kept_writer.close()
        self._kept_reader.close()
        self._reads.shutdown()
        self._commits.shutdown()
        self._writer.dispose()
        self._reader.dispose()

    async def _write_groups(self) -> None:
        while self._waiting:
            for pause in (_GATHERING_SECONDS,) if self._had_company else (0,) * _GATHERING_TURNS:
                await asyncio.sleep(pause)
            group = pop_group(self._waiting)
            self._had_company = len(group) > 1
            for settled in await self._commit_or_split(group):
                settled.resolve()

    async def _commit_or_split(self, group: list[PendingAction]) -> list[ActionResult]:
        """Commits the group at once; if that fails with more than a refusal, commits each action once by itself."""
        try:
            return await self._commit(group)
        except Exception as error:  # noqa: BLE001  # every error is passed to the callers
            if len(group) > 1:
                return [settled for waiting in group for settled in await self._commit_or_split([waiting])]
            return [ActionResult(group[0].future, None, as_unavailable(error) or error)]

    async def _commit(self, group: list[PendingAction]) -> list[ActionResult]:
        try:
            connection = self._kept_writer.begin("BEGIN IMMEDIATE")
            if not self._wrote:
                for statement in self._contents.startup_statements:
                    connection.execute(statement)
            repository = self._repository(connection, self._cache)
            settled = [run_action(repository, waiting) for waiting in group]
            repository.finish()
            reference = (
                ReferenceData(connection, self._contents.schema) if repository.reference_changed else self._reference
            )
            committing = self._commits.submit(self._kept_writer.commit)
            try:
                await asyncio.wrap_future(committing)
            finally:
                if not committing.done():
                    wait([committing])  # when cancelled: the commit ends before the connection is reused
        except BaseException:
            self._kept_writer.close()  # rolls back; the next group gets a new one
            raise
        self._reference, self._wrote = reference, True
        return settled
