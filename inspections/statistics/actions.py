"""Saves a briefing under the digest of its figures."""

from datetime import timedelta

from inspections.change import Change
from inspections.errors import TooManyRequests
from inspections.statistics.briefing import Briefing
from inspections.statistics.repository import StatisticsRepository

MAX_NEW_BRIEFINGS = 200
"""New briefings of one person within a day: they are kept for good, and each period of each place has its own."""
_DAY = timedelta(days=1)


def save_briefing(repository: StatisticsRepository, briefing: Briefing) -> Change[Briefing]:
    """Saves a briefing once: the same figures keep their first snapshot, with the time they were first counted.

    Raises TooManyRequests.
    """
    kept = repository.get(Briefing, briefing.id)
    if kept is not None:
        return Change(kept)
    if repository.count_briefings(briefing.made_by, briefing.made_at - _DAY) >= MAX_NEW_BRIEFINGS:
        raise TooManyRequests("今天生成的通报过多，请明天再试", retry_after=_DAY // timedelta(seconds=1))
    return Change(briefing, (briefing,))
