"""The query of hazards by their ids, without locks."""

from sqlalchemy import bindparam, select

from storage.hazards.tables import hazards

HAZARDS = select(hazards).where(hazards.c.id.in_(bindparam("ids", expanding=True)))
