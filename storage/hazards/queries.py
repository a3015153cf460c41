"""The query of hazards by their ids, without locks."""

from sqlalchemy import select

from storage.engine.columns import in_list
from storage.hazards.tables import hazards

HAZARDS = select(hazards).where(in_list(hazards.c.id, "ids"))
