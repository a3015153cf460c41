"""An administrator registers monitoring devices, changes them, and renews the secrets they sign with."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import asdict, replace

from inspections.errors import Forbidden, IdConflict, IdTaken, Invalid, Missing, differing
from inspections.monitors import REPORTER, Monitor, NewMonitor, rotated
from inspections.people import Person
from inspections.policy import Scope, scope
from inspections.register import Change, Register

_SAID = ("name", "kind", "community", "place", "point", "vendor", "thresholds")


class Registered(NamedTuple):
    """`repeated`: the same device had been registered before; its secret is not said again."""

    monitor: Monitor
    repeated: bool


def register_monitor(
    register: Register, person: Person, asked: NewMonitor, secret: str, now: datetime
) -> Change[Registered]:
    """Raises Forbidden, IdConflict, IdTaken, Invalid."""
    reach = scope(person, "device.manage")
    earlier = register.kept(Monitor, asked.id)
    if earlier is not None:
        if not reach.covers_community(earlier.community):
            raise IdTaken
        if fields := differing(earlier, asked, _SAID):
            raise IdConflict(fields)
        return Change(Registered(earlier, repeated=True))
    _check_place(register, reach, asked)
    said = {name: value for name, value in asdict(asked).items() if name in _SAID}
    monitor = Monitor(id=asked.id, made_by=person.username, made_at=now, secret=secret, **said)
    return Change(Registered(monitor, repeated=False), (*_reporter(register), monitor))


def _check_place(register: Register, reach: Scope, asked: NewMonitor) -> None:
    if register.community(asked.community) is None:
        raise Invalid(("community", "没有这个社区"))
    if not reach.covers_community(asked.community):
        raise Forbidden("超出您的管理范围")


def _reporter(register: Register) -> Sequence[Person]:
    """In whose name devices report: an account that nobody signs in with and nobody tells anything."""
    there = register.person(REPORTER) is not None
    return () if there else (Person(REPORTER, "用电监测", (), "", active=False),)


def change_monitor(register: Register, person: Person, asked: NewMonitor, *, active: bool) -> Change[Monitor]:
    """Raises Missing, Forbidden, Invalid."""
    monitor = own_monitor(register, person, asked.id, "device.manage")
    _check_place(register, scope(person, "device.manage"), asked)
    said = {name: value for name, value in asdict(asked).items() if name in _SAID}
    after = replace(monitor, **said, active=active, version=monitor.version + 1)
    return Change(after, changed=((monitor, after),))


def rotate_monitor(register: Register, person: Person, monitor_id: str, secret: str) -> Change[Monitor]:
    """Raises Missing."""
    monitor = own_monitor(register, person, monitor_id, "device.manage")
    after = rotated(monitor, secret)
    return Change(after, changed=((monitor, after),))


def own_monitor(register: Register, person: Person, monitor_id: str, action: str) -> Monitor:
    """Raises Missing where there is none within reach."""
    monitor = register.kept(Monitor, monitor_id)
    if monitor is None or not scope(person, action).covers_community(monitor.community):
        raise Missing("device")
    return monitor
