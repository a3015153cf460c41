"""Reads and counts the stored briefings."""

from sqlalchemy import bindparam, func, select

from inspections.statistics.briefing import Briefing
from storage.engine.unit_of_work import UnitOfWork
from storage.statistics.tables import briefings

BRIEFING_COUNT = select(func.count()).where(
    briefings.c.made_at > bindparam("since"), briefings.c.made_by == bindparam("username")
)


def latest_briefings(repository: UnitOfWork) -> list[Briefing]:
    """The latest hundred briefings, newest first, of whatever scope."""
    return repository.select(Briefing, select(briefings).order_by(briefings.c.made_at.desc()).limit(_BRIEFINGS))


_BRIEFINGS = 100
