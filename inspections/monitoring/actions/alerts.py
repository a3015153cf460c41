"""Folds device messages into alerts. An alarm opens a case that is accepted at once, with its deadline running."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.calendar import shanghai_date
from inspections.change import Change
from inspections.errors import ReplayedRequest
from inspections.hazards.records import OPEN_STATES
from inspections.monitoring.actions.cases import AlertCases, Exceedance
from inspections.monitoring.actions.faults import FaultCounter
from inspections.monitoring.alerts import (
    HOLD_OFF,
    Alert,
    AlertSeries,
    CanonicalMessage,
    Grade,
    Measurement,
    Metric,
    ReadingBuffer,
    Verdict,
    belongs_to_past,
    buffer_reading,
    clear_alert,
    fold_message,
    grade_value,
    has_been_told,
    has_recovered,
    known_ids,
    payload_digest,
    recent_readings,
    resolve_event_time,
)
from inspections.monitoring.devices import (
    GATEWAY,
    TIMESTAMP_TOLERANCE,
    Monitor,
    Outage,
    Signature,
    new_outage,
    set_silence_deadline,
)
from inspections.monitoring.faults import FaultKind
from inspections.monitoring.rejections import RejectedMessage, RejectionCount, Way, add_rejections, rejected_message
from inspections.monitoring.repository import MonitoringRepository

_Key = tuple[str, Metric]
_CONTACT_INTERVAL = timedelta(minutes=1)
"""The precision of `last_seen_at`, so that a flood of repeats does not rewrite the device's row each time."""


class DevicePayload(NamedTuple):
    """One parsed request or publication: its messages, its signature if it has one, and its unreadable messages."""

    messages: Sequence[CanonicalMessage]
    signature: Signature | None = None
    way: Way = "http"
    rejected: Sequence[RejectedMessage] = ()


def receive_alerts(
    repository: MonitoringRepository, sent: Sequence[DevicePayload], now: datetime, *, demo: bool = False
) -> Change[list[list[Verdict] | ReplayedRequest]]:
    """Processes all queued payloads in one transaction; each alert is written once, however many messages it gets.

    `demo`: the cases that alarms open are marked as demo data.
    """
    aggregator = _AlertAggregator(repository, now, demo=demo)
    aggregator.load_alerts(message for each in sent for message in each.messages)
    answers: list[list[Verdict] | ReplayedRequest] = []
    for each in sent:
        if each.signature is not None and aggregator.is_replayed(each.signature):
            aggregator.add_rejection(each.way, rejected_message("replayed", each.signature.device, ""))
            answers.append(ReplayedRequest())
            continue
        for one in each.rejected:
            aggregator.add_rejection(each.way, one)
        verdicts = [aggregator.process_message(message) for message in each.messages]
        for message, verdict in zip(each.messages, verdicts, strict=True):
            if verdict.reason is not None:
                aggregator.add_rejection(each.way, rejected_message(verdict.reason, message.device, message.raw))
        answers.append(verdicts)
    aggregator.count_rejections()
    return Change(answers, tuple(aggregator.new_records()), tuple(aggregator.changed_records()))


def delete_old_signatures(repository: MonitoringRepository, now: datetime, limit: int) -> Change[int]:
    """Deletes signatures whose timestamps would be refused by now; returns how many."""
    over = repository.old_signatures(now - 2 * TIMESTAMP_TOLERANCE, limit)
    return Change(len(over), removed=tuple(over))


