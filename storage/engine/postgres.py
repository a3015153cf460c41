"""A Database on PostgreSQL: any number of processes, with concurrent transactions.

Actions that only insert are joined into groups that share a commit, and their reads are prefetched together. Rows that
an action may change are read FOR UPDATE, so that two people acting at once meet the same refusal as on SQLite. Such an
action leaves its group for a transaction of its own, since two groups that lock each other's rows would deadlock. A
transaction that lost against another (serialisation failure, deadlock, duplicate key) is run again: an action has no
effect but its Change.
"""

import asyncio
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.event import listen
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from inspections.errors import Unavailable
from storage.engine.definition import DatabaseDefinition
from storage.engine.failures import OperatorError, as_unavailable, run_in_pool
from storage.engine.group_commit import Action, ActionResult, NeedsOwnTransaction, PendingAction, pop_group, run_action
from storage.engine.postgres_rows import PostgresRows, prefetch
from storage.engine.postgres_stream import StreamingCursor
from storage.engine.reference import REFERENCE_SERIES, ReferenceData
from storage.engine.rows import NO_PREFETCHED_ROWS, PrefetchedRows
from storage.engine.unit_of_work import LAST_NUMBER, UnitOfWork

T = TypeVar("T")

CONNECTIONS = 8
MAX_GROUPS = 2
"""Groups that are written concurrently: one waits for the disk while the actions of the other run."""
TRIES = 5
NUMBERS_AT_ONCE = 256
_OPTIONS = "-c timezone=UTC -c jit=off -c random_page_cost=1.1"
"""PostgreSQL assumes a rotating disk, on which reading a page by an index costs four times as much as in order. With
that it sorts a whole community for a page of a hundred while it has no statistics; with 1.1 it follows the index."""
_REFERENCE_SECONDS = 2.0
_RETRYABLE_SQLSTATES = frozenset(
    {"40001", "40P01", "23505"}
)  # serialization_failure, deadlock_detected, unique_violation


def postgres_engine(url: str, *, reading: bool = False) -> Engine:
    """Creates a psycopg 3 engine; waiting longer than five seconds for a connection raises TimeoutError.

    `?pooled=true` at the end of the URL is for a pool in transaction mode that keeps no prepared statements and takes
    no options, such as pgbouncer before 1.21. Raises WrongTimeZone.
    """
    only = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if reading else {}
    made = make_url(url)
    pooled = made.query.get("pooled") == "true"
    engine = create_engine(
        made.set(drivername="postgresql+psycopg").difference_update_query(["pooled"]),
        pool_size=CONNECTIONS + 1,  # one for each thread, and one to reserve a block of numbers meanwhile
        max_overflow=0,
        hide_parameters=True,  # a failed statement is logged, and must not show what people wrote
        pool_timeout=5,
        pool_use_lifo=True,  # reuses few connections, whose statements are prepared: planning costs most
        connect_args={"connect_timeout": 5, **({"prepare_threshold": None} if pooled else {"options": _OPTIONS})},
        execution_options=only,
    )
    if pooled:
        listen(engine, "connect", _check_time_zone)
    if reading:
        listen(engine, "connect", _use_streaming_cursor)
    return engine


class WrongTimeZone(OperatorError):
    """The connections of a pool are not in UTC, which only the role or the database can set there."""


def _check_time_zone(connection: Any, _: Any) -> None:
    (zone,) = connection.execute("select current_setting('timezone')").fetchone()
    connection.commit()
    if zone != "UTC":
        raise WrongTimeZone(f"connections of the pool are in {zone}: alter role … set timezone = 'UTC'")


def _use_streaming_cursor(connection: Any, _: Any) -> None:
    connection.server_cursor_factory = StreamingCursor


