"""What a failing database means to the domain: it cannot keep it now, or a fault of ours."""

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from inspections.errors import Unavailable


def as_refusal(error: Exception) -> Exception:
    """A store that cannot keep something is unavailable; a broken rule of the tables is a fault of ours."""
    if isinstance(error, PoolExhausted) or (isinstance(error, DBAPIError) and not isinstance(error, IntegrityError)):
        refusal = Unavailable()
        refusal.__cause__ = error
        return refusal
    return error
