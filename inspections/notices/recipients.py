"""The recipients of notices: ONE table, from a line of history to the people it concerns.

A notice is written in the same commit as its event. Recipients by role are resolved when it is dispatched
(actions/delivery.py); recipients by name are fixed here, while the people concerned before the step are still known.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from inspections.accounts.people import SYSTEM, Person, Role
from inspections.hazards.records import Hazard, HazardSummary, HistoryEntry, State
from inspections.notices.outbox import Notice
from inspections.notices.repository import NoticeRepository
from inspections.office.categories import Priority

MAJOR, DAMAGED, UNREADABLE_ALARM = "propose_major", "photo.damaged", "alarm.unreadable"
DAILY, WEEKLY, HISTORY = "digest.daily", "digest.weekly", "digest.history"
_PeopleFinder = Callable[[Hazard, Hazard], Iterable[str]]


def _handlers(before: Hazard, after: Hazard) -> Iterable[str]:
    """Returns the handlers before and after the step, because it ends the task of the former."""
    return (*before.handlers, *after.handlers)


def _reporters(_: Hazard, after: Hazard) -> Iterable[str]:
    """Returns the reporters of the hazard and of its duplicates."""
    return (after.reporter, *after.reporters)


def _extension_applicant(before: Hazard, _: Hazard) -> Iterable[str]:
    return (before.extension.by,) if before.extension else ()


class Audience(NamedTuple):
    """The audience of an event: a role in the hazard's community, and people named by the hazard."""

    role: Role | None
    people: tuple[_PeopleFinder, ...] = ()


_O, _S = Role.OFFICER, Role.SUPERVISOR
AUDIENCES: dict[str, Audience] = {
    "report": Audience(_O),
    "alert": Audience(_O),
    "rebound": Audience(_O),
    "fix_on_spot": Audience(_O),
    "draw": Audience(_O),
    "reject": Audience(None, (_reporters,)),
    "merge": Audience(None, (_reporters, _handlers)),
    "verify": Audience(None, (_reporters, _handlers)),
    "assign": Audience(None, (_handlers,)),
    "return": Audience(_O),
    "submit_fix": Audience(_O),
    "recheck.pass": Audience(None, (_reporters, _handlers)),
    "recheck.fail": Audience(None, (_handlers,)),
    "recheck.partial": Audience(None, (_handlers,)),
    "recheck.refused": Audience(_S, (_reporters, _handlers)),
    MAJOR: Audience(_S),
    "confirm_major": Audience(_O, (_handlers,)),
    "request_extension": Audience(_S),
    "decide_extension": Audience(None, (_extension_applicant, _handlers)),
    "suspend": Audience(_O, (_handlers,)),
    "resume": Audience(_O, (_handlers,)),
    "supervise": Audience(_O, (_handlers,)),
    "unsupervise": Audience(_O, (_handlers,)),
    "transfer": Audience(_O, (_handlers,)),
    "transfer_reply.settled": Audience(_O, (_reporters,)),
    "transfer_reply.returned": Audience(_O),
    "reopen": Audience(_O, (_handlers,)),
    "cancel": Audience(_O, (_reporters, _handlers)),
}
"""ONE table of audiences, by the step of a history line. Rungs of escalation ladders are in rules.py.

`draw`: a closed fix was drawn for a re-check. MAJOR: any step that made the hazard proposed as major. Damaged
photos notify their sender (remediation/actions/photo_damage.py), unreadable alarms the officers
(monitoring/faults.py); digests are in actions/digests.py.
"""
_CONDITIONS: dict[str, Callable[[Hazard], bool]] = {
    "report": lambda hazard: hazard.priority is Priority.URGENT and hazard.state is State.REPORTED,
    "fix_on_spot": lambda hazard: hazard.state is State.PENDING_RECHECK,
}
_AT_ANY_HOUR = frozenset({"alert", "assign"})
"""The notices about device alarms that ignore quiet hours, because a glowing wire cannot wait until the morning."""
PROPOSING_STEPS = frozenset({"accept", MAJOR, "set_cause", "reclassify"})
"""The steps that may propose a hazard as major."""
_FALLBACK_ROLES = {
    Role.HANDLER: Role.OFFICER,
    Role.OFFICER: Role.SUPERVISOR,
    Role.SUPERVISOR: Role.ADMIN,
    Role.ADMIN: Role.SYSTEM_ADMIN,
}
"""The role to notify instead if nobody holds a role, so that no deadline passes unnoticed."""


