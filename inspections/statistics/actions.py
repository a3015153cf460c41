"""Saves a briefing under the digest of its figures."""

from inspections.change import Change, RecordRepository
from inspections.statistics.briefing import Briefing


def save_briefing(repository: RecordRepository, briefing: Briefing) -> Change[Briefing]:
    """Saves a briefing once: the same figures keep their first snapshot, with the time they were first counted."""
    kept = repository.get(Briefing, briefing.id)
    return Change(briefing, (briefing,)) if kept is None else Change(kept)
