"""An administrator registers monitoring devices, changes them, and renews the secrets they sign with."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from inspections.accounts.people import Person
from inspections.accounts.policy import Scope, scope
from inspections.change import Change
from inspections.errors import Forbidden, IdConflict, IdTaken, Invalid, Missing, differing
from inspections.field_types import Line, Moment
from inspections.monitoring.device_import import COLUMNS, MonitorList
from inspections.monitoring.devices import (
    REPORTER,
    SWEEP,
    Monitor,
    NewMonitor,
    Outage,
    Window,
    listening,
    outage,
    rotated,
)
from inspections.monitoring.repository import MonitoringRepository
from inspections.table_import import SHOWN, LineError, LinesWrong

_SAID = ("name", "kind", "community", "place", "point", "vendor", "thresholds", "silent_after_h")
_LISTED = ("name", "kind", "community", "place", "point", "vendor")
"""What a list of devices says."""

_LONGEST_WORK = timedelta(days=30)


class PlannedWork(Struct, frozen=True, forbid_unknown_fields=True):
    """From when to when somebody works there, and why."""

    first: Moment = field(name="from")
    last: Moment = field(name="until")
    reason: Line


class MonitorSecret(Struct, frozen=True):
    """What a new device signs with."""

    device: str
    secret: str


class MonitorsImported(Struct, frozen=True):
    """How many devices are new, and how many were there already. `applied`: they are kept; `secrets`: of the new."""

    applied: bool
    lines: int
    new: int
    already: int
    wrong: int
    errors: list[LineError]
    secrets: list[MonitorSecret]


class Registered(NamedTuple):
    """`repeated`: the same device had been registered before; its secret is not said again."""

    monitor: Monitor
    repeated: bool


def register_monitor(
    repository: MonitoringRepository, person: Person, asked: NewMonitor, secret: str, now: datetime
) -> Change[Registered]:
    """Raises Forbidden, IdConflict, IdTaken, Invalid."""
    reach = scope(person, "device.manage")
    earlier = repository.kept(Monitor, asked.id)
    if earlier is not None:
        if not reach.covers_community(earlier.community):
            raise IdTaken
        if fields := differing(earlier, asked, _SAID):
            raise IdConflict(fields)
        return Change(Registered(earlier, repeated=True))
    _check_place(repository, reach, asked)
    monitor = _new(asked, secret, person.username, now)
    return Change(Registered(monitor, repeated=False), (*_reporter(repository), monitor))


def _new(asked: NewMonitor, secret: str, by: str, now: datetime) -> Monitor:
    said = {name: value for name, value in asdict(asked).items() if name in _SAID}
    return listening(Monitor(id=asked.id, made_by=by, made_at=now, secret=secret, **said), now)


def _check_place(repository: MonitoringRepository, reach: Scope, asked: NewMonitor) -> None:
    if repository.community(asked.community) is None:
        raise Invalid(("community", "没有这个社区"))
    if not reach.covers_community(asked.community):
        raise Forbidden("超出您的管理范围")


def _reporter(repository: MonitoringRepository) -> Sequence[Person]:
    """In whose name devices report: an account that nobody signs in with and nobody tells anything."""
    there = repository.person(REPORTER) is not None
    return () if there else (Person(REPORTER, "用电监测", (), "", active=False),)


def import_monitors(
    repository: MonitoringRepository,
    by: str,
    reach: Scope,
    said: MonitorList,
    secrets: Sequence[str],
    now: datetime,
    *,
    apply: bool,
) -> Change[MonitorsImported]:
    """All of a list or nothing; a device that was registered before stays as it is, and must be the same.

    `secrets`: one for each line. Raises LinesWrong, with `apply` alone.
    """
    fresh: list[Monitor] = []
    errors = [*said.errors]
    for (where, asked), secret in zip(said.lines, secrets, strict=True):
        earlier = repository.kept(Monitor, asked.id)
        if not reach.covers_community(asked.community):
            errors.append(COLUMNS.error(where, "community", "不在您的管理范围内"))
        elif earlier is None:
            fresh.append(_new(asked, secret, by, now))
        elif not reach.covers_community(earlier.community):
            errors.append(COLUMNS.error(where, "id", "该编号已被占用"))
        elif fields := differing(earlier, asked, _LISTED):
            errors.append(COLUMNS.error(where, "id", f"该编号已登记，内容不同：{'、'.join(fields)}"))
    if errors and apply:
        raise LinesWrong(errors[:SHOWN], len(errors))
    made = [MonitorSecret(each.id, each.secret) for each in fresh] if apply else []
    again = len(said.lines) + len(said.errors) - len(errors) - len(fresh)
    count = len(said.lines) + len(said.errors)
    answer = MonitorsImported(apply, count, len(fresh), again, len(errors), errors[:SHOWN], made)
    return Change(answer, (*_reporter(repository), *fresh) if apply and fresh else ())


def change_monitor(
    repository: MonitoringRepository, person: Person, asked: NewMonitor, now: datetime, *, active: bool
) -> Change[Monitor]:
    """One out of use is silent by right. Raises Missing, Forbidden, Invalid."""
    monitor = own_monitor(repository, person, asked.id, "device.manage")
    _check_place(repository, scope(person, "device.manage"), asked)
    said = {name: value for name, value in asdict(asked).items() if name in _SAID}
    after = replace(monitor, **said, active=active, version=monitor.version + 1)
    if not active:
        after, ended = _without_outage(repository, after, now)
        return Change(after, changed=((monitor, after), *ended))
    after = listening(after, monitor.last_seen_at or now)
    return Change(after, changed=((monitor, after),))


def plan_work(
    repository: MonitoringRepository, person: Person, monitor_id: str, asked: PlannedWork, now: datetime
) -> Change[Monitor]:
    """A maintenance window; it takes the place of the one before. Raises Missing, Invalid."""
    monitor = own_monitor(repository, person, monitor_id, "device.manage")
    if asked.last <= max(asked.first, now):
        raise Invalid(("last", "结束时间须晚于开始时间和现在"))
    if asked.last - asked.first > _LONGEST_WORK:
        raise Invalid(("last", f"一次检修最长 {_LONGEST_WORK.days} 天"))
    window = Window(asked.first, asked.last, asked.reason, person.username)
    after, ended = _without_outage(repository, replace(monitor, maintenance=window, version=monitor.version + 1), now)
    after = listening(after, monitor.last_seen_at or now)
    return Change(after, changed=((monitor, after), *ended))


def end_work(repository: MonitoringRepository, person: Person, monitor_id: str, now: datetime) -> Change[Monitor]:
    """It is over, earlier than planned. Raises Missing."""
    monitor = own_monitor(repository, person, monitor_id, "device.manage")
    if monitor.maintenance is None:
        return Change(monitor)
    after = listening(replace(monitor, maintenance=None, version=monitor.version + 1), now)
    return Change(after, changed=((monitor, after),))


def _without_outage(
    repository: MonitoringRepository, monitor: Monitor, now: datetime
) -> tuple[Monitor, Sequence[tuple[Outage, Outage]]]:
    known = repository.kept(Outage, monitor.outage) if monitor.outage else None
    return replace(monitor, outage=None), () if known is None else ((known, replace(known, ended_at=now)),)


def notice_silence(repository: MonitoringRepository, now: datetime, limit: int) -> Change[int]:
    """Devices that should have been heard of by now are silent: each outage is noticed once, and told to nobody."""
    new: list[Outage] = []
    changed: list[tuple[Monitor, Monitor]] = []
    for monitor in repository.silent(now, limit):
        found = outage(monitor, repository.new_id(), SWEEP, now)
        new.append(found)
        changed.append((monitor, replace(monitor, outage=found.id)))
    return Change(len(new), tuple(new), tuple(changed))


def rotate_monitor(repository: MonitoringRepository, person: Person, monitor_id: str, secret: str) -> Change[Monitor]:
    """Raises Missing."""
    monitor = own_monitor(repository, person, monitor_id, "device.manage")
    after = rotated(monitor, secret)
    return Change(after, changed=((monitor, after),))


def own_monitor(repository: MonitoringRepository, person: Person, monitor_id: str, action: str) -> Monitor:
    """Raises Missing where there is none within reach."""
    monitor = repository.kept(Monitor, monitor_id)
    if monitor is None or not scope(person, action).covers_community(monitor.community):
        raise Missing("device")
    return monitor
