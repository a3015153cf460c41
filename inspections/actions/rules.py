"""An administrator edits the rules: terms, policies of categories, the calendar, dispatch rules.

A change holds for what happens after it. Only a deadline that rested on an unpublished year is computed anew.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from msgspec import Meta, Struct
from msgspec.structs import replace

from inspections.calendar import YEARS, CalendarDay, unlike_a_year
from inspections.categories import Category, Priority, Term
from inspections.deadlines import CLOCKS, next_check, settled
from inspections.dispatch import DispatchRule, can_fix_within
from inspections.errors import IdConflict, Invalid, Missing, RulesStale, differing
from inspections.fields import Line
from inspections.hazards import Entry, Hazard
from inspections.history import written
from inspections.people import SYSTEM, Person
from inspections.policy import scope
from inspections.register import Change, Register
from inspections.rules import OFFICE, Rulebook, Rules

Code = Annotated[str, Meta(pattern=r"\A[A-Z]{2,4}-[0-9]{2,4}\Z")]
Area = Annotated[str, Meta(pattern=r"\A([0-9]{6}|[0-9]{9}|[0-9]{12})\Z")]
_COMMUNITY_DIGITS, _STREET_DIGITS = 12, 9


class NewRules(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of the rules; `version` is the one that was read before."""

    version: Annotated[int, Meta(ge=0, le=1_000_000)]
    rules: Rules


class CategoryPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """A category, all of it but its code."""

    name: Line
    group: Line
    priority: Priority | None
    term: Term
    unit: Annotated[str, Meta(pattern=r"\A\w+\Z", max_length=16)]
    advisory: bool = False
    from_device: bool = False
    proposes_major: bool = False
    major_term: Term | None = None
    look_back_days: Annotated[int, Meta(ge=1, le=3650)] | None = None


class NamedDay(Struct, frozen=True, forbid_unknown_fields=True):
    """A day off, or a weekend that is worked."""

    day: date
    working: bool
    name: Line


class NewCalendar(Struct, frozen=True, forbid_unknown_fields=True):
    """The schedule of a whole year; `source` says who published it, and under which number."""

    source: Line
    days: Annotated[tuple[NamedDay, ...], Meta(max_length=200)]


class NewDispatchRule(Struct, frozen=True, forbid_unknown_fields=True):
    """A rule with an id that the client made."""

    id: UUID
    community: Area
    lead: Line
    category: Line | None = None
    group: Line | None = None
    assisting: Annotated[tuple[Line, ...], Meta(max_length=10)] = ()
    accepts: bool = False

    def __post_init__(self) -> None:
        if self.category and self.group:
            raise ValueError("group：category 与 group 只能给出一项")


class Added(NamedTuple):
    """`repeated`: the same rule had come before."""

    rule: DispatchRule
    repeated: bool


class Recomputed(NamedTuple):
    """How many hazards were looked at, how many of their deadlines moved, and the last one: where to go on."""

    looked_at: int
    moved: int
    last: UUID


def rulebook(register: Register) -> Rulebook:
    """The rules in force as they are kept now; version 0 where nobody has edited them."""
    return register.kept(Rulebook, OFFICE) or Rulebook(OFFICE, 0, Rules(), None, None)


def edit_rules(register: Register, person: Person, sent: NewRules, now: datetime) -> Change[Rulebook]:
    """Raises RulesStale. The same edit sent again is answered as the first time."""
    before = rulebook(register)
    if (sent.version + 1, sent.rules, person.username) == (before.version, before.rules, before.edited_by):
        return Change(before)
    if sent.version != before.version:
        raise RulesStale(sent.version, before.version)
    after = Rulebook(OFFICE, before.version + 1, sent.rules, person.username, now)
    return Change(after, changed=((before, after),)) if before.version else Change(after, (after,))


def edit_category(register: Register, code: str, sent: CategoryPolicy) -> Change[Category]:
    """Of what is there, or a new one. Deadlines that were told stay."""
    before = register.kept(Category, code)
    after = Category(code=code, **{name: getattr(sent, name) for name in sent.__struct_fields__})
    if before is None:
        return Change(after, (after,))
    return Change(after, changed=((before, after),) if before != after else ())


