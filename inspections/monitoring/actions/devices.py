"""Actions on monitoring devices: register, import, change, maintenance, silence detection, secret rotation."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from inspections.accounts.people import Person
from inspections.accounts.policy import Scope, scope
from inspections.change import Change
from inspections.errors import Forbidden, IdConflict, IdOwnerConflict, InvalidInput, NotFound
from inspections.field_types import AwareDatetime, ShortText
from inspections.monitoring.device_import import COLUMNS, MonitorImport
from inspections.monitoring.devices import (
    REPORTER,
    SWEEP,
    MaintenanceWindow,
    Monitor,
    NewMonitor,
    Outage,
    new_outage,
    rotate_secret,
    set_silence_deadline,
)
from inspections.monitoring.repository import MonitoringRepository
from inspections.places.coordinates import is_null_point
from inspections.request_texts import check_texts, clean_texts, differing_fields
from inspections.table_import import MAX_LISTED_ERRORS, InvalidLines, LineError
from inspections.text import clean_line

T = TypeVar("T", Monitor, NewMonitor)

_FIELDS = ("name", "kind", "community", "place", "point", "vendor", "thresholds", "silent_after_h")
_IMPORTED_FIELDS = ("name", "kind", "community", "place", "point", "vendor")
"""The fields that an import file sets."""

_MAX_MAINTENANCE = timedelta(days=30)


class MaintenancePlan(Struct, frozen=True, forbid_unknown_fields=True):
    """A maintenance window as requested: its start, its end, and the reason."""

    first: AwareDatetime = field(name="from")
    last: AwareDatetime = field(name="until")
    reason: ShortText


class MonitorSecret(Struct, frozen=True):
    """The signing secret of a new device."""

    device: str
    secret: str


class MonitorImportResult(Struct, frozen=True):
    """The result of an import: counts, errors, and the `secrets` of new devices. `applied`: whether it was stored."""

    applied: bool
    lines: int
    new: int
    already: int
    wrong: int
    errors: list[LineError]
    secrets: list[MonitorSecret]


class MonitorRegistration(NamedTuple):
    """A registered device. `repeated`: it was registered before, so its secret is not returned again."""

    monitor: Monitor
    repeated: bool


def register_monitor(
    repository: MonitoringRepository, person: Person, asked: NewMonitor, secret: str, now: datetime
) -> Change[MonitorRegistration]:
    """Registers a device; a repeated request changes nothing.

    Raises Forbidden, IdConflict, IdOwnerConflict, InvalidInput.
    """
    reach, asked = scope(person, "device.manage"), _leave_out_null_point(asked)
    earlier = repository.get(Monitor, asked.id)
    if earlier is not None:
        if not reach.covers_community(earlier.community):
            raise IdOwnerConflict
        if fields := differing_fields(_leave_out_null_point(earlier), asked, _FIELDS):
            raise IdConflict(fields)
        return Change(MonitorRegistration(earlier, repeated=True))
    _check_community(repository, reach, asked)
    asked = clean_texts(asked)
    monitor = _new_monitor(asked, secret, person.username, now)
    return Change(MonitorRegistration(monitor, repeated=False), (*_reporter_account(repository), monitor))


def _new_monitor(asked: NewMonitor, secret: str, by: str, now: datetime) -> Monitor:
    fields = {name: value for name, value in asdict(asked).items() if name in _FIELDS}
    return set_silence_deadline(Monitor(id=asked.id, made_by=by, made_at=now, secret=secret, **fields), now)


def _leave_out_null_point(device: T) -> T:
    """The device without a point that says 0, 0; it may be stored from before this rule."""
    return replace(device, point=None) if is_null_point(device.point) else device


def _check_community(repository: MonitoringRepository, reach: Scope, asked: NewMonitor) -> None:
    if repository.community(asked.community) is None:
        raise InvalidInput(("community", "没有这个社区"))
    if not reach.covers_community(asked.community):
        raise Forbidden("超出您的管理范围")


def _reporter_account(repository: MonitoringRepository) -> Sequence[Person]:
    """Returns the account under which devices report, if it must still be created. It is inactive."""
    there = repository.person(REPORTER) is not None
    return () if there else (Person(REPORTER, "用电监测", (), "", active=False),)


def import_monitors(
    repository: MonitoringRepository,
    by: str,
    reach: Scope,
    listing: MonitorImport,
    secrets: Sequence[str],
    now: datetime,
    *,
    apply: bool,
) -> Change[MonitorImportResult]:
    """Imports all devices of a file or none. A known device stays unchanged and must match its line.

    `secrets`: one for each line. Raises InvalidLines, only with `apply`.
    """
    fresh: list[Monitor] = []
    errors = [*listing.errors]
    for (where, asked), secret in zip(listing.lines, secrets, strict=True):
        earlier = repository.get(Monitor, asked.id)
        if not reach.covers_community(asked.community):
            errors.append(COLUMNS.error(where, "community", "不在您的管理范围内"))
        elif earlier is None:
            cleaned, refused = _clean_row(asked)
            if refused:
                errors.append(COLUMNS.error(where, *refused[0]))
            else:
                fresh.append(_new_monitor(cleaned, secret, by, now))
        elif not reach.covers_community(earlier.community):
            errors.append(COLUMNS.error(where, "id", "该编号已被占用"))
        elif fields := _differences(earlier, asked):
            errors.append(COLUMNS.error(where, "id", f"该编号已登记，内容不同：{'、'.join(fields)}"))
    if errors and apply:
        raise InvalidLines(errors[:MAX_LISTED_ERRORS], len(errors))
    made = [MonitorSecret(each.id, each.secret) for each in fresh] if apply else []
    again = len(listing.lines) + len(listing.errors) - len(errors) - len(fresh)
    count = len(listing.lines) + len(listing.errors)
    answer = MonitorImportResult(apply, count, len(fresh), again, len(errors), errors[:MAX_LISTED_ERRORS], made)
    return Change(answer, (*_reporter_account(repository), *fresh) if apply and fresh else ())


def _differences(earlier: Monitor, asked: NewMonitor) -> list[str]:
    """The fields in which a line differs from a device that was stored as the line says it, or cleaned."""
    earlier, asked = _leave_out_null_point(earlier), _leave_out_null_point(asked)
    fields = differing_fields(earlier, asked, _IMPORTED_FIELDS)
    return fields and differing_fields(earlier, _clean_row(asked)[0], _IMPORTED_FIELDS)


def _clean_row(asked: NewMonitor) -> tuple[NewMonitor, list[tuple[str, str]]]:
    """Cleans the texts of a line. A device without a name has that of its place, which is free words."""
    if asked.name == asked.place:
        asked = replace(asked, name=clean_line(asked.place) or asked.name)
    return check_texts(_leave_out_null_point(asked))


def change_monitor(
    repository: MonitoringRepository, person: Person, asked: NewMonitor, now: datetime, *, active: bool
) -> Change[Monitor]:
    """Changes a device. Deactivating it ends its outage. Raises NotFound, Forbidden, InvalidInput."""
    monitor = get_monitor(repository, person, asked.id, "device.manage")
    _check_community(repository, scope(person, "device.manage"), asked)
    asked = clean_texts(_leave_out_null_point(asked), (monitor.name, monitor.place))
    fields = {name: value for name, value in asdict(asked).items() if name in _FIELDS}
    after = replace(monitor, **fields, active=active, version=monitor.version + 1)
    if not active:
        after, ended = _end_outage(repository, after, now)
        return Change(after, changed=((monitor, after), *ended))
    after = set_silence_deadline(after, monitor.last_seen_at or now)
    return Change(after, changed=((monitor, after),))


def plan_maintenance(
    repository: MonitoringRepository, person: Person, monitor_id: str, asked: MaintenancePlan, now: datetime
) -> Change[Monitor]:
    """Sets the maintenance window, replacing the previous one. Raises NotFound, InvalidInput."""
    monitor = get_monitor(repository, person, monitor_id, "device.manage")
    if asked.last <= max(asked.first, now):
        raise InvalidInput(("last", "结束时间须晚于开始时间和现在"))
    if asked.last - asked.first > _MAX_MAINTENANCE:
        raise InvalidInput(("last", f"一次检修最长 {_MAX_MAINTENANCE.days} 天"))
    asked = clean_texts(asked)
    window = MaintenanceWindow(asked.first, asked.last, asked.reason, person.username)
    after, ended = _end_outage(repository, replace(monitor, maintenance=window, version=monitor.version + 1), now)
    after = set_silence_deadline(after, monitor.last_seen_at or now)
    return Change(after, changed=((monitor, after), *ended))


def end_maintenance(
    repository: MonitoringRepository, person: Person, monitor_id: str, now: datetime
) -> Change[Monitor]:
    """Ends the maintenance window early. Raises NotFound."""
    monitor = get_monitor(repository, person, monitor_id, "device.manage")
    if monitor.maintenance is None:
        return Change(monitor)
    after = set_silence_deadline(replace(monitor, maintenance=None, version=monitor.version + 1), now)
    return Change(after, changed=((monitor, after),))


def _end_outage(
    repository: MonitoringRepository, monitor: Monitor, now: datetime
) -> tuple[Monitor, Sequence[tuple[Outage, Outage]]]:
    known = repository.get(Outage, monitor.outage) if monitor.outage else None
    return replace(monitor, outage=None), () if known is None else ((known, replace(known, ended_at=now)),)


def detect_silent_monitors(repository: MonitoringRepository, now: datetime, limit: int) -> Change[int]:
    """Opens an outage for each device that is overdue; returns how many. Outages send no notices."""
    new: list[Outage] = []
    changed: list[tuple[Monitor, Monitor]] = []
    for monitor in repository.silent_monitors(now, limit):
        found = new_outage(monitor, repository.new_id(), SWEEP, now)
        new.append(found)
        changed.append((monitor, replace(monitor, outage=found.id)))
    return Change(len(new), tuple(new), tuple(changed))


def rotate_monitor_secret(
    repository: MonitoringRepository, person: Person, monitor_id: str, secret: str
) -> Change[Monitor]:
    """Gives the device a new secret; the current one stays valid beside it. Raises NotFound."""
    monitor = get_monitor(repository, person, monitor_id, "device.manage")
    after = rotate_secret(monitor, secret)
    return Change(after, changed=((monitor, after),))


def get_monitor(repository: MonitoringRepository, person: Person, monitor_id: str, action: str) -> Monitor:
    """Returns the device if it lies within the person's scope for `action`, else raises Missing."""
    monitor = repository.get(Monitor, monitor_id)
    if monitor is None or not scope(person, action).covers_community(monitor.community):
        raise NotFound("device")
    return monitor
