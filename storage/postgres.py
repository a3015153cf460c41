"""A Database on PostgreSQL: any number of processes, a transaction for each action.

What an action reads in order to change it is read FOR UPDATE, so that two people acting at once meet the same refusal
as on SQLite. A transaction that lost against another (serialisation, deadlock, a key that somebody inserted first) is
run again: an action has no effect but its Change.
"""

import asyncio
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from inspections.errors import Unavailable
from storage.failures import unavailable
from storage.register import Action, Reference, Register
from storage.rows import CoreRows

T = TypeVar("T")

CONNECTIONS = 8
TRIES = 5
NUMBERS_AT_ONCE = 20
_REFERENCE_SECONDS = 2.0
_AGAIN = frozenset({"40001", "40P01", "23505"})  # serialization_failure, deadlock_detected, unique_violation


def postgres_engine(url: str) -> Engine:
    """Connections of psycopg 3; who waits for one longer than five seconds is told so."""
    return create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=CONNECTIONS + 1,  # one for each thread, and one for the block of numbers that one of them may fetch
        max_overflow=0,
        pool_timeout=5,
        connect_args={"connect_timeout": 5, "options": "-c timezone=UTC"},
    )


class NumberBlocks:
    """Hands out human numbers, taken from the database in blocks: no transaction waits for another's number.

    What is left of a block when the process ends is a gap, which is allowed.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._left: dict[str, range] = {}

    def next(self, series: str) -> int:
        with self._lock:
            left = self._left.get(series) or self._taken(series)
            self._left[series] = left[1:]
            return left[0]

    def _taken(self, series: str) -> range:
        with self._engine.begin() as connection:
            last = connection.execute(_TAKE, {"series": series, "block": NUMBERS_AT_ONCE}).scalar_one()
        return range(last - NUMBERS_AT_ONCE + 1, last + 1)


_TAKE = text(
    "insert into numbers (series, last) values (:series, :block)"
    " on conflict (series) do update set last = numbers.last + :block returning last"
)


def _lost_against_another(error: SQLAlchemyError) -> bool:
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _AGAIN


class PostgresDatabase:
    """Implements Database over a migrated database: actions on threads, each in a transaction of its own."""

    def __init__(self, url: str) -> None:
        self._engine = postgres_engine(url)
        self._numbers = NumberBlocks(self._engine)
        self._threads = ThreadPoolExecutor(CONNECTIONS, "anxun-postgres")
        self._closed = False
        self._reference: tuple[float, Reference] | None = None

    async def transact(self, action: Action[T]) -> T:
        if self._closed:
            raise Unavailable
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._transacted, action)

    async def read(self, ask: Callable[[Register], T]) -> T:
        if self._closed:
            raise Unavailable
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.ask, ask)

    def ask(self, ask: Callable[[Register], T]) -> T:
        try:
            with self._engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
                connection.exec_driver_sql("set transaction read only")
                return ask(self._register(connection))
        except SQLAlchemyError as error:
            if refusal := unavailable(error):
                raise refusal from error
            raise

    async def close(self) -> None:
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()

    def _transacted(self, action: Action[T]) -> T:
        for tries_left in reversed(range(TRIES)):
            try:
                return self._once(action)
            except SQLAlchemyError as error:
                if tries_left and _lost_against_another(error):
                    time.sleep(random.uniform(0.001, 0.02))  # noqa: S311  # so that the two do not meet again
                    continue
                if refusal := unavailable(error):
                    raise refusal from error
                raise
        raise AssertionError  # the last try has answered or raised

    def _once(self, action: Action[T]) -> T:
        with self._engine.begin() as connection:
            register = self._register(connection, locking=True)
            change = action(register)
            register.write(change)
            register.finish()
        if register.reference_changed:
            self._reference = None
        return change.answer

    def _register(self, connection: Connection, *, locking: bool = False) -> Register:
        rows = CoreRows(connection, locking=locking)
        return Register(connection, self._known(connection), rows, self._numbers.next)

    def _known(self, connection: Connection) -> Reference:
        """The reference, read again every two seconds: another process may have changed it."""
        read_at, reference = self._reference or (0.0, None)
        now = time.monotonic()
        if reference is None or now - read_at > _REFERENCE_SECONDS:
            reference = Reference(connection)
            self._reference = (now, reference)
        return reference
