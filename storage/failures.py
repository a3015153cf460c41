"""What a failing database means to the domain: it cannot keep it now, or a fault of ours."""

import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from inspections.errors import Unavailable


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
