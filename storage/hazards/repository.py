"""The queries of the domain about hazards, over one connection."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, exists, select

from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.hazards.duplicates import EarlierReport
from inspections.hazards.records import Hazard, HazardReference, HazardSummary, HistoryEntry
from inspections.photos.evidence import DeclaredPhoto, PhotoMatch
from inspections.photos.records import Photo, PhotoReference, UploadReceipt
from storage.engine.columns import in_list
from storage.hazards.claims import DUE_HAZARDS, PROVISIONAL_HAZARDS, RECORDED_RUNGS
from storage.hazards.duplicates import find_earlier_reports
from storage.hazards.photo_evidence import (
    DECLARED_PHOTOS,
    MENTION_WIDTH,
    PRESENT_MENTIONS,
    PURGEABLE_BY_DIGEST,
    PURGEABLE_PHOTOS,
    UNEXAMINED_PHOTOS,
    find_photo_matches,
)
from storage.hazards.queries import ENTRIES, HAZARD_SUMMARIES, HAZARDS
from storage.hazards.scopes import unindexed_scope_clause
from storage.hazards.tables import entries, hazards, mentions
from storage.office.repository import OfficeRepository
from storage.places.repository import PlaceRepository


class HazardRepository(OfficeRepository, PlaceRepository):
    """Queries for hazards, their histories and photos, and for hazards that are due."""

    def provisional_hazards(self, after: UUID, limit: int) -> list[Hazard]:
        return [
            Hazard(*row)
            for row in self.rows(self._rows.with_for_update(PROVISIONAL_HAZARDS), {"after": after, "limit": limit})
        ]

    def hazard(self, hazard_id: UUID) -> Hazard | None:
        return self.get(Hazard, hazard_id)

    def history_entry(self, entry_id: UUID) -> HistoryEntry | None:
        return self.get(HistoryEntry, entry_id)

    def history_entries(self, ids: Sequence[UUID]) -> list[HistoryEntry]:
        return [HistoryEntry(*row) for row in self.fetch(ENTRIES, {"ids": tuple(ids)})] if ids else []

    def may_see_photo(self, person: Person, sha256: str, action: str = "photo.see") -> bool:
        reach = scope(person, action)
        query = PRESENT_MENTIONS.where(mentions.c.sha256 == sha256, unindexed_scope_clause(reach)) if reach else None
        return query is not None and bool(self.rows(select(exists(query)))[0][0])

    def declared_photos(self, hazard_ids: Sequence[UUID]) -> list[DeclaredPhoto]:
        # Pending history entries matter only together with the references that name them.
        reads = PhotoReference, UploadReceipt, Photo
        asked = [{"hazard": each} for each in hazard_ids]
        return list(chain.from_iterable(self.fetch_records(_declared_photo, DECLARED_PHOTOS, asked, reads)))

    def referenced_hazards(self, person: Person, shown: Iterable[DeclaredPhoto]) -> dict[UUID, HazardReference]:
        ids = {flag.hazard for each in shown for flag in each.mention.flags if flag.hazard}
        reach = scope(person, "hazard.see")
        return {
            each.id: HazardReference(each.id, each.number, each.state)
            for each in self.hazard_summaries(ids).values()
            if reach.covers(each)
        }

    def history(self, hazard_id: UUID) -> list[HistoryEntry]:
        return [HistoryEntry(*row) for row in self.fetch(_HISTORY, {"hazard": hazard_id})]

    def history_of_steps(self, hazard_id: UUID, steps: tuple[str, ...], after: int) -> list[HistoryEntry]:
        rows = self.fetch(_HISTORY_OF_STEPS, {"hazard": hazard_id, "steps": steps, "after": after})
        return [HistoryEntry(*row) for row in rows]

    def due_hazards(self, now: datetime, limit: int) -> list[Hazard]:
        return self._claim_due_rows(Hazard, DUE_HAZARDS, now, limit)

    def purgeable_photos(self, before: datetime, digests: Sequence[str]) -> list[Photo]:
        query = self._rows.with_for_update(PURGEABLE_BY_DIGEST, skip=True)
        return [Photo(*row) for row in self.rows(query, {"before": before, "digests": list(digests)})]

    def purgeable_digests(self, before: datetime, limit: int) -> list[str]:
        """Returns at most `limit` digests of purgeable photos; the purging transaction checks each again."""
        return [row[0] for row in self.rows(PURGEABLE_PHOTOS.limit(limit), {"before": before})]

    def unexamined_photos(self, limit: int) -> list[PhotoReference]:
        rows = self.fetch(self._rows.with_for_update(UNEXAMINED_PHOTOS, skip=True), {"limit": limit})
        return [PhotoReference(*row) for row in rows]

    def photo_matches(self, pictures: Sequence[tuple[PhotoReference, int | None]]) -> list[list[PhotoMatch]]:
        self.flush()
        return find_photo_matches(self._rows, pictures)

    def earlier_reports(self, hazard: Hazard) -> list[EarlierReport]:
        # No flush: pending records of the same group may be missing, since the result is only a hint.
        return find_earlier_reports(self._rows, hazard)

    def duplicates(self, hazard_ids: Sequence[UUID]) -> list[HazardReference]:
        query = _REFERENCES.where(hazards.c.merged_into.in_(hazard_ids)).order_by(hazards.c.reported_at, hazards.c.id)
        return [HazardReference(*row) for row in self.rows(query)]

    def recorded_rungs(self, hazard_ids: Sequence[UUID]) -> set[tuple[UUID, int, str]]:
        rows = self.fetch(RECORDED_RUNGS, {"ids": tuple(hazard_ids)}) if hazard_ids else ()
        return {(hazard, number, rung) for hazard, number, rung in rows}

    def hazards(self, hazard_ids: Sequence[UUID]) -> list[Hazard]:
        return [Hazard(*row) for row in self.fetch(HAZARDS, {"ids": tuple(hazard_ids)})] if hazard_ids else []

    def hazard_summaries(self, hazard_ids: Iterable[UUID]) -> dict[UUID, HazardSummary]:
        if not (ids := tuple(set(hazard_ids))):
            return {}
        return {row[0]: HazardSummary(*row) for row in self.fetch(HAZARD_SUMMARIES, {"ids": ids}, (Hazard,))}


def _declared_photo(*row: Any) -> DeclaredPhoto:
    photo = Photo(*row[MENTION_WIDTH:]) if row[MENTION_WIDTH] else None
    return DeclaredPhoto(PhotoReference(*row[:MENTION_WIDTH]), photo)


_REFERENCES = select(hazards.c.id, hazards.c.number, hazards.c.state)
_HISTORY = select(entries).where(entries.c.hazard == bindparam("hazard")).order_by(entries.c.seq)
_HISTORY_OF_STEPS = _HISTORY.where(in_list(entries.c.step, "steps"), entries.c.seq > bindparam("after"))
