"""The queries that actions of this subject need from a store."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from inspections.accounts.people import Person
from inspections.change import RecordRepository
from inspections.hazards.duplicates import EarlierReport
from inspections.hazards.records import Hazard, HazardReference, HazardSummary, HistoryEntry
from inspections.photos.evidence import DeclaredPhoto, PhotoMatch
from inspections.photos.records import PhotoReference


class HazardRepository(RecordRepository, Protocol):
    """Queries for hazards, their histories and photos, and for hazards that are due."""

    def provisional_hazards(self, after: UUID, limit: int) -> list[Hazard]:
        """Locks and returns open hazards with a provisional deadline whose id follows `after`, in order of id."""
        ...

    def hazard(self, hazard_id: UUID) -> Hazard | None: ...
    def history_entry(self, entry_id: UUID) -> HistoryEntry | None: ...
    def history_entries(self, ids: Sequence[UUID]) -> list[HistoryEntry]: ...
    def history(self, hazard_id: UUID) -> list[HistoryEntry]:
        """Returns every history entry of a hazard, oldest first."""
        ...

    def history_of_steps(self, hazard_id: UUID, steps: tuple[str, ...], after: int) -> list[HistoryEntry]:
        """Returns the history entries of these steps whose number (`seq`) is above `after`, oldest first."""
        ...

    def recorded_rungs(self, hazard_ids: Sequence[UUID]) -> set[tuple[UUID, int, str]]:
        """Returns the recorded rungs of these hazards as (hazard, deadline number, rung name)."""
        ...

    def unexamined_photos(self, limit: int) -> list[PhotoReference]:
        """Returns received, processed, unexamined photos, without those of duplicates; claims them as `due_hazards`."""
        ...

    def photo_matches(self, pictures: Sequence[tuple[PhotoReference, int | None]]) -> list[list[PhotoMatch]]:
        """Returns, for each reference with its hash, other places where this photo or a similar one is present.

        The earliest come first. Other duplicates are left out: their photos are copied to their master.
        """
        ...

    def referenced_hazards(self, person: Person, shown: Iterable[DeclaredPhoto]) -> Mapping[UUID, HazardReference]:
        """Returns the hazards that the flags of these photos refer to and this person may see, by id."""
        ...

    def declared_photos(self, hazard_ids: Sequence[UUID]) -> list[DeclaredPhoto]:
        """Returns every photo declared on these hazards, in the order of their history."""
        ...

    def due_hazards(self, now: datetime, limit: int) -> list[Hazard]:
        """Returns candidates whose next check is due, longest overdue first; the domain makes the final decision.

        A write transaction also claims the rows: concurrent callers get other hazards.
        """
        ...

    def earlier_reports(self, hazard: Hazard) -> list[EarlierReport]:
        """Returns earlier reports that may be this hazard, for `duplicate_candidates` to decide on."""
        ...

    def duplicates(self, hazard_ids: Sequence[UUID]) -> list[HazardReference]:
        """Returns the hazards that were merged into any of these, earliest report first."""
        ...

    def hazards(self, hazard_ids: Sequence[UUID]) -> list[Hazard]:
        """Returns these hazards for reading only, without locking them."""
        ...

    def hazard_summaries(self, hazard_ids: Iterable[UUID]) -> dict[UUID, HazardSummary]:
        """Returns these hazards by id, for reading only."""
        ...