def edit_calendar(register: Register, year: int, sent: NewCalendar) -> Change[Sequence[CalendarDay]]:
    """The days of a year in place of those that were there. Raises Invalid for what is no whole year."""
    if year not in YEARS:
        raise Invalid(("year", "年份超出范围"))
    days = [CalendarDay(each.day, each.working, each.name, sent.source) for each in sent.days]
    if errors := unlike_a_year(year, days):
        raise Invalid(*errors)
    days.sort(key=lambda each: each.day)
    kept = {each.day: each for each in register.calendar_days(year)}
    here = {each.day for each in days}
    new = tuple(each for each in days if each.day not in kept)
    changed = tuple((kept[each.day], each) for each in days if each.day in kept and kept[each.day] != each)
    return Change(days, new, changed, tuple(each for day, each in kept.items() if day not in here))


def add_dispatch_rule(register: Register, person: Person, sent: NewDispatchRule) -> Change[Added]:
    """Raises Missing (community), IdConflict, Invalid."""
    _check_area(register, person, sent.community)
    before = register.kept(DispatchRule, sent.id)
    if before is not None:
        if fields := differing(before, sent, sent.__struct_fields__):
            raise IdConflict(fields)
        return Change(Added(before, repeated=True))
    groups = {category.group for category in register.categories()}
    unmet = {
        ("category", "没有这个隐患类别"): sent.category is not None and register.category(sent.category) is None,
        ("group", "没有这个隐患分类"): sent.group is not None and sent.group not in groups,
        **{
            (field, "该社区没有这位整改人"): not can_fix_within(register.person(username), sent.community)
            for field, username in (("lead", sent.lead), *(("assisting", name) for name in sent.assisting))
        },
    }
    if errors := [error for error, holds in unmet.items() if holds]:
        raise Invalid(*errors)
    rule = DispatchRule(**{name: getattr(sent, name) for name in sent.__struct_fields__})
    return Change(Added(rule, repeated=False), (rule,))


def remove_dispatch_rule(register: Register, person: Person, rule_id: UUID) -> Change[DispatchRule]:
    """It is kept, for the lines of history that name it, and followed no more. Raises Missing."""
    rule = register.kept(DispatchRule, rule_id)
    if rule is None or not scope(person, "rules.edit").covers_community(rule.community):
        raise Missing("dispatch_rule")
    after = replace(rule, active=False)
    return Change(after, changed=((rule, after),) if rule.active else ())


def _check_area(register: Register, person: Person, area: str) -> None:
    known = {_COMMUNITY_DIGITS: register.community, _STREET_DIGITS: register.street}.get(len(area))
    if not scope(person, "rules.edit").covers_community(area) or (known and known(area) is None):
        raise Missing("community", "community")


def recompute_provisional(register: Register, now: datetime, limit: int, after: UUID) -> Change[Recomputed]:
    """Deadlines that rested on an unpublished year, computed anew: later perhaps, never sooner than was told.

    Of open hazards, by id, those that follow `after`. `version` stays: a step that a phone prepared before still fits.
    """
    found = register.provisional(after, limit)
    new: list[Entry] = []
    changed: list[tuple[Hazard, Hazard]] = []
    for hazard in found:
        again, lines = _recomputed(register, hazard, now)
        new += lines
        changed += [(hazard, again)] if again != hazard else []
    return Change(Recomputed(len(found), len(new), found[-1].id if found else after), tuple(new), tuple(changed))


def _recomputed(register: Register, hazard: Hazard, now: datetime) -> tuple[Hazard, tuple[Entry, ...]]:
    after = settled(hazard, register.calendar)
    if after == hazard:
        return hazard, ()
    after = replace(after, updated_at=now)
    fields = [field for _, field in CLOCKS.values() if getattr(after, field) != getattr(hazard, field)]
    if not fields:
        return after, ()
    after = replace(after, next_check_at=next_check(after, register.rules, register.calendar))
    facts: dict[str, Any] = {field: getattr(after, field) for field in fields}
    facts |= {f"{field}_before": getattr(hazard, field) for field in fields}
    after, line = written(
        register, hazard, after, line=register.new_id(), step="recompute", by=SYSTEM, now=now, facts=facts
    )
    return after, (line,)
