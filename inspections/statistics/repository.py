"""The queries that actions of this subject need."""

from datetime import datetime
from typing import Protocol

from inspections.change import RecordRepository


class StatisticsRepository(RecordRepository, Protocol):
    """Queries over the stored briefings."""

    def count_briefings(self, username: str, since: datetime) -> int:
        """The number of briefings that this person has had stored since that instant."""
        ...
