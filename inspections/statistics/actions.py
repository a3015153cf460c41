"""A briefing is kept as it was said."""

from inspections.change import Change, RecordRepository
from inspections.statistics.briefing import Briefing


def keep_briefing(repository: RecordRepository, briefing: Briefing) -> Change[Briefing]:
    """What was said before in the same words stays as it was: its time is when these figures were first counted."""
    kept = repository.kept(Briefing, briefing.id)
    return Change(briefing, (briefing,)) if kept is None else Change(kept)
