"""Opens the cases (预警核查单) of alarms: accepted at once, with deadlines running and the device's pictures."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import SYSTEM
from inspections.hazards.history import NewEntry, append_history
from inspections.hazards.records import Hazard
from inspections.monitoring.alerts import CATEGORY_OF_METRIC, Alert, CanonicalMessage, Grade, describe_reading
from inspections.monitoring.devices import REPORTER, Monitor
from inspections.monitoring.repository import MonitoringRepository
from inspections.notices.recipients import build_notices
from inspections.office.categories import Priority
from inspections.photos.actions.intake import declare_photos
from inspections.photos.records import PhotoDeclaration, PhotoReference, Stage
from inspections.remediation.actions.dispatch import assign_by_rule
from inspections.remediation.actions.reporting import new_hazard
from inspections.remediation.actions.step_context import accept_hazard
from inspections.remediation.steps import Report
from inspections.request_texts import check_texts

MAX_DEVICE_PHOTOS = 9
"""The most pictures that a device adds to one case: a lift sees the same e-bike every evening until it is fetched."""


class Exceedance(NamedTuple):
    """A value above a threshold, with its grade and its time by the trusted clock."""

    message: CanonicalMessage
    value: float
    grade: Grade
    at: datetime
    clock_off: int | None


class AlertCases:
    """Collects the cases that the alarms of a transaction open or add pictures to, so that each is written once."""

    def __init__(self, repository: MonitoringRepository, now: datetime, *, demo: bool = False) -> None:
        self._demo = demo
        self._repository = repository
        self._now = now
        self._cases: dict[UUID, tuple[Hazard | None, Hazard]] = {}
        self._records: list[Struct] = []

    def open_case(self, monitor: Monitor, alert: Alert, excess: Exceedance, last_case: UUID | None) -> UUID | None:
        """Opens a case and notifies at once. `last_case`: the one before of this device and metric.

        None if the office has no category for this metric.
        """
        repository, now = self._repository, self._now
        community = repository.community(monitor.community)
        category = repository.category(CATEGORY_OF_METRIC.get(alert.metric, ""))
        if community is None or category is None:
            return None
        words = describe_reading(alert.metric, excess.value, excess.grade, monitor.limits(alert.metric))
        report = Report(
            id=repository.new_id(),
            community=community.code,
            category=category.code,
            description=f"{monitor.name}：{words}",
            place=monitor.place,
            found_at=now,
            point=monitor.point,
        )
        report, _ = check_texts(report)  # of a device that may be older than the rule
        new = new_hazard(repository, report, REPORTER, "device", (community, category), now, demo=self._demo)
        new = replace(new, recurrence_of=last_case)
        photos = self._declare_photo(monitor, (report.id, new.id), excess.message)
        facts = {**_alert_facts(new, alert, excess), **photos}
        hazard, line = append_history(repository, None, new, NewEntry(report.id, "alert", REPORTER, now, facts))
        priority, accepted = category.priority or Priority.URGENT, {"alert": str(alert.id)}
        after = accept_hazard(repository, hazard, category, now, priority, major=False)
        after, taken = append_history(
            repository, hazard, after, NewEntry(repository.new_id(), "accept", SYSTEM, now, accepted)
        )
        after, more = assign_by_rule(repository, after, category, now)
        lines = (line, taken, *more)
        self._cases[after.id] = None, after
        self._records += [*lines, *build_notices(repository, None, after, lines, now)]
        return after.id

    def add_photo(self, monitor: Monitor, case: UUID, message: CanonicalMessage) -> None:
        """Adds the picture of a later message to the case of its alert, which is open, as long as it has few."""
        before, hazard = self._cases.get(case) or self._load_case(case)
        known = {each.mention.sha256 for each in self._repository.declared_photos([case])}
        known |= {each.sha256 for each in self._records if isinstance(each, PhotoReference) and each.hazard == case}
        if message.photo in known or len(known) >= MAX_DEVICE_PHOTOS:
            return
        entry = self._repository.new_id()
        facts = self._declare_photo(monitor, (entry, case), message)
        after = replace(hazard, updated_at=self._now)
        after, line = append_history(
            self._repository, hazard, after, NewEntry(entry, "attach", REPORTER, self._now, facts)
        )
        self._cases[case] = before, after
        self._records.append(line)

    def _load_case(self, case: UUID) -> tuple[Hazard, Hazard]:
        (hazard,) = self._repository.hazards([case])
        return hazard, hazard

    def _declare_photo(self, monitor: Monitor, line: tuple[UUID, UUID], message: CanonicalMessage) -> dict[str, Any]:
        """Declares the picture of a message on a history line; returns what the line says about it."""
        if message.photo is None:
            return {}
        photo = PhotoDeclaration(message.photo, Stage.BEFORE)
        declared = declare_photos(self._repository, monitor.sender, line, (photo,), self._now)
        self._records += declared.records
        return {"photos": [{"sha256": photo.sha256, "stage": photo.stage}]}

    def new_records(self) -> Iterable[Struct]:
        yield from (after for before, after in self._cases.values() if before is None)
        yield from self._records

    def changed_records(self) -> Iterable[tuple[Struct, Struct]]:
        yield from ((before, after) for before, after in self._cases.values() if before is not None)


def _alert_facts(new: Hazard, alert: Alert, excess: Exceedance) -> dict[str, Any]:
    shared: dict[str, Any] = {name: getattr(new, name) for name in ("community", "category", "description", "place")}
    origin = {"alert": str(alert.id), "device": alert.device, "metric": alert.metric, "level": alert.level}
    unread = {"unread": dict(excess.message.notes)} if excess.message.notes else {}
    return {**shared, **origin, "value": excess.value, "grade": excess.grade, **unread}
