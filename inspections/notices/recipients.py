"""Who is told what: ONE table, from a line of history to the people it concerns.

A notice is a row in the same commit as what it tells of. Whom it names by role is found out when it is told
(actions/notices.py); whom it names as a person, here, while it is known who was concerned before the step.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from inspections.accounts.people import SYSTEM, Person, Role
from inspections.hazards.records import Entry, Hazard, State
from inspections.notices.outbox import Notice
from inspections.notices.repository import NoticeRepository
from inspections.office.categories import Priority

MAJOR, DAMAGED = "propose_major", "photo.damaged"
DAILY, WEEKLY, HISTORY = "digest.daily", "digest.weekly", "digest.history"
_Found = Callable[[Hazard, Hazard], Iterable[str]]


def _handlers(before: Hazard, after: Hazard) -> Iterable[str]:
    """Also those who were, for whom it ends."""
    return (*before.handlers, *after.handlers)


def _reporters(_: Hazard, after: Hazard) -> Iterable[str]:
    """Of its duplicates too."""
    return (after.reporter, *after.reporters)


def _asker(before: Hazard, _: Hazard) -> Iterable[str]:
    return (before.extension.by,) if before.extension else ()


class Told(NamedTuple):
    """A role in the hazard's community, and people of the hazard."""

    role: Role | None
    people: tuple[_Found, ...] = ()


_O, _S = Role.OFFICER, Role.SUPERVISOR
TOLD: dict[str, Told] = {
    "report": Told(_O),
    "alert": Told(_O),
    "rebound": Told(_O),
    "fix_on_spot": Told(_O),
    "draw": Told(_O),
    "reject": Told(None, (_reporters,)),
    "merge": Told(None, (_reporters, _handlers)),
    "verify": Told(None, (_reporters, _handlers)),
    "assign": Told(None, (_handlers,)),
    "return": Told(_O),
    "submit_fix": Told(_O),
    "recheck.pass": Told(None, (_reporters, _handlers)),
    "recheck.fail": Told(None, (_handlers,)),
    "recheck.partial": Told(None, (_handlers,)),
    "recheck.refused": Told(_S, (_reporters, _handlers)),
    MAJOR: Told(_S),
    "confirm_major": Told(_O, (_handlers,)),
    "request_extension": Told(_S),
    "decide_extension": Told(None, (_asker, _handlers)),
    "suspend": Told(_O, (_handlers,)),
    "resume": Told(_O, (_handlers,)),
    "supervise": Told(_O, (_handlers,)),
    "unsupervise": Told(_O, (_handlers,)),
    "transfer": Told(_O, (_handlers,)),
    "transfer_reply.settled": Told(_O, (_reporters,)),
    "transfer_reply.returned": Told(_O),
    "reopen": Told(_O, (_handlers,)),
    "cancel": Told(_O, (_reporters, _handlers)),
}
"""ONE table, by the step of a line of history, besides the rungs of the ladders (rules.py).

`draw`: a fix on the spot is to be looked at after all. MAJOR is told where a hazard turns out to be proposed, by
whatever step. A damaged photo is told to its sender (actions/photos.py), digests as actions/digests.py says.
"""
_ONLY: dict[str, Callable[[Hazard], bool]] = {
    "report": lambda hazard: hazard.priority is Priority.URGENT and hazard.state is State.REPORTED,
    "fix_on_spot": lambda hazard: hazard.state is State.PENDING_RECHECK,
}
_AT_ANY_HOUR = frozenset({"alert", "assign"})
"""Of what a device has found: a wire that glows does not wait until the morning."""
_PROPOSING = frozenset({"accept", MAJOR, "set_cause", "reclassify"})
_INSTEAD = {
    Role.HANDLER: Role.OFFICER,
    Role.OFFICER: Role.SUPERVISOR,
    Role.SUPERVISOR: Role.ADMIN,
    Role.ADMIN: Role.SYSTEM_ADMIN,
}
"""Who is told where nobody holds a role: a deadline that nobody hears of is no deadline."""


def notices(
    repository: NoticeRepository, before: Hazard | None, after: Hazard, lines: Iterable[Entry], now: datetime
) -> tuple[Notice, ...]:
    """What is to be told of these new lines, which led from `before` (None: it is new) to `after`."""
    found: list[Notice] = []
    for line in lines:
        for kind in _kinds(before, after, line):
            told = TOLD[kind]
            names = dict.fromkeys(name for people in told.people for name in people(before or after, after))
            to = tuple(name for name in names if name != line.by)
            if told.role or to:
                found.append(_notice(repository, kind, after, now, line=line, tells=told.role, to=to))
    return tuple(found)


def _kinds(before: Hazard | None, after: Hazard, line: Entry) -> Iterable[str]:
    only = _ONLY.get(line.step)
    if line.step in TOLD and line.step != MAJOR and (only is None or only(after)):
        yield line.step
    if line.step in _PROPOSING and _proposed(after) and not (before and _proposed(before)):
        yield MAJOR


def _proposed(hazard: Hazard) -> bool:
    """For a supervisor to confirm, which takes that it was accepted."""
    return hazard.major_proposed and hazard.state is not State.REPORTED


def rung_notice(repository: NoticeRepository, hazard: Hazard, line: Entry, tells: Role, now: datetime) -> Notice:
    """That a clock has reached a rung of its ladder, which `line` says."""
    return _notice(repository, line.facts["rung"], hazard, now, line=line, tells=tells, to=())


def _notice(
    repository: NoticeRepository,
    kind: str,
    hazard: Hazard,
    now: datetime,
    *,
    line: Entry,
    tells: Role | None,
    to: Sequence[str],
) -> Notice:
    by = None if line.by == SYSTEM else line.by
    at_once = hazard.source == "device" and kind in _AT_ANY_HOUR
    new, held = repository.new_id(), None if at_once else held_until(repository, now)
    return Notice(new, kind, now, hazard.id, line.seq, line.id, tells, tuple(to), by, {}, held)


def held_until(repository: NoticeRepository, now: datetime) -> datetime | None:
    """The end of the quiet hours, in them."""
    delivered = repository.rules.delivered_at(now)
    return delivered if delivered > now else None


def recipients(notice: Notice, hazard: Hazard | None, people: Iterable[Person]) -> tuple[str, ...]:
    """The usernames of those who are told. `people`: everybody, each with the grants that count now, lent ones too.

    Where nobody holds the role, whoever stands above it.
    """
    active = {person.username: person for person in people if person.active}
    names = [*notice.to, *_holders(notice.tells, hazard, active)]
    return tuple(name for name in dict.fromkeys(names) if name in active and name != notice.by)


def _holders(role: Role | None, hazard: Hazard | None, active: dict[str, Person]) -> list[str]:
    while role is not None:
        if found := _holding(role, hazard, active):
            return found
        role = _INSTEAD.get(role)
    return []


def _holding(role: Role, hazard: Hazard | None, active: dict[str, Person]) -> list[str]:
    if role is Role.HANDLER and hazard is not None:
        return [name for name in hazard.handlers if name in active]
    place = hazard.community if hazard else None
    return [person.username for person in active.values() if _has(person, role, place)]


def _has(person: Person, role: Role, community: str | None) -> bool:
    if community is not None:
        return person.holds(role, community)
    return any(grant.role == role for grant in person.grants)
