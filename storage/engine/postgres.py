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

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.event import listen
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from inspections.errors import Unavailable
from storage.engine.contents import Contents
from storage.engine.failures import answered, unavailable
from storage.engine.group_commit import Action, Alone, Settled, Waiting, decided, next_group
from storage.engine.postgres_stream import Streamed
from storage.engine.prefetch import foreseen
from storage.engine.reference import CHANGES, Reference
from storage.engine.rows import NOTHING, CoreRows, Foreseen
from storage.engine.unit_of_work import LAST_NUMBER, UnitOfWork

T = TypeVar("T")

CONNECTIONS = 8
GROUPS = 2
"""Groups that are written concurrently: one waits for the disk while the actions of the other run."""
TRIES = 5
NUMBERS_AT_ONCE = 256
_REFERENCE_SECONDS = 2.0
_AGAIN = frozenset({"40001", "40P01", "23505"})  # serialization_failure, deadlock_detected, unique_violation


def postgres_engine(url: str, *, reading: bool = False) -> Engine:
    """Creates a psycopg 3 engine; waiting longer than five seconds for a connection raises TimeoutError."""
    only = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if reading else {}
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=CONNECTIONS + 1,  # one for each thread, and one to reserve a block of numbers meanwhile
        max_overflow=0,
        hide_parameters=True,  # a failed statement is logged, and must not show what people wrote
        pool_timeout=5,
        pool_use_lifo=True,  # reuses few connections, whose statements are prepared: planning costs most
        connect_args={"connect_timeout": 5, "options": "-c timezone=UTC -c jit=off"},
        execution_options=only,
    )
    if reading:
        listen(engine, "connect", _streaming)
    return engine


def _streaming(connection: Any, _: Any) -> None:
    connection.server_cursor_factory = Streamed