class _AlertAggregator:
    """Collects the effects of all messages of a transaction, so that each record is written once."""

    def __init__(self, repository: MonitoringRepository, now: datetime, *, demo: bool) -> None:
        self._repository = repository
        self._now = now
        self._monitors: dict[str, tuple[Monitor, Monitor] | None] = {}
        self._known: dict[_Key, tuple[AlertSeries, Alert] | None] = {}
        self._alerts: dict[_Key, Alert] = {}
        self._past: dict[_Key, tuple[Alert, datetime]] = {}  # the last alert that is over, and when it ended
        self._buffers: dict[_Key, tuple[ReadingBuffer | None, ReadingBuffer]] = {}
        self._signatures: dict[str, Signature] = {}
        self._cases = AlertCases(repository, now, demo=demo)
        self._new_outages: dict[UUID, Outage] = {}
        self._ended_outages: list[tuple[Outage, Outage]] = []
        self._rejections: dict[tuple[Way, str], list[RejectedMessage]] = {}
        self._counts: list[tuple[RejectionCount | None, RejectionCount]] = []
        self._faults = FaultCounter(repository, now)

    def is_replayed(self, signature: Signature) -> bool:
        """Tells whether the signature was used before; if not, remembers it."""
        known = signature.digest in self._signatures
        if known or self._repository.get(Signature, signature.digest) is not None:
            return True
        self._signatures[signature.digest] = signature
        return False

    def load_alerts(self, messages: Iterable[CanonicalMessage]) -> None:
        """Loads the open alerts of these messages, in sorted order, so that parallel transactions cannot deadlock."""
        for key in sorted({(each.device, each.metric) for each in messages}):
            if self._load_monitor(key[0]) is not None:
                self._known[key] = self._load_series(*key)
        known = [(key, each[1]) for key, each in self._known.items() if each]
        cases = self._repository.hazards([alert.hazard for _, alert in known if alert.hazard])
        ended = {case.id: case.closed_at or self._now for case in cases if case.state not in OPEN_STATES}
        for key, alert in known:
            if (ended_at := self._end_of_alert(alert, ended)) is None:
                self._alerts[key] = alert
            else:
                self._past[key] = alert, ended_at
        for key in self._known:
            if key not in self._alerts:
                buffer = self._repository.get(ReadingBuffer, *key)
                self._buffers[key] = buffer, buffer or ReadingBuffer(*key)

    def _load_series(self, device: str, metric: Metric) -> tuple[AlertSeries, Alert] | None:
        chain = self._repository.get(AlertSeries, device, metric)
        alert = self._repository.get(Alert, chain.alert) if chain else None
        return (chain, alert) if chain and alert else None

    def _end_of_alert(self, alert: Alert, ended: Mapping[UUID, datetime]) -> datetime | None:
        """Returns when the alert ended: with its case, or when it cleared, `HOLD_OFF` ago. None if it is open."""
        if alert.hazard is not None:
            return ended.get(alert.hazard)
        over = alert.cleared_at is not None and self._now - alert.cleared_at >= HOLD_OFF
        return alert.cleared_at if over else None

    def process_message(self, message: CanonicalMessage) -> Verdict:
        monitor = self._load_monitor(message.device)
        if monitor is None or not monitor.active:
            return Verdict("refused", reason="unknown_device")
        if message.metric is Metric.OFFLINE and message.value and not message.cleared:
            return self._begin_outage(monitor)
        self._record_contact(monitor)
        if message.metric is Metric.OFFLINE:
            return Verdict("normal")
        alert = self._alerts.get((monitor.id, message.metric))
        if alert is not None and has_been_told(message, alert):
            return Verdict("repeated", alert.id, alert.hazard)
        return self._process_reading(monitor, alert, message)

    def _process_late_message(self, message: CanonicalMessage, past: Alert, ended_at: datetime) -> Verdict:
        """Adds a message to the alert that was over when it came; it opens nothing."""
        if has_been_told(message, past):
            return Verdict("repeated", past.id, past.hazard)
        at, clock_off = resolve_event_time(message, self._now)
        after = fold_message(past, message, past.grade, at, clock_off)
        after = replace(after, cleared_at=past.cleared_at, flaps=past.flaps)
        self._past[past.device, past.metric] = after, ended_at
        return Verdict("late", past.id, past.hazard)

    def _process_reading(self, monitor: Monitor, alert: Alert | None, message: CanonicalMessage) -> Verdict:
        (at, clock_off), limits = resolve_event_time(message, self._now), monitor.limits(message.metric)
        known = self._buffers[monitor.id, message.metric][1].points if alert is None else alert.points
        last = known[-1] if known else None
        fault = self._faults.find_fault(message, at, last)
        if fault is not None:
            self._faults.add(monitor, fault, message.metric, message.raw)
            return Verdict("fault")
        grade = Grade.NORMAL if message.value is None else grade_value(message.value, limits, last, at)
        if grade is not Grade.NORMAL and message.value is not None:
            past = self._past.get((monitor.id, message.metric))
            if alert is None and past is not None and belongs_to_past(message, *past, self._now):
                return self._process_late_message(message, *past)
            return self._handle_exceedance(monitor, alert, Exceedance(message, message.value, grade, at, clock_off))
        if alert is None:
            self._buffer_reading(message, at)
            return Verdict("normal")
        if has_recovered(message, limits):
            self._update_alert(clear_alert(alert, message, at))
            return Verdict("cleared", alert.id, alert.hazard)
        self._update_alert(fold_message(alert, message, grade, at, clock_off))
        return Verdict("folded", alert.id, alert.hazard)

    def _buffer_reading(self, message: CanonicalMessage, at: datetime) -> None:
        if message.value is not None:
            known, buffer = self._buffers[message.device, message.metric]
            self._buffers[message.device, message.metric] = known, buffer_reading(buffer, at, message.value)

    def _handle_exceedance(self, monitor: Monitor, alert: Alert | None, excess: Exceedance) -> Verdict:
        message, grade = excess.message, excess.grade
        known = alert and (alert.id, alert.hazard)
        if alert is None:
            alert = self._new_alert(monitor, excess)
        else:
            alert = fold_message(alert, message, grade, excess.at, excess.clock_off)
        if alert.hazard is None and grade.rank >= Grade.ALARM.rank and not monitor.is_in_maintenance(self._now):
            last = self._known[alert.device, alert.metric]
            last_case = last[1].hazard if last and last[1].id != alert.id else None
            alert = replace(alert, hazard=self._cases.open_case(monitor, alert, excess, last_case))
        elif alert.hazard is not None and message.photo is not None:
            self._cases.add_photo(monitor, alert.hazard, message)
        self._update_alert(alert)
        return Verdict("folded" if known == (alert.id, alert.hazard) else "opened", alert.id, alert.hazard)

    def _new_alert(self, monitor: Monitor, excess: Exceedance) -> Alert:
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
            points=(*recent_readings(self._buffers[monitor.id, message.metric][1], at), Measurement(at, value)),
            recent=known_ids(known[1] if known else None, message),
            clock_off=clock_off,
            again_of=known[1].id if known else None,
            last_payload=payload_digest(message),
        )

    # records ----------------------------------------------------------------------------------------------------

    def _load_monitor(self, monitor_id: str) -> Monitor | None:
        if monitor_id not in self._monitors:
            found = self._repository.get(Monitor, monitor_id)
            self._monitors[monitor_id] = None if found is None else (found, found)
        known = self._monitors[monitor_id]
        return known and known[1]

    def _update_monitor(self, monitor: Monitor) -> None:
        known = self._monitors[monitor.id]
        self._monitors[monitor.id] = (known[0] if known else monitor, monitor)

    def _record_contact(self, monitor: Monitor) -> None:
        """Records that the device has sent something, which ends its outage."""
        last, now = monitor.last_seen_at, self._now
        if monitor.outage is None and last is not None and now - last < _CONTACT_INTERVAL:
            return
        if monitor.outage is not None:
            self._end_outage(monitor.outage)
        self._update_monitor(set_silence_deadline(replace(monitor, last_seen_at=now, outage=None), now))

    def _end_outage(self, outage_id: UUID) -> None:
        new = self._new_outages.get(outage_id)
        if new is not None:
            self._new_outages[outage_id] = replace(new, ended_at=self._now)
        elif (known := self._repository.get(Outage, outage_id)) is not None:
            self._ended_outages.append((known, replace(known, ended_at=self._now)))

    def _begin_outage(self, monitor: Monitor) -> Verdict:
        """Opens an outage because the gateway reports the device as offline."""
        if monitor.outage is not None or monitor.is_in_maintenance(self._now):
            return Verdict("normal")
        new = new_outage(monitor, self._repository.new_id(), GATEWAY, self._now)
        self._new_outages[new.id] = new
        self._update_monitor(replace(monitor, outage=new.id))
        return Verdict("silent")

    def add_rejection(self, way: Way, one: RejectedMessage) -> None:
        self._rejections.setdefault((way, one.reason), []).append(one)
        monitor = self._load_monitor(one.device) if one.says_alarm else None
        if monitor is not None and monitor.active:
            self._faults.add(monitor, FaultKind.UNREADABLE, None, one.sample)

    def count_rejections(self) -> None:
        """Adds up the rejections: one row for each way and reason, however many messages there were."""
        day = shanghai_date(self._now)
        for (way, reason), ones in sorted(self._rejections.items()):
            known = self._repository.get(RejectionCount, day, way, reason)
            self._counts.append((known, add_rejections(known, way, ones, self._now)))

    def _update_alert(self, alert: Alert) -> None:
        self._alerts[alert.device, alert.metric] = alert

    def new_records(self) -> Iterable[Struct]:
        """Yields the records to insert; an alert follows the case that it opened."""
        yield from self._signatures.values()
        yield from self._cases.new_records()
        yield from self._new_outages.values()
        yield from (count for known, count in self._counts if known is None)
        yield from self._faults.new_records()
        yield from (buffer for known, buffer in self._buffers.values() if known is None and buffer.points)
        for key, alert in self._alerts.items():
            known = self._known[key]
            if known is None or known[1].id != alert.id:
                yield alert
            if known is None:
                yield AlertSeries(*key, alert.id)

    def changed_records(self) -> Iterable[tuple[Struct, Struct]]:
        yield from (pair for pair in self._monitors.values() if pair is not None and pair[0] is not pair[1])
        yield from self._ended_outages
        yield from self._cases.changed_records()
        yield from ((known, count) for known, count in self._counts if known is not None)
        yield from self._faults.changed_records()
        yield from (
            (known, buffer) for known, buffer in self._buffers.values() if known is not None and known is not buffer
        )
        for key, alert in self._alerts.items():
            chain, known = self._known[key] or (None, alert)
            if chain is not None and known.id != alert.id:
                yield chain, replace(chain, alert=alert.id)
            elif known != alert:
                yield known, alert
        for key, (past, _) in self._past.items():
            known = self._known[key]
            if known is not None and known[1] != past:
                yield known[1], past
