"""The rules of an office, as data it may edit: office hours, a term for every stage, reminders and escalations.

The terms of the fixing stage belong to the categories (categories.py). All defaults are proposals, not law.
"""

from datetime import date, datetime, time
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from inspections.accounts.people import Role
from inspections.calendar import OFFICE_HOURS, Span, TimeOfDay, shanghai_date, shanghai_instant, shanghai_time
from inspections.office.categories import Priority, Severity, Term, TimeUnit

RUNG_LENGTH = 32
_NOTIFIABLE_ROLES = frozenset({Role.HANDLER, Role.OFFICER, Role.SUPERVISOR})
_WALL_CLOCK = frozenset({TimeUnit.MINUTES, TimeUnit.HOURS})


class TermByPriority(Struct, frozen=True, forbid_unknown_fields=True):
    """A term for each priority; the normal one applies while no priority is set."""

    normal: Term
    high: Term
    urgent: Term

    def __getitem__(self, priority: Priority | None) -> Term:
        return getattr(self, priority or Priority.NORMAL)


class Rung(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A step of an escalation ladder: notifies `tells` some time `before` or `after` a clock is due, or when it is.

    `tells` is handler, officer or supervisor. `before` is in minutes or hours; a reminder that would be due before its
    clock began is skipped (deadlines.rung_at). `proposes`: the notified person is asked to supervise (督办).
    """

    name: Annotated[str, Meta(pattern=r"\A[a-z0-9_.]+\Z", max_length=RUNG_LENGTH)]
    clock: Literal["accept", "start", "fix", "recheck", "review", "reply"]
    tells: Role
    before: Term | None = None
    after: Term | None = None
    proposes: Literal["supervise"] | None = None

    def __post_init__(self) -> None:
        if self.tells not in _NOTIFIABLE_ROLES:
            raise ValueError("tells：只能是 handler、officer 或 supervisor")
        if self.before and self.after:
            raise ValueError("after：不能同时给出 before 和 after")
        if self.before and self.before.unit not in _WALL_CLOCK:
            raise ValueError("before：提醒的提前量须以 min 或 h 计")


class Ladders(Struct, frozen=True, forbid_unknown_fields=True):
    """Reminders and escalations for each severity; names are unique within one."""

    general: Annotated[tuple[Rung, ...], Meta(max_length=50)]
    major: Annotated[tuple[Rung, ...], Meta(max_length=50)]

    def __getitem__(self, severity: Severity) -> tuple[Rung, ...]:
        return getattr(self, severity)

    def __post_init__(self) -> None:
        for severity in Severity:
            if len({rung.name for rung in self[severity]}) < len(self[severity]):
                raise ValueError(f"{severity}：名称重复")


def _term(amount: int, unit: str) -> Term:
    return Term(amount, TimeUnit(unit))


_H, _O, _S = Role.HANDLER, Role.OFFICER, Role.SUPERVISOR
_OTHER_CLOCKS = (
    Rung("accept.overdue", "accept", _O),
    Rung("accept.supervisor", "accept", _S, after=_term(4, "wh")),
    Rung("start.overdue", "start", _O),
    Rung("recheck.overdue", "recheck", _O),
    Rung("recheck.supervisor", "recheck", _S, after=_term(1, "wd")),
    Rung("review.reminder", "review", _S, before=_term(72, "h")),
    Rung("review.overdue", "review", _S),
    Rung("reply.overdue", "reply", _S),
)
_LADDERS = Ladders(
    general=(
        Rung("fix.reminder.day", "fix", _H, before=_term(24, "h")),
        Rung("fix.reminder", "fix", _H, before=_term(1, "h")),
        Rung("fix.overdue", "fix", _O),
        Rung("fix.supervisor", "fix", _S, after=_term(1, "wd")),
        Rung("fix.supervise", "fix", _S, after=_term(3, "wd"), proposes="supervise"),
        *_OTHER_CLOCKS,
    ),
    major=(
        Rung("fix.reminder.days", "fix", _H, before=_term(72, "h")),
        Rung("fix.reminder.day", "fix", _H, before=_term(24, "h")),
        Rung("fix.reminder", "fix", _H, before=_term(2, "h")),
        Rung("fix.overdue", "fix", _O),
        Rung("fix.supervisor", "fix", _S, after=_term(2, "h")),
        Rung("fix.supervise", "fix", _S, after=_term(1, "wd"), proposes="supervise"),
        *_OTHER_CLOCKS,
    ),
)


_MIN_OFFICE_MINUTES = 60
"""The least office time per day; with less, the longest term of working hours would not end within this century."""


def _minutes(clock: time) -> int:
    return clock.hour * 60 + clock.minute


class Rules(Struct, frozen=True, forbid_unknown_fields=True):
    """The rules of an office; the values here are the defaults.

    `suspension_review`: when a suspension without a date is reviewed; `suspension_review_at_most`: the latest date.
    `quiet_hours`: period of the day, usually over midnight, in which no notices are delivered.
    `photos_kept_days`: after so many days without changes, photos of ended hazards are deleted.
    """

    office_hours: Annotated[tuple[Span, ...], Meta(min_length=1, max_length=10)] = OFFICE_HOURS
    acceptance: TermByPriority = TermByPriority(_term(4, "wh"), _term(4, "wh"), _term(30, "min"))
    start: TermByPriority = TermByPriority(_term(1, "wd"), _term(1, "wd"), _term(2, "h"))
    recheck: Term = _term(3, "wd")
    suspension_review: Term = _term(30, "d")
    suspension_review_at_most: Term = _term(90, "d")
    transfer_reply: Term = _term(10, "wd")
    reopen_within_days: Annotated[int, Meta(ge=1, le=10_000)] = 30
    ladders: Ladders = field(default=_LADDERS)
    quiet_hours: tuple[TimeOfDay, TimeOfDay] | None = (time(22), time(7))
    photos_kept_days: Annotated[int, Meta(ge=180, le=36_500)] | None = None

    def __post_init__(self) -> None:
        edges = [edge for span in self.office_hours for edge in span]
        if edges != sorted(set(edges)):
            raise ValueError("office_hours：每段须先上班后下班，各段须依次排列、互不重叠")
        if sum(_minutes(closes) - _minutes(opens) for opens, closes in self.office_hours) < _MIN_OFFICE_MINUTES:
            raise ValueError("office_hours：每天合计至少一小时")
        if self.quiet_hours and self.quiet_hours[0] == self.quiet_hours[1]:
            raise ValueError("quiet_hours：起止时间不能相同")

    def delivery_time(self, instant: datetime) -> datetime:
        """Returns the time of delivery: `instant`, or the end of the quiet hours if it falls into them."""
        if self.quiet_hours is None:
            return instant
        begin, end = self.quiet_hours
        clock, day = shanghai_time(instant), shanghai_date(instant)
        if begin < end:
            return shanghai_instant(day, end) if begin <= clock < end else instant
        if clock >= begin:
            return shanghai_instant(date.fromordinal(day.toordinal() + 1), end)
        return shanghai_instant(day, end) if clock < end else instant


class Rulebook(Struct, frozen=True):
    """The stored rules, with a version that grows with each edit and the last editor."""

    name: str
    version: int
    rules: Rules
    edited_by: str | None
    edited_at: datetime | None


OFFICE = "office"
"""The name of the only rulebook of an installation."""
