"""Folds device messages into alerts. An alarm opens a case that is accepted at once, with its deadline running."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import SYSTEM
from inspections.calendar import shanghai_date
from inspections.change import Change
from inspections.errors import Replayed
from inspections.hazards.history import NewLine, append_history
from inspections.hazards.records import OPEN, Entry, Hazard
from inspections.monitoring.alerts import (
    CATEGORY,
    HOLD_OFF,
    Alert,
    Chain,
    Grade,
    Measurement,
    Message,
    Metric,
    Ring,
    Verdict,
    before,
    cleared,
    folded,
    governed,
    graded,
    has_gone,
    remembered,
    said,
)
from inspections.monitoring.devices import (
    GATEWAY,
    REPORTER,
    SIGNED_WITHIN,
    Monitor,
    Outage,
    Signature,
    listening,
    outage,
)
from inspections.monitoring.rejections import Refused, RefusedCount, Way, counted_on, refused
from inspections.monitoring.repository import MonitoringRepository
from inspections.notices.recipients import notices
from inspections.office.categories import Category, Priority
from inspections.remediation.actions.case import accepted
from inspections.remediation.actions.dispatch import assigned_by_rule
from inspections.remediation.actions.reporting import new_hazard
from inspections.remediation.steps import Report

_Key = tuple[str, Metric]
_SEEN_EVERY = timedelta(minutes=1)
"""The precision of `last_seen_at`, so that a flood of repeats does not rewrite the device's row each time."""


class Sent(NamedTuple):
    """One parsed request or publication: its messages, its signature if it has one, and its unreadable messages."""

    messages: Sequence[Message]
    signature: Signature | None = None
    way: Way = "http"
    refused: Sequence[Refused] = ()


def receive_alerts(
    repository: MonitoringRepository, sent: Sequence[Sent], now: datetime
) -> Change[list[list[Verdict] | Replayed]]:
    """Processes all queued payloads in one transaction; each alert is written once, however many messages it gets."""
    folding = _Folding(repository, now)
    folding.look_up(message for each in sent for message in each.messages)
    answers: list[list[Verdict] | Replayed] = []
    for each in sent:
        if each.signature is not None and folding.has_come(each.signature):
            folding.refuse(each.way, refused("replayed", each.signature.device, ""))
            answers.append(Replayed())
            continue
        for one in each.refused:
            folding.refuse(each.way, one)
        verdicts = [folding.take(message) for message in each.messages]
        for message, verdict in zip(each.messages, verdicts, strict=True):
            if verdict.reason is not None:
                folding.refuse(each.way, refused(verdict.reason, message.device, message.raw))
        answers.append(verdicts)
    folding.count_refused()
    return Change(answers, tuple(folding.new()), tuple(folding.changed()))


def forget_signatures(repository: MonitoringRepository, now: datetime, limit: int) -> Change[int]:
    """Deletes signatures whose timestamps would be refused by now; returns how many."""
    over = repository.old_signatures(now - 2 * SIGNED_WITHIN, limit)
    return Change(len(over), removed=tuple(over))


class _Excess(NamedTuple):
    """A value above a threshold, with its grade and its time by the trusted clock."""

    message: Message
    value: float
    grade: Grade
    at: datetime
    clock_off: int | None


