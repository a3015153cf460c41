"""What a failing database means to the domain: it cannot keep it now, or a fault of ours."""

import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from inspections.errors import Unavailable


def as_refusal(error: Exception) -> Exception:
    """A store that cannot keep something is unavailable; a broken rule of the tables is a fault of ours."""
    broken_rule = isinstance(error, IntegrityError | sqlite3.IntegrityError)
    if isinstance(error, DBAPIError | PoolExhausted | sqlite3.Error) and not broken_rule:
        refusal = Unavailable()
        refusal.__cause__ = error
        return refusal
    return error
