"""The queries of hazards by their ids, without locks."""

from sqlalchemy import select

from inspections.hazards.records import HazardSummary
from storage.engine.columns import in_list
from storage.hazards.tables import hazards

HAZARDS = select(hazards).where(in_list(hazards.c.id, "ids"))
HAZARD_SUMMARIES = select(*(hazards.c[name] for name in HazardSummary._fields)).where(in_list(hazards.c.id, "ids"))