class _Folding:
    """Collects the effects of all messages of a transaction, so that each record is written once."""

    def __init__(self, repository: MonitoringRepository, now: datetime) -> None:
        self._repository = repository
        self._now = now
        self._monitors: dict[str, tuple[Monitor, Monitor] | None] = {}
        self._known: dict[_Key, tuple[Chain, Alert] | None] = {}
        self._alerts: dict[_Key, Alert] = {}
        self._rings: dict[_Key, tuple[Ring | None, Ring]] = {}
        self._signatures: dict[str, Signature] = {}
        self._records: list[Struct] = []
        self._silent: dict[UUID, Outage] = {}
        self._ended: list[tuple[Outage, Outage]] = []
        self._refused: dict[tuple[Way, str], list[Refused]] = {}
        self._counts: list[tuple[RefusedCount | None, RefusedCount]] = []

    def has_come(self, signature: Signature) -> bool:
        """Tells whether the signature was used before; if not, remembers it."""
        known = signature.digest in self._signatures
        if known or self._repository.kept(Signature, signature.digest) is not None:
            return True
        self._signatures[signature.digest] = signature
        return False

    def look_up(self, messages: Iterable[Message]) -> None:
        """Loads the open alerts of these messages, in sorted order, so that parallel transactions cannot deadlock."""
        for key in sorted({(each.device, each.metric) for each in messages}):
            if self._monitor(key[0]) is not None:
                self._known[key] = self._newest(*key)
        known = [(key, each[1]) for key, each in self._known.items() if each]
        cases = self._repository.hazards([alert.hazard for _, alert in known if alert.hazard])
        ended = {case.id for case in cases if case.state not in OPEN}
        self._alerts = {key: alert for key, alert in known if not self._has_ended(alert, ended)}
        for key in self._known:
            if key not in self._alerts:
                ring = self._repository.kept(Ring, *key)
                self._rings[key] = ring, ring or Ring(*key)

    def _newest(self, device: str, metric: Metric) -> tuple[Chain, Alert] | None:
        chain = self._repository.kept(Chain, device, metric)
        alert = self._repository.kept(Alert, chain.alert) if chain else None
        return (chain, alert) if chain and alert else None

    def _has_ended(self, alert: Alert, ended: AbstractSet[UUID]) -> bool:
        """Tells whether the alert is over: its case has ended, or without a case it cleared `HOLD_OFF` ago."""
        if alert.hazard is not None:
            return alert.hazard in ended
        return alert.cleared_at is not None and self._now - alert.cleared_at >= HOLD_OFF

    def take(self, message: Message) -> Verdict:
        monitor = self._monitor(message.device)
        if monitor is None or not monitor.active:
            return Verdict("refused", reason="unknown_device")
        if message.metric is Metric.OFFLINE and message.value and not message.cleared:
            return self._away(monitor)
        self._hear(monitor)
        if message.metric is Metric.OFFLINE:
            return Verdict("normal")
        alert = self._alerts.get((monitor.id, message.metric))
        if alert is not None and message.message_id is not None and message.message_id in alert.recent:
            return Verdict("repeated", alert.id, alert.hazard)
        return self._said(monitor, alert, message)

    def _said(self, monitor: Monitor, alert: Alert | None, message: Message) -> Verdict:
        (at, clock_off), limits = governed(message, self._now), monitor.limits(message.metric)
        known = self._rings[monitor.id, message.metric][1].points if alert is None else alert.points
        last = known[-1] if known else None
        grade = Grade.NORMAL if message.value is None else graded(message.value, limits, last, at)
        if grade is not Grade.NORMAL and message.value is not None:
            return self._exceeds(monitor, alert, _Excess(message, message.value, grade, at, clock_off))
        if alert is None:
            self._remember(message, at)
            return Verdict("normal")
        if has_gone(message, limits):
            self._keep(cleared(alert, message, at))
            return Verdict("cleared", alert.id, alert.hazard)
        self._keep(folded(alert, message, grade, at, clock_off))
        return Verdict("folded", alert.id, alert.hazard)

    def _remember(self, message: Message, at: datetime) -> None:
        if message.value is not None:
            known, ring = self._rings[message.device, message.metric]
            self._rings[message.device, message.metric] = known, remembered(ring, at, message.value)

    def _exceeds(self, monitor: Monitor, alert: Alert | None, excess: _Excess) -> Verdict:
        message, grade = excess.message, excess.grade
        known = alert and (alert.id, alert.hazard)
        if alert is None:
            alert = self._opened(monitor, excess)
        else:
            alert = folded(alert, message, grade, excess.at, excess.clock_off)
        if alert.hazard is None and grade.rank >= Grade.ALARM.rank and not monitor.worked_on(self._now):
            alert = replace(alert, hazard=self._case(monitor, alert, excess))
        self._keep(alert)
        return Verdict("folded" if known == (alert.id, alert.hazard) else "opened", alert.id, alert.hazard)

    def _opened(self, monitor: Monitor, excess: _Excess) -> Alert:
        message, value, grade, at, clock_off = excess
        known = self._known[monitor.id, message.metric]
        return Alert(
            id=self._repository.new_id(),
            device=monitor.id,
            metric=message.metric,
            community=monitor.community,
            grade=grade,
            count=1,
            first_at=at,
            last_at=at,
            value=value,
            worst=value,
            worst_raw=message.raw,
            level=message.level,
            opened_at=self._now,
            points=(*before(self._rings[monitor.id, message.metric][1], at), Measurement(at, value)),
            recent=() if message.message_id is None else (message.message_id,),
            clock_off=clock_off,
            again_of=known[1].id if known else None,
        )

    def _case(self, monitor: Monitor, alert: Alert, excess: _Excess) -> UUID | None:
        """Opens a case (预警核查单) and notifies at once. None if the office has no category for this metric."""
        repository, now = self._repository, self._now
        community, category = (
            repository.community(monitor.community),
            repository.category(CATEGORY.get(alert.metric, "")),
        )
        if community is None or category is None:
            return None
        words = said(alert.metric, excess.value, excess.grade, monitor.limits(alert.metric))
        report = Report(
            id=repository.new_id(),
            community=community.code,
            category=category.code,
            description=f"{monitor.name}：{words}",
            place=monitor.place,
            found_at=now,
            point=monitor.point,
        )
        new = new_hazard(repository, report, REPORTER, "device", (community, category), now)
        known = self._known[alert.device, alert.metric]
        new = replace(new, recurrence_of=known[1].hazard if known and known[1].id != alert.id else None)
        facts = _facts(new, alert, excess)
        hazard, line = append_history(repository, None, new, NewLine(report.id, "alert", REPORTER, now, facts))
        after, more = _taken(repository, hazard, category, alert, now)
        lines = (line, *more)
        self._records += [after, *lines, *notices(repository, None, after, lines, now)]
        return after.id

    # records ----------------------------------------------------------------------------------------------------

    def _monitor(self, monitor_id: str) -> Monitor | None:
        if monitor_id not in self._monitors:
            found = self._repository.kept(Monitor, monitor_id)
            self._monitors[monitor_id] = None if found is None else (found, found)
        known = self._monitors[monitor_id]
        return known and known[1]

    def _put(self, monitor: Monitor) -> None:
        known = self._monitors[monitor.id]
        self._monitors[monitor.id] = (known[0] if known else monitor, monitor)

    def _hear(self, monitor: Monitor) -> None:
        """Records that the device has sent something, which ends its outage."""
        last, now = monitor.last_seen_at, self._now
        if monitor.outage is None and last is not None and now - last < _SEEN_EVERY:
            return
        if monitor.outage is not None:
            self._end(monitor.outage)
        self._put(listening(replace(monitor, last_seen_at=now, outage=None), now))

    def _end(self, outage_id: UUID) -> None:
        new = self._silent.get(outage_id)
        if new is not None:
            self._silent[outage_id] = replace(new, ended_at=self._now)
        elif (known := self._repository.kept(Outage, outage_id)) is not None:
            self._ended.append((known, replace(known, ended_at=self._now)))

    def _away(self, monitor: Monitor) -> Verdict:
        """Opens an outage because the gateway reports the device as offline."""
        if monitor.outage is not None or monitor.worked_on(self._now):
            return Verdict("normal")
        new = outage(monitor, self._repository.new_id(), GATEWAY, self._now)
        self._silent[new.id] = new
        self._put(replace(monitor, outage=new.id))
        return Verdict("silent")

    def refuse(self, way: Way, one: Refused) -> None:
        self._refused.setdefault((way, one.reason), []).append(one)

    def count_refused(self) -> None:
        """Adds up the rejections: one row for each way and reason, however many messages there were."""
        day = shanghai_date(self._now)
        for (way, reason), ones in sorted(self._refused.items()):
            known = self._repository.kept(RefusedCount, day, way, reason)
            self._counts.append((known, counted_on(known, way, ones, self._now)))

    def _keep(self, alert: Alert) -> None:
        self._alerts[alert.device, alert.metric] = alert

    def new(self) -> Iterable[Struct]:
        """Yields the records to insert; an alert follows the case that it opened."""
        yield from self._signatures.values()
        yield from self._records
        yield from self._silent.values()
        yield from (count for known, count in self._counts if known is None)
        yield from (ring for known, ring in self._rings.values() if known is None and ring.points)
        for key, alert in self._alerts.items():
            known = self._known[key]
            if known is None or known[1].id != alert.id:
                yield alert
            if known is None:
                yield Chain(*key, alert.id)

    def changed(self) -> Iterable[tuple[Struct, Struct]]:
        yield from (pair for pair in self._monitors.values() if pair is not None and pair[0] is not pair[1])
        yield from self._ended
        yield from ((known, count) for known, count in self._counts if known is not None)
        yield from ((known, ring) for known, ring in self._rings.values() if known is not None and known is not ring)
        for key, alert in self._alerts.items():
            chain, known = self._known[key] or (None, alert)
            if chain is not None and known.id != alert.id:
                yield chain, replace(chain, alert=alert.id)
            elif known != alert:
                yield known, alert


def _facts(new: Hazard, alert: Alert, excess: _Excess) -> dict[str, Any]:
    shared: dict[str, Any] = {name: getattr(new, name) for name in ("community", "category", "description", "place")}
    said_by = {"alert": str(alert.id), "device": alert.device, "metric": alert.metric, "level": alert.level}
    return {**shared, **said_by, "value": excess.value, "grade": excess.grade}


def _taken(
    repository: MonitoringRepository, hazard: Hazard, category: Category, alert: Alert, now: datetime
) -> tuple[Hazard, tuple[Entry, ...]]:
    """Accepts the case, with its deadline running from receipt, and assigns it if a dispatch rule matches."""
    priority, facts = category.priority or Priority.URGENT, {"alert": str(alert.id)}
    after = accepted(repository, hazard, category, now, priority, major=False)
    line_id = repository.new_id()
    after, line = append_history(repository, hazard, after, NewLine(line_id, "accept", SYSTEM, now, facts))
    after, more = assigned_by_rule(repository, after, category, now)
    return after, (line, *more)
