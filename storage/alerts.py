"""Devices and alerts, read for people."""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, select

from inspections.alerts import Alert
from inspections.hazards import Named
from inspections.monitors import Monitor
from inspections.policy import Scope
from storage.alert_tables import alerts, monitors
from storage.register import Register
from storage.scopes import covers_communities
from storage.tables import hazards

_WIDE = len(alerts.c)


class AlertFilters(NamedTuple):
    """`standing`: whether its signal is still there; None: all."""

    community: str | None = None
    device: str | None = None
    standing: bool | None = None
    alert: UUID | None = None


def monitors_within(register: Register, reach: Scope) -> list[Monitor]:
    query = select(monitors).where(covers_communities(reach.communities, monitors.c.community)).order_by(monitors.c.id)
    return register.select(Monitor, query)


def alerts_page(
    register: Register, reach: Scope, filters: AlertFilters, after: UUID | None, limit: int
) -> list[tuple[Alert, Named | None]]:
    """The newest first, which is by their ids; those that follow `after`; each with its case."""
    query: Select[Any] = (
        select(alerts, hazards.c.id, hazards.c.number, hazards.c.state)
        .select_from(alerts.outerjoin(hazards, hazards.c.id == alerts.c.hazard))
        .where(covers_communities(reach.communities, alerts.c.community))
        .order_by(alerts.c.id.desc())
        .limit(limit)
    )
    chosen = ((alerts.c.community, filters.community), (alerts.c.device, filters.device), (alerts.c.id, filters.alert))
    query = query.where(*(column == value for column, value in chosen if value is not None))
    if filters.standing is not None:
        query = query.where(alerts.c.cleared_at.is_(None) if filters.standing else alerts.c.cleared_at.is_not(None))
    if after is not None:
        query = query.where(alerts.c.id < after)
    return [(Alert(*row[:_WIDE]), Named(*row[_WIDE:]) if row[_WIDE] else None) for row in register.rows(query)]