class NumberBlocks:
    """Hands out human numbers, reserved in blocks so that no transaction waits for another one's number.

    A block has one number, or twice the size of the previous block if that was used up within a second. Numbers left
    over when the process ends are gaps, which are allowed.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._blocks: dict[str, _Block] = {}

    def next_number(self, series: str) -> int:
        with self._lock:
            block = self._blocks.get(series)
            if block is None or not block.left:
                block = self._blocks[series] = self._fetch_block(series, block)
            return block.left.pop()

    def _fetch_block(self, series: str, spent: "_Block | None") -> "_Block":
        now = time.monotonic()
        size = min(spent.size * 2, NUMBERS_AT_ONCE) if spent and now - spent.taken_at < 1 else 1
        with self._engine.begin() as connection:
            last = connection.execute(_RESERVE_NUMBERS, {"series": series, "block": size}).scalar_one()
        return _Block(now, size, list(range(last, last - size, -1)))


class _Block(NamedTuple):
    """Numbers reserved at a monotonic instant. `left` is in descending order, so the next number is its last item."""

    taken_at: float
    size: int
    left: list[int]


_RESERVE_NUMBERS = text(
    "insert into numbers (series, last) values (:series, :block)"
    " on conflict (series) do update set last = numbers.last + :block returning last"
)


class _CachedReference(NamedTuple):
    """The reference data, the monotonic time of its last check, and the change count that it was loaded at."""

    looked_at: float
    changes: int | None
    reference: ReferenceData


def _is_retryable(error: SQLAlchemyError) -> bool:
    """Whether the transaction lost against another one, or its idle connection had been cut."""
    lost = isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _RETRYABLE_SQLSTATES
    return lost or (isinstance(error, DBAPIError) and error.connection_invalidated)


def _run_with_retries(work: Callable[[], T]) -> T:
    """Runs `work` up to TRIES times. Raises Unavailable if the database cannot serve now, and any refusal of `work`."""
    for tries_left in reversed(range(TRIES)):
        try:
            return work()
        except SQLAlchemyError as error:
            if tries_left and _is_retryable(error):
                time.sleep(random.uniform(0.001, 0.02))  # noqa: S311  # jitter, so that the two do not collide again
                continue
            if refusal := as_unavailable(error):
                raise refusal from error
            raise
    raise AssertionError  # the last try has returned or raised


class _GroupPermit:
    """The right to write one of the MAX_GROUPS groups. `release` may be called twice.

    It is released when the group ends, or before its only action locks rows: waiting for a lock must not hold up
    other groups.
    """

    def __init__(self, free: Callable[[], None]) -> None:
        self._free = free
        self._left = False

    def release(self) -> None:
        if not self._left:
            self._left = True
            self._free()


class PostgresDatabase:
    """Implements Database over a migrated database."""

    def __init__(self, url: str, contents: DatabaseDefinition) -> None:
        self._contents = contents
        self._engine = postgres_engine(url)
        self._numbers = NumberBlocks(self._engine)
        self._threads = ThreadPoolExecutor(CONNECTIONS, "anxun-postgres")
        self._closed = False
        self._known: _CachedReference | None = None
        self._waiting: deque[PendingAction] = deque()
        self._permits = MAX_GROUPS
        self._writing: set[asyncio.Task[None]] = set()

    async def transact(self, action: Action[T]) -> T:
        if self._closed:
            raise Unavailable
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append(PendingAction(action, future))
        loop.call_soon(self._start_groups)  # actions of the same turn of the loop share a group
        return await future

    async def read(self, query: Callable[[Any], T]) -> T:
        if self._closed:
            raise Unavailable
        return await self._in_thread(partial(self._read_with_retries, query))

    read_row = read

    def read_sync(self, query: Callable[[Any], T]) -> T:
        return run_in_pool(self._threads, partial(self._read_with_retries, query))

    def _read_with_retries(self, query: Callable[[Any], T]) -> T:
        return _run_with_retries(partial(self._read_snapshot, query))

    def _read_snapshot(self, query: Callable[[Any], T]) -> T:
        # Both options go with BEGIN. It ends in a COMMIT: on a ROLLBACK psycopg forgets its prepared statements.
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self._engine.connect().execution_options(**options) as connection, connection.begin():
            return query(self._repository(connection))

    def integrity_errors(self) -> list[str]:
        return []  # PostgreSQL verifies page checksums, if the cluster has them, at every read

    async def close(self) -> None:
        self._closed = True
        while self._waiting or self._writing:
            self._start_groups()
            await asyncio.wait(self._writing)
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _start_groups(self) -> None:
        while self._waiting and self._permits:
            group = pop_group(self._waiting, self._permits)
            self._permits -= 1
            task = asyncio.create_task(self._write_group(group))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def _write_group(self, group: list[PendingAction]) -> None:
        """Writes a group that holds a permit, and releases the permit when the group is committed."""
        place = _GroupPermit(self._release_permit)
        if len(group) == 1:
            loop = asyncio.get_running_loop()
            await self._write_single(group[0], partial(loop.call_soon_threadsafe, place.release))
            place.release()
            return
        settled, alone = await self._in_thread(partial(self._commit_group, group))
        place.release()
        for each in settled:
            each.resolve()
        await asyncio.gather(*(self._write_single(waiting, _noop) for waiting in alone))

    def _release_permit(self) -> None:
        self._permits += 1
        self._start_groups()

    async def _write_single(self, waiting: PendingAction, before_lock: Callable[[], Any]) -> None:
        (await self._in_thread(partial(self._commit_single, waiting, before_lock))).resolve()

    def _commit_group(self, group: list[PendingAction]) -> tuple[list[ActionResult], list[PendingAction]]:
        """Commits the actions that only insert in one transaction; returns the others to be run one by one.

        After a failure before the commit, all actions are returned. After a failed commit, which may have happened,
        the callers get Unavailable.
        """
        settled: list[ActionResult] = []
        alone: list[PendingAction] = []
        committing = False
        try:
            with self._engine.connect() as connection:
                transaction = connection.begin()
                ahead = prefetch(
                    connection, self._contents, self._reference(connection), (waiting.action for waiting in group)
                )
                repository = self._repository(connection, _require_own_transaction, ahead)
                for waiting in group:
                    try:
                        settled.append(run_action(repository, waiting, inserts_only=True))
                    except NeedsOwnTransaction:
                        alone.append(waiting)
                repository.finish()
                committing = True
                transaction.commit()
        except Exception as error:  # noqa: BLE001  # every error is passed to the callers
            if not committing:
                return [], group
            return [ActionResult(each.future, None, as_unavailable(error) or error) for each in settled], alone
        self._drop_stale_reference(repository)
        return settled, alone

    def _commit_single(self, waiting: PendingAction, before_lock: Callable[[], Any]) -> ActionResult:
        try:
            answer = _run_with_retries(partial(self._try_commit, waiting.action, before_lock))
            return ActionResult(waiting.future, answer, None)
        except Exception as error:  # noqa: BLE001  # every error is passed to the caller
            return ActionResult(waiting.future, None, error)

    def _try_commit(self, action: Action[T], before_lock: Callable[[], Any]) -> T:
        with self._engine.connect() as connection:
            transaction = connection.begin()
            repository = self._repository(connection, before_lock)
            change = action(repository)
            repository.write(change)
            repository.finish()
            try:
                transaction.commit()
            except DBAPIError as error:
                if error.connection_invalidated:  # it may be committed: the client's id decides when it retries
                    raise Unavailable from error
                raise
        self._drop_stale_reference(repository)
        return change.answer

    def _drop_stale_reference(self, repository: UnitOfWork) -> None:
        if repository.reference_changed:
            self._known = None

    def _repository(
        self,
        connection: Connection,
        before_lock: Callable[[], Any] | None = None,
        prefetched: PrefetchedRows = NO_PREFETCHED_ROWS,
    ) -> Any:
        rows = PostgresRows(connection, self._contents.schema, before_lock, prefetched)
        reference = self._reference(connection)
        return self._contents.repository(connection, self._contents, reference, rows, self._numbers.next_number)

    def _reference(self, connection: Connection) -> ReferenceData:
        """The reference data: checked every two seconds, and reloaded if another process has changed it."""
        now = time.monotonic()
        if self._known and now - self._known.looked_at < _REFERENCE_SECONDS:
            return self._known.reference
        changes = connection.execute(LAST_NUMBER, {"series": REFERENCE_SERIES}).scalar()
        current = (
            self._known.reference
            if self._known and self._known.changes == changes
            else ReferenceData(connection, self._contents.schema)
        )
        self._known = _CachedReference(now, changes, current)
        return current


def _require_own_transaction() -> None:
    raise NeedsOwnTransaction


def _noop() -> None:
    """Does nothing: an action in its own transaction may lock any row."""