class NumberBlocks:
    """Hands out human numbers, reserved in blocks so that no transaction waits for another one's number.

    A block has one number, or twice the size of the previous block if that was used up within a second. Numbers left
    over when the process ends are gaps, which are allowed.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._blocks: dict[str, _Block] = {}

    def next(self, series: str) -> int:
        with self._lock:
            block = self._blocks.get(series)
            if block is None or not block.left:
                block = self._blocks[series] = self._taken(series, block)
            return block.left.pop()

    def _taken(self, series: str, spent: "_Block | None") -> "_Block":
        now = time.monotonic()
        size = min(spent.size * 2, NUMBERS_AT_ONCE) if spent and now - spent.taken_at < 1 else 1
        with self._engine.begin() as connection:
            last = connection.execute(_TAKE, {"series": series, "block": size}).scalar_one()
        return _Block(now, size, list(range(last, last - size, -1)))


class _Block(NamedTuple):
    """Numbers reserved at a monotonic instant. `left` is in descending order, so the next number is its last item."""

    taken_at: float
    size: int
    left: list[int]


_TAKE = text(
    "insert into numbers (series, last) values (:series, :block)"
    " on conflict (series) do update set last = numbers.last + :block returning last"
)


class _Known(NamedTuple):
    """The reference data, the monotonic time of its last check, and the change count that it was loaded at."""

    looked_at: float
    changes: int | None
    reference: Reference


def _to_be_run_again(error: SQLAlchemyError) -> bool:
    """Whether the transaction lost against another one, or its idle connection had been cut."""
    lost = isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _AGAIN
    return lost or (isinstance(error, DBAPIError) and error.connection_invalidated)


def _again_where_it_may(work: Callable[[], T]) -> T:
    """Runs `work` up to TRIES times. Raises Unavailable if the database cannot serve now, and any refusal of `work`."""
    for tries_left in reversed(range(TRIES)):
        try:
            return work()
        except SQLAlchemyError as error:
            if tries_left and _to_be_run_again(error):
                time.sleep(random.uniform(0.001, 0.02))  # noqa: S311  # jitter, so that the two do not collide again
                continue
            if refusal := unavailable(error):
                raise refusal from error
            raise
    raise AssertionError  # the last try has returned or raised


class _Place:
    """The right to write one of the MAX_GROUPS groups. `release` may be called twice.

    It is released when the group ends, or before its only action locks rows: waiting for a lock must not hold up
    other groups.
    """

    def __init__(self, free: Callable[[], None]) -> None:
        self._free = free
        self._left = False

    def leave(self) -> None:
        if not self._left:
            self._left = True
            self._free()


class PostgresDatabase:
    """Implements Database over a migrated database."""

    def __init__(self, url: str, contents: Contents) -> None:
        self._contents = contents
        self._engine = postgres_engine(url)
        self._numbers = NumberBlocks(self._engine)
        self._threads = ThreadPoolExecutor(CONNECTIONS, "anxun-postgres")
        self._closed = False
        self._known: _Known | None = None
        self._waiting: deque[Waiting] = deque()
        self._places = GROUPS
        self._writing: set[asyncio.Task[None]] = set()

    async def transact(self, action: Action[T]) -> T:
        if self._closed:
            raise Unavailable
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append(Waiting(action, future))
        loop.call_soon(self._begin_groups)  # actions of the same turn of the loop share a group
        return await future

    async def read(self, ask: Callable[[Any], T]) -> T:
        if self._closed:
            raise Unavailable
        return await self._in_thread(partial(self._answer, ask))

    def ask(self, ask: Callable[[Any], T]) -> T:
        return answered(self._threads, partial(self._answer, ask))

    def _answer(self, ask: Callable[[Any], T]) -> T:
        return _again_where_it_may(partial(self._ask, ask))

    def _ask(self, ask: Callable[[Any], T]) -> T:
        # Both options go with BEGIN. It ends in a COMMIT: on a ROLLBACK psycopg forgets its prepared statements.
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self._engine.connect().execution_options(**options) as connection, connection.begin():
            return ask(self._repository(connection))

    def damage(self) -> list[str]:
        return []  # PostgreSQL verifies page checksums, if the cluster has them, at every read

    async def close(self) -> None:
        self._closed = True
        while self._waiting or self._writing:
            self._begin_groups()
            await asyncio.wait(self._writing)
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _begin_groups(self) -> None:
        while self._waiting and self._places:
            group = next_group(self._waiting, self._places)
            self._places -= 1
            task = asyncio.create_task(self._write(group))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def _write(self, group: list[Waiting]) -> None:
        """Writes a group that holds a permit, and releases the permit when the group is committed."""
        place = _Place(self._free_place)
        if len(group) == 1:
            loop = asyncio.get_running_loop()
            await self._write_alone(group[0], partial(loop.call_soon_threadsafe, place.leave))
            place.leave()
            return
        settled, alone = await self._in_thread(partial(self._joined, group))
        place.leave()
        for each in settled:
            each.tell()
        await asyncio.gather(*(self._write_alone(waiting, _nothing) for waiting in alone))

    def _free_place(self) -> None:
        self._places += 1
        self._begin_groups()

    async def _write_alone(self, waiting: Waiting, before_lock: Callable[[], Any]) -> None:
        (await self._in_thread(partial(self._alone, waiting, before_lock))).tell()

    def _joined(self, group: list[Waiting]) -> tuple[list[Settled], list[Waiting]]:
        """Commits the actions that only insert in one transaction; returns the others to be run one by one.

        After a failure before the commit, all actions are returned. After a failed commit, which may have happened,
        the callers get Unavailable.
        """
        settled: list[Settled] = []
        alone: list[Waiting] = []
        committing = False
        try:
            with self._engine.connect() as connection:
                transaction = connection.begin()
                ahead = foreseen(
                    connection, self._contents, self._reference(connection), (waiting.action for waiting in group)
                )
                repository = self._repository(connection, _leave_the_group, ahead)
                for waiting in group:
                    try:
                        settled.append(decided(repository, waiting, inserts_only=True))
                    except Alone:
                        alone.append(waiting)
                repository.finish()
                committing = True
                transaction.commit()
        except Exception as error:  # noqa: BLE001  # every error is passed to the callers
            if not committing:
                return [], group
            return [Settled(each.future, None, unavailable(error) or error) for each in settled], alone
        self._take_note(repository)
        return settled, alone

    def _alone(self, waiting: Waiting, before_lock: Callable[[], Any]) -> Settled:
        try:
            answer = _again_where_it_may(partial(self._once, waiting.action, before_lock))
            return Settled(waiting.future, answer, None)
        except Exception as error:  # noqa: BLE001  # every error is passed to the caller
            return Settled(waiting.future, None, error)

    def _once(self, action: Action[T], before_lock: Callable[[], Any]) -> T:
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
        self._take_note(repository)
        return change.answer

    def _take_note(self, repository: UnitOfWork) -> None:
        if repository.reference_changed:
            self._known = None

    def _repository(
        self, connection: Connection, before_lock: Callable[[], Any] | None = None, foreseen: Foreseen = NOTHING
    ) -> Any:
        rows = CoreRows(connection, self._contents.schema, before_lock, foreseen)
        reference = self._reference(connection)
        return self._contents.repository(connection, self._contents, reference, rows, self._numbers.next)

    def _reference(self, connection: Connection) -> Reference:
        """The reference data: checked every two seconds, and reloaded if another process has changed it."""
        now = time.monotonic()
        if self._known and now - self._known.looked_at < _REFERENCE_SECONDS:
            return self._known.reference
        changes = connection.execute(LAST_NUMBER, {"series": CHANGES}).scalar()
        current = (
            self._known.reference
            if self._known and self._known.changes == changes
            else Reference(connection, self._contents.schema)
        )
        self._known = _Known(now, changes, current)
        return current


def _leave_the_group() -> None:
    raise Alone


def _nothing() -> None:
    """Does nothing: an action in its own transaction may lock any row."""
