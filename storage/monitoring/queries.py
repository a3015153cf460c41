"""Pages and lists of devices and alerts."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, bindparam, case, func, select

from inspections.accounts.policy import Scope
from inspections.hazards.records import HazardReference
from inspections.monitoring.alert_metrics import AlertOutcome
from inspections.monitoring.alerts import Alert, MonitorKind
from inspections.monitoring.devices import Monitor, Outage
from inspections.monitoring.faults import DeviceFault, FaultKind
from inspections.monitoring.rejections import RejectionCount
from storage.accounts.scopes import covers_communities
from storage.engine.columns import any_value_clause, within_days
from storage.engine.unit_of_work import UnitOfWork
from storage.hazards.tables import entries, hazards
from storage.monitoring.tables import (
    MAY_BE_SILENT,
    alerts,
    device_faults,
    monitors,
    outages,
    refused,
    signatures,
    slots,
)

OLD_SIGNATURES = (
    select(signatures).where(signatures.c.at < bindparam("now")).order_by(signatures.c.at).limit(bindparam("limit"))
)
SILENT_MONITORS = (
    select(monitors)
    .where(MAY_BE_SILENT, monitors.c.silent_at < bindparam("now"))
    .order_by(monitors.c.silent_at)
    .limit(bindparam("limit"))
)
LEASES = select(slots).order_by(slots.c.number)

_ALERT_COLUMNS = len(alerts.c)


class AlertFilters(NamedTuple):
    """Filters for alerts; of several values any matches. `open`: whether the signal is still present; None for all."""

    community: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    open: bool | None = None
    alert: UUID | None = None


def monitors_page(repository: UnitOfWork, reach: Scope, after: str | None, limit: int) -> list[Monitor]:
    """Returns at most `limit` devices in scope by id, starting after the id `after`."""
    query = select(monitors).where(covers_communities(reach.communities, monitors.c.community))
    if after is not None:
        query = query.where(monitors.c.id > after)
    return repository.select(Monitor, query.order_by(monitors.c.id).limit(limit))


def alerts_page(
    repository: UnitOfWork, reach: Scope, filters: AlertFilters, after: UUID | None, limit: int
) -> list[tuple[Alert, HazardReference | None]]:
    """Returns alerts in scope with their cases, newest first (by id), starting after the id `after`."""
    query: Select[Any] = (
        select(alerts, hazards.c.id, hazards.c.number, hazards.c.state)
        .select_from(alerts.outerjoin(hazards, hazards.c.id == alerts.c.hazard))
        .where(covers_communities(reach.communities, alerts.c.community))
        .order_by(alerts.c.id.desc())
        .limit(limit)
    )
    chosen = ((alerts.c.community, filters.community), (alerts.c.device, filters.device))
    query = query.where(*(any_value_clause(column, values) for column, values in chosen if values))
    if filters.alert is not None:
        query = query.where(alerts.c.id == filters.alert)
    if filters.open is not None:
        query = query.where(alerts.c.cleared_at.is_(None) if filters.open else alerts.c.cleared_at.is_not(None))
    if after is not None:
        query = query.where(alerts.c.id < after)
    return [
        (Alert(*row[:_ALERT_COLUMNS]), HazardReference(*row[_ALERT_COLUMNS:]) if row[_ALERT_COLUMNS] else None)
        for row in repository.rows(query)
    ]


def outages_page(
    repository: UnitOfWork, reach: Scope, *, standing: bool | None, after: UUID | None, limit: int
) -> list[Outage]:
    """Returns outages in scope, newest first (by id), starting after the id `after`."""
    query = select(outages).where(covers_communities(reach.communities, outages.c.community))
    if standing is not None:
        query = query.where(outages.c.ended_at.is_(None) if standing else outages.c.ended_at.is_not(None))
    if after is not None:
        query = query.where(outages.c.id < after)
    return repository.select(Outage, query.order_by(outages.c.id.desc()).limit(limit))


def rejection_counts(repository: UnitOfWork, first: date, last: date) -> list[RejectionCount]:
    """Returns the rejection counts of these days, newest first."""
    query = select(refused).where(refused.c.day.between(first, last))
    return repository.select(RejectionCount, query.order_by(refused.c.day.desc(), refused.c.way, refused.c.reason))


def faults_page(
    repository: UnitOfWork, reach: Scope, days: tuple[date, date], kinds: Sequence[FaultKind]
) -> list[DeviceFault]:
    """Returns the faults of devices in scope on these days, newest first; those of `kinds`, if there are any."""
    query = select(device_faults).where(
        covers_communities(reach.communities, device_faults.c.community), device_faults.c.day.between(*days)
    )
    if kinds:
        query = query.where(any_value_clause(device_faults.c.kind, kinds))
    order = (device_faults.c.day.desc(), device_faults.c.device, device_faults.c.kind, device_faults.c.metric)
    return repository.select(DeviceFault, query.order_by(*order))


def devices_in_use(
    repository: UnitOfWork, codes: Sequence[str], kinds: Sequence[MonitorKind]
) -> list[tuple[str, MonitorKind]]:
    """Returns the community and kind of each active device; those of `kinds`, if there are any."""
    query = select(monitors.c.community, monitors.c.kind).where(monitors.c.active, monitors.c.community.in_(codes))
    if kinds:
        query = query.where(any_value_clause(monitors.c.kind, kinds))
    return [(community, found) for community, found in repository.rows(query)]


_CAUSE = case((hazards.c.found_category.is_not(None), hazards.c.category))
_CAUSED_AT = (
    select(func.min(entries.c.at))
    .where(entries.c.hazard == alerts.c.hazard, entries.c.step == "set_cause")
    .scalar_subquery()
)


def alert_outcomes(
    repository: UnitOfWork, codes: Sequence[str], first: date | None, last: date | None, kinds: Sequence[MonitorKind]
) -> list[AlertOutcome]:
    """Returns the alerts of these communities opened in the period, each with the state of its case.

    `kinds`: only of such devices, if there are any.
    """
    query = (
        select(
            alerts.c.community, monitors.c.kind, alerts.c["count"], alerts.c.opened_at,
            hazards.c.state, _CAUSE, hazards.c.outcome, _CAUSED_AT, hazards.c.closed_at,
        )
        .select_from(alerts.join(monitors).outerjoin(hazards, hazards.c.id == alerts.c.hazard))
        .where(alerts.c.community.in_(codes))
    )  # fmt: skip
    if first is not None or last is not None:
        query = query.where(within_days(alerts.c.opened_at, first, last))
    if kinds:
        query = query.where(any_value_clause(monitors.c.kind, kinds))
    return [AlertOutcome(*row) for row in repository.rows(query)]
