"""The queries of the domain about hazards, over one connection."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, exists, select

from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.hazards.duplicates import Earlier
from inspections.hazards.records import Entry, Hazard, Named
from inspections.photos.evidence import Shown, Sighting
from inspections.photos.records import Mention, Photo
from storage.hazards.claims import DUE, ESCALATED, PROVISIONAL
from storage.hazards.duplicates import earlier
from storage.hazards.photo_evidence import OVER, OVER_OF_THESE, SHOWING, SHOWN, UNEXAMINED, WIDE, sightings
from storage.hazards.queries import HAZARDS
from storage.hazards.scopes import narrowed
from storage.hazards.tables import entries, hazards, mentions
from storage.office.repository import OfficeRepository
from storage.places.repository import PlaceRepository


class HazardRepository(OfficeRepository, PlaceRepository):
    """Queries for hazards, their histories and photos, and for hazards that are due."""

    def provisional(self, after: UUID, limit: int) -> list[Hazard]:
        return [Hazard(*row) for row in self.rows(self._rows.locked(PROVISIONAL), {"after": after, "limit": limit})]

    def hazard(self, hazard_id: UUID) -> Hazard | None:
        return self.kept(Hazard, hazard_id)

    def entry(self, entry_id: UUID) -> Entry | None:
        return self.kept(Entry, entry_id)

    def may_see_photo(self, person: Person, sha256: str, action: str = "photo.see") -> bool:
        reach = scope(person, action)
        query = SHOWING.where(mentions.c.sha256 == sha256, narrowed(reach)) if reach else None
        return query is not None and bool(self.rows(select(exists(query)))[0][0])

    def shown(self, hazard_ids: Sequence[UUID]) -> list[Shown]:
        self.flush()
        rows = self._rows.found(SHOWN, {"ids": tuple(hazard_ids)}) if hazard_ids else ()
        return [Shown(Mention(*row[:WIDE]), Photo(*row[WIDE:]) if row[WIDE] else None) for row in rows]

    def pointed_to(self, person: Person, shown: Iterable[Shown]) -> dict[UUID, Named]:
        """Returns the hazards that the flags of these photos refer to and this person may see, by id."""
        ids = {flag.hazard for each in shown for flag in each.mention.flags if flag.hazard}
        if not ids:
            return {}
        query = _NAMED.where(hazards.c.id.in_(ids), narrowed(scope(person, "hazard.see")))
        return {row[0]: Named(*row) for row in self.rows(query)}

    def history(self, hazard_id: UUID) -> list[Entry]:
        return [Entry(*row) for row in self.rows(_HISTORY, {"hazard": hazard_id})]

    def due(self, now: datetime, limit: int) -> list[Hazard]:
        return self._claimed(Hazard, DUE, now, limit)

    def photos_over(self, before: datetime, digests: Sequence[str]) -> list[Photo]:
        query = self._rows.locked(OVER_OF_THESE, skip=True)
        return [Photo(*row) for row in self.rows(query, {"before": before, "digests": list(digests)})]

    def photos_to_let_go(self, before: datetime, limit: int) -> list[str]:
        """Returns at most `limit` digests of purgeable photos; the purging transaction checks each again."""
        return [row[0] for row in self.rows(OVER.limit(limit), {"before": before})]

    def unexamined(self, limit: int) -> list[Mention]:
        rows = self.rows(self._rows.locked(UNEXAMINED, skip=True), {"limit": limit})
        return [Mention(*row) for row in rows]

    def sightings(self, mention: Mention, picture: int | None) -> list[Sighting]:
        self.flush()
        return sightings(self._rows, mention, picture)

    def earlier(self, hazard: Hazard) -> list[Earlier]:
        # No flush: pending records of the same group may be missing, since the result is only a hint.
        return earlier(self._rows, hazard)

    def duplicates(self, hazard_ids: Sequence[UUID]) -> list[Named]:
        query = _NAMED.where(hazards.c.merged_into.in_(hazard_ids)).order_by(hazards.c.reported_at, hazards.c.id)
        return [Named(*row) for row in self.rows(query)]

    def escalated(self, hazard_ids: Sequence[UUID]) -> set[tuple[UUID, int, str]]:
        rows = self.rows(ESCALATED, {"ids": hazard_ids}) if hazard_ids else ()
        return {(hazard, number, rung) for hazard, number, rung in rows}

    def hazards(self, hazard_ids: Sequence[UUID]) -> list[Hazard]:
        return [Hazard(*row) for row in self.rows(HAZARDS, {"ids": hazard_ids})] if hazard_ids else []


_NAMED = select(hazards.c.id, hazards.c.number, hazards.c.state)
_HISTORY = select(entries).where(entries.c.hazard == bindparam("hazard")).order_by(entries.c.seq)
