"""Implements StatisticsRepository of the domain over one connection."""

from datetime import datetime

from storage.engine.unit_of_work import UnitOfWork
from storage.statistics.briefings import BRIEFING_COUNT


class StatisticsRepository(UnitOfWork):
    """Queries over the stored briefings."""

    def count_briefings(self, username: str, since: datetime) -> int:
        return self.rows(BRIEFING_COUNT, {"username": username, "since": since})[0][0]
