"""Translates database errors into errors of the domain, and defines the errors that an operator has to fix."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from inspections.errors import Unavailable

T = TypeVar("T")


class OperatorError(Exception):
    """An error that the operator has to fix before the program can continue; its message says how."""


def as_unavailable(error: Exception) -> Unavailable | None:
    """The Unavailable for a database that cannot serve now; None for a violated constraint, which is a bug of ours."""
    broken_rule = isinstance(error, IntegrityError | sqlite3.IntegrityError)
    if broken_rule or not isinstance(error, DBAPIError | PoolExhausted | sqlite3.Error):
        return None
    refusal = Unavailable()
    refusal.__cause__ = error
    return refusal


def run_in_pool(threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    """Runs `work` on the pool's threads and waits for its result; a closing database waits for these threads too.

    Raises Unavailable once the pool is shut down: a later query would leave a connection open.
    """
    try:
        asked = threads.submit(work)
    except RuntimeError:  # raised by an executor after its shutdown
        raise Unavailable from None
    return asked.result()


class MissingDependency(OperatorError):
    """A setting needs an optional package that is not installed; the message names the extra."""
