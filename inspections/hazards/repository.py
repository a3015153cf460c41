"""What actions of this subject may ask of a store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from inspections.change import RecordRepository
from inspections.hazards.duplicates import Earlier
from inspections.hazards.records import Entry, Hazard, Named
from inspections.photos.evidence import Shown, Sighting
from inspections.photos.records import Mention


class HazardRepository(RecordRepository, Protocol):
    """Hazards, their histories, their photos, and which of them are due."""

    def provisional(self, after: UUID, limit: int) -> list[Hazard]:
        """Open hazards one of whose deadlines is provisional, by id, those that follow `after`; to be changed."""
        ...

    def hazard(self, hazard_id: UUID) -> Hazard | None: ...
    def entry(self, entry_id: UUID) -> Entry | None: ...
    def history(self, hazard_id: UUID) -> list[Entry]:
        """Every line, oldest first."""
        ...

    def escalated(self, hazard_ids: Sequence[UUID]) -> set[tuple[UUID, int, str]]:
        """The rungs recorded for these hazards: hazard, number, name."""
        ...

    def unexamined(self, limit: int) -> list[Mention]:
        """Declared photos that are there, developed, and not examined yet, but those of duplicates; as with `due`."""
        ...

    def sightings(self, mention: Mention, picture: int | None) -> list[Sighting]:
        """Where else this photo is declared and present, or one whose hash is near `picture`; the earliest first.

        Not on other duplicates: their photos stand on their master.
        """
        ...

    def shown(self, hazard_ids: Sequence[UUID]) -> list[Shown]:
        """Every photo declared on these hazards, in the order of their history."""
        ...

    def due(self, now: datetime, limit: int) -> list[Hazard]:
        """Hazards whose next check has come, the longest waiting first. Narrows only: the verdict is the domain's.

        Inside a write transaction they are claimed: whoever asks beside gets others.
        """
        ...

    def earlier(self, hazard: Hazard) -> list[Earlier]:
        """Hazards reported before that may be this one. Narrows only: the verdict is duplicates.candidates."""
        ...

    def duplicates(self, hazard_ids: Sequence[UUID]) -> list[Named]:
        """The hazards that were merged into one of these, the earliest report first."""
        ...

    def hazards(self, hazard_ids: Sequence[UUID]) -> list[Hazard]:
        """As they are, for who will not change them."""
        ...
