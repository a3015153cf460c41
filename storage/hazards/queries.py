"""Hazards by their ids, for whoever will not change them."""

from sqlalchemy import bindparam, select

from storage.hazards.tables import hazards

HAZARDS = select(hazards).where(hazards.c.id.in_(bindparam("ids", expanding=True)))
