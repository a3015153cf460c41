"""A Database on PostgreSQL: any number of processes, their transactions side by side.

Actions that only insert are joined into groups, which share a commit; what they will read is asked for all of them at
once. What an action reads in order to change it is read FOR UPDATE, so that two people acting at once meet the same
refusal as on SQLite; such an action leaves its group and has a transaction of its own, since two groups that lock each
other's rows would deadlock. A transaction that lost against another (serialisation, deadlock, a key that somebody
inserted first) is run again: an action has no effect but its Change.
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
"""How many groups are written side by side: one waits for the disk while the other is decided."""
TRIES = 5
NUMBERS_AT_ONCE = 256
_REFERENCE_SECONDS = 2.0
_AGAIN = frozenset({"40001", "40P01", "23505"})  # serialization_failure, deadlock_detected, unique_violation


def postgres_engine(url: str, *, reading: bool = False) -> Engine:
    """Connections of psycopg 3; who waits for one longer than five seconds is told so."""
    only = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if reading else {}
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=CONNECTIONS + 1,  # one for each thread, and one for the block of numbers that one of them may fetch
        max_overflow=0,
        hide_parameters=True,  # a failure is logged with its statement: what people wrote is not to be in it
        pool_timeout=5,
        pool_use_lifo=True,  # those in use stay few, and know their statements: a plan costs more than most answers
        connect_args={"connect_timeout": 5, "options": "-c timezone=UTC -c jit=off"},
        execution_options=only,
    )
    if reading:
        listen(engine, "connect", _streaming)
    return engine


def _streaming(connection: Any, _: Any) -> None:
    connection.server_cursor_factory = Streamed


class NumberBlocks:
    """Hands out human numbers, taken from the database in blocks: no transaction waits for another's number.

    A block is one number in quiet times, and twice the last one where that was used up within a second. What is left
    of it when the process ends is a gap, which is allowed.
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
    """Numbers taken at a monotonic instant; `left` counts down, so that the next one is its last."""

    taken_at: float
    size: int
    left: list[int]


_TAKE = text(
    "insert into numbers (series, last) values (:series, :block)"
    " on conflict (series) do update set last = numbers.last + :block returning last"
)


class _Known(NamedTuple):
    """The reference, when it was last found current (monotonic seconds), and the count of changes it stands for."""

    looked_at: float
    changes: int | None
    reference: Reference


def _to_be_run_again(error: SQLAlchemyError) -> bool:
    """It lost against another, or its connection had been cut while nobody used it."""
    lost = isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _AGAIN
    return lost or (isinstance(error, DBAPIError) and error.connection_invalidated)


def _again_where_it_may(work: Callable[[], T]) -> T:
    """Raises Unavailable for what the store cannot do now, and what `work` refuses with."""
    for tries_left in reversed(range(TRIES)):
        try:
            return work()
        except SQLAlchemyError as error:
            if tries_left and _to_be_run_again(error):
                time.sleep(random.uniform(0.001, 0.02))  # noqa: S311  # so that the two do not meet again
                continue
            if refusal := unavailable(error):
                raise refusal from error
            raise
    raise AssertionError  # the last try has answered or raised


class _Place:
    """One of the places for groups. It is left when the group ends, or when its only member begins to lock.

    Who waits for another's lock must not keep a report waiting.
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
        loop.call_soon(self._begin_groups)  # soon: what comes in the same turn of the loop shares a group
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
        return []  # pages carry checksums where the cluster was made with them, and are checked at every read

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
        """Writes a group that has a place; the place is free again when the group is committed."""
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
        """One transaction for the members that only insert; and those that are still to be run alone.

        Where anything fails before the commit, that is all of them. A commit without an answer may have happened:
        everybody is told that it is not known.
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
        except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to the callers
            if not committing:
                return [], group
            return [Settled(each.future, None, unavailable(error) or error) for each in settled], alone
        self._take_note(repository)
        return settled, alone

    def _alone(self, waiting: Waiting, before_lock: Callable[[], Any]) -> Settled:
        try:
            answer = _again_where_it_may(partial(self._once, waiting.action, before_lock))
            return Settled(waiting.future, answer, None)
        except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to the caller
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
                if error.connection_invalidated:  # it may have happened: the client's id decides on the retry
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
        """Looked at again every two seconds, and read again where another process has changed it."""
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
    """Who is alone already may lock what they like."""
