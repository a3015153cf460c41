"""Queries for hazards that are due or wait for recalculation (callers lock the rows), and for recorded rungs."""

from sqlalchemy import bindparam, select

from inspections.hazards.records import OPEN_STATES
from storage.engine.columns import in_list
from storage.hazards.tables import PROVISIONAL as _PROVISIONAL
from storage.hazards.tables import escalations, hazards

DUE_HAZARDS = (
    select(hazards)
    .where(hazards.c.next_check_at < bindparam("now"))
    .order_by(hazards.c.next_check_at)
    .limit(bindparam("limit"))
)
PROVISIONAL_HAZARDS = (
    select(hazards)
    .where(
        _PROVISIONAL,
        hazards.c.state.in_(sorted(OPEN_STATES)),
        hazards.c.id > bindparam("after"),
    )
    .order_by(hazards.c.id)
    .limit(bindparam("limit"))
)
RECORDED_RUNGS = select(escalations.c.hazard, escalations.c.deadline_number, escalations.c.rung).where(
    in_list(escalations.c.hazard, "ids")
)
"""The recorded rungs of some hazards."""