def build_notices(
    repository: NoticeRepository, before: Hazard | None, after: Hazard, lines: Iterable[HistoryEntry], now: datetime
) -> tuple[Notice, ...]:
    """Builds the notices of new history lines that led from `before` (None for a new hazard) to `after`."""
    found: list[Notice] = []
    for line in lines:
        for kind in _notice_kinds(before, after, line):
            told = AUDIENCES[kind]
            names = dict.fromkeys(name for people in told.people for name in people(before or after, after))
            to = tuple(name for name in names if name != line.by)
            if told.role or to:
                found.append(_build_notice(repository, kind, after, now, line=line, tells=told.role, to=to))
    return tuple(found)


def _notice_kinds(before: Hazard | None, after: Hazard, line: HistoryEntry) -> Iterable[str]:
    only = _CONDITIONS.get(line.step)
    if line.step in AUDIENCES and line.step != MAJOR and (only is None or only(after)):
        yield line.step
    if line.step in PROPOSING_STEPS and _is_proposed_as_major(after) and not (before and _is_proposed_as_major(before)):
        yield MAJOR


def _is_proposed_as_major(hazard: Hazard) -> bool:
    """Tells whether a supervisor has to confirm the hazard as major, which requires that it was accepted."""
    return hazard.major_proposed and hazard.state is not State.REPORTED


def build_rung_notice(
    repository: NoticeRepository, hazard: Hazard, line: HistoryEntry, tells: Role, now: datetime
) -> Notice:
    """Builds the notice that a clock has reached the rung of its escalation ladder that `line` records."""
    return _build_notice(repository, line.facts["rung"], hazard, now, line=line, tells=tells, to=())


def _build_notice(
    repository: NoticeRepository,
    kind: str,
    hazard: Hazard,
    now: datetime,
    *,
    line: HistoryEntry,
    tells: Role | None,
    to: Sequence[str],
) -> Notice:
    by = None if line.by == SYSTEM else line.by
    at_once = hazard.source == "device" and kind in _AT_ANY_HOUR
    new, held = repository.new_id(), None if at_once else end_of_quiet_hours(repository, now)
    return Notice(new, kind, now, hazard.id, line.seq, line.id, tells, tuple(to), by, {}, held)


def end_of_quiet_hours(repository: NoticeRepository, now: datetime) -> datetime | None:
    """Returns the end of the quiet hours if `now` lies in them, else None."""
    delivered = repository.rules.delivery_time(now)
    return delivered if delivered > now else None


class Staff:
    """The people of the office with their present grants, delegated ones included, as recipients of a batch of notices.

    The holders of a role in a community are determined once.
    """

    def __init__(self, people: Iterable[Person]) -> None:
        self._active = {person.username: person for person in people if person.active}
        self._holders: dict[tuple[Role, str | None], list[str]] = {}

    def recipients(self, notice: Notice, hazard: Hazard | HazardSummary | None) -> tuple[str, ...]:
        """Returns the usernames to notify; if nobody holds the role, the holders of the next higher one."""
        names = [*notice.to, *self._holders_or_fallback(notice.tells, hazard, notice.community)]
        return tuple(name for name in dict.fromkeys(names) if name in self._active and name != notice.by)

    def _holders_or_fallback(
        self, role: Role | None, hazard: Hazard | HazardSummary | None, community: str | None
    ) -> list[str]:
        community = hazard.community if hazard else community
        while role is not None:
            if role is Role.HANDLER and hazard is not None:
                found = [name for name in hazard.handlers if name in self._active]
            else:
                found = self._holders_of_role(role, community)
            if found:
                return found
            role = _FALLBACK_ROLES.get(role)
        return []

    def _holders_of_role(self, role: Role, community: str | None) -> list[str]:
        if (role, community) not in self._holders:
            self._holders[role, community] = [
                person.username for person in self._active.values() if _has_role(person, role, community)
            ]
        return self._holders[role, community]


def _has_role(person: Person, role: Role, community: str | None) -> bool:
    if community is not None:
        return person.has_role(role, community)
    return any(grant.role == role for grant in person.grants)
