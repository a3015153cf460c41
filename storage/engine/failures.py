"""What a failing database means to the domain: it cannot keep it now, or a fault of ours."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from inspections.errors import Unavailable

T = TypeVar("T")


class Unready(Exception):
    """Something that a person has to put right before the program can go on; its words say what."""


def unavailable(error: Exception) -> Unavailable | None:
    """The refusal for a store that cannot keep something now; None for a broken rule of the tables, a fault of ours."""
    broken_rule = isinstance(error, IntegrityError | sqlite3.IntegrityError)
    if broken_rule or not isinstance(error, DBAPIError | PoolExhausted | sqlite3.Error):
        return None
    refusal = Unavailable()
    refusal.__cause__ = error
    return refusal


def answered(threads: ThreadPoolExecutor, answer: Callable[[], T]) -> T:
    """What `answer` gives, in one of the threads that a database waits for when it closes.

    Raises Unavailable where it has closed: whoever still asks then would hold a connection that nobody ends.
    """
    try:
        asked = threads.submit(answer)
    except RuntimeError:  # how an executor says that it takes no more
        raise Unavailable from None
    return asked.result()


class NotInstalled(Unready):
    """A setting asks for a part that is not installed; says which extra brings it."""
