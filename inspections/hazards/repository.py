"""The queries that actions of this subject need from a store."""

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
    """Queries for hazards, their histories and photos, and for hazards that are due."""

    def provisional(self, after: UUID, limit: int) -> list[Hazard]:
        """Locks and returns open hazards with a provisional deadline whose id follows `after`, in order of id."""
        ...

    def hazard(self, hazard_id: UUID) -> Hazard | None: ...
    def entry(self, entry_id: UUID) -> Entry | None: ...
    def history(self, hazard_id: UUID) -> list[Entry]:
        """Returns every history entry of a hazard, oldest first."""
        ...

    def escalated(self, hazard_ids: Sequence[UUID]) -> set[tuple[UUID, int, str]]:
        """Returns the recorded rungs of these hazards as (hazard, deadline number, rung name)."""
        ...

    def unexamined(self, limit: int) -> list[Mention]:
        """Returns received, processed, unexamined photos, without those of duplicates; claims them as `due_hazards`."""
        ...

    def sightings(self, mention: Mention, picture: int | None) -> list[Sighting]:
        """Returns other places where this photo, or one with a hash near `picture`, is present; earliest first.

        Other duplicates are left out: their photos are copied to their master.
        """
        ...

    def shown(self, hazard_ids: Sequence[UUID]) -> list[Shown]:
        """Returns every photo declared on these hazards, in the order of their history."""
        ...

    def due(self, now: datetime, limit: int) -> list[Hazard]:
        """Returns candidates whose next check is due, longest overdue first; the domain makes the final decision.

        A write transaction also claims the rows: concurrent callers get other hazards.
        """
        ...

    def earlier(self, hazard: Hazard) -> list[Earlier]:
        """Returns earlier reports that may be this hazard, for `duplicate_candidates` to decide on."""
        ...

    def duplicates(self, hazard_ids: Sequence[UUID]) -> list[Named]:
        """Returns the hazards that were merged into any of these, earliest report first."""
        ...

    def hazards(self, hazard_ids: Sequence[UUID]) -> list[Hazard]:
        """Returns these hazards for reading only, without locking them."""
        ...
