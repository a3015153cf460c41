"""The queries of hazards and history entries by their ids, without locks, and the pages of a history."""

from uuid import UUID

from sqlalchemy import bindparam, select

from inspections.hazards.records import HazardSummary, HistoryEntry
from storage.engine.columns import in_list
from storage.engine.unit_of_work import UnitOfWork
from storage.hazards.tables import entries, hazards

HAZARDS = select(hazards).where(in_list(hazards.c.id, "ids"))
HAZARD_SUMMARIES = select(*(hazards.c[name] for name in HazardSummary._fields)).where(in_list(hazards.c.id, "ids"))
ENTRIES = select(entries).where(in_list(entries.c.id, "ids"))
_PAGE = select(entries).where(entries.c.hazard == bindparam("hazard")).limit(bindparam("limit"))
_OLDEST_FIRST = _PAGE.where(entries.c.seq > bindparam("after")).order_by(entries.c.seq)
_NEWEST_FIRST = _PAGE.where(entries.c.seq < bindparam("after")).order_by(entries.c.seq.desc())
_BEYOND_ALL = 2**31 - 1


def history_page(
    repository: UnitOfWork, hazard_id: UUID, after: int | None, limit: int, *, newest_first: bool = False
) -> list[HistoryEntry]:
    """Returns at most `limit` entries of a history that follow the entry number `after`; None: from the beginning."""
    query, start = (_NEWEST_FIRST, _BEYOND_ALL) if newest_first else (_OLDEST_FIRST, 0)
    facts = {"hazard": hazard_id, "after": start if after is None else after, "limit": limit}
    return [HistoryEntry(*row) for row in repository.fetch(query, facts)]
