"""Reads the stored briefings."""

from sqlalchemy import select

from inspections.statistics.briefing import Briefing
from storage.engine.unit_of_work import UnitOfWork
from storage.statistics.tables import briefings


def latest_briefings(repository: UnitOfWork) -> list[Briefing]:
    """The latest hundred briefings, newest first, of whatever scope."""
    return repository.select(Briefing, select(briefings).order_by(briefings.c.made_at.desc()).limit(_BRIEFINGS))


_BRIEFINGS = 100
