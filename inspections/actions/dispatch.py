"""A hazard is accepted and assigned, by an officer or by a dispatch rule: both lead to the same."""

from datetime import datetime

from msgspec.structs import replace

from inspections.categories import Category, Priority
from inspections.deadlines import due, next_check
from inspections.dispatch import DispatchRule, matching
from inspections.hazards import Entry, Hazard
from inspections.history import written
from inspections.lifecycle import moved
from inspections.people import SYSTEM
from inspections.register import Register


def with_deadline(hazard: Hazard, category: Category, register: Register, now: datetime) -> Hazard:
    """The hazard with its fixing clock started by its category's policy."""
    deadline = due(category.term, now, register.calendar)
    hazard = replace(
        hazard,
        accepted_at=hazard.accepted_at or now,
        due_at=deadline.at,
        due_provisional=deadline.provisional,
        term=category.term,
        term_from=now,
        deadline_number=hazard.deadline_number + 1,
    )
    return replace(hazard, next_check_at=next_check(hazard))


def accepted(
    register: Register, hazard: Hazard, category: Category, now: datetime, priority: Priority, *, major: bool
) -> Hazard:
    """受理: `major` proposes it, and so may the category; a supervisor confirms. Raises WrongState."""
    proposed = major or category.proposes_major
    after = moved(hazard, "accept", now, priority=priority, major_proposed=proposed)
    return with_deadline(after, category, register, now)


def accepted_by_rule(
    register: Register, hazard: Hazard, category: Category, now: datetime
) -> tuple[Hazard, tuple[Entry, ...]]:
    """A new report, accepted and assigned where a rule says so; with the lines that say it.

    Without a priority it waits for an officer, who sets one.
    """
    rule = _rule(register, hazard, category)
    if rule is None or not rule.accepts or hazard.priority is None:
        return hazard, ()
    after = accepted(register, hazard, category, now, hazard.priority, major=False)
    facts = {"dispatch_rule": str(rule.id)}
    after, line = written(after, line=register.new_id(), step="accept", by=SYSTEM, now=now, facts=facts)
    after, assigned = _assigned(register, after, rule, now)
    return after, (line, assigned)


def assigned_by_rule(
    register: Register, hazard: Hazard, category: Category, now: datetime
) -> tuple[Hazard, tuple[Entry, ...]]:
    """A hazard that has just been accepted, assigned where a rule says so; with the line that says it."""
    rule = _rule(register, hazard, category)
    if rule is None:
        return hazard, ()
    after, line = _assigned(register, hazard, rule, now)
    return after, (line,)


def _rule(register: Register, hazard: Hazard, category: Category) -> DispatchRule | None:
    """The most specific rule whose people can still fix hazards there; any other is passed over."""
    rules = matching(register.dispatch_rules, hazard, category)
    return next((rule for rule in rules if _can_be_followed(register, rule, hazard.community)), None)


def _can_be_followed(register: Register, rule: DispatchRule, community: str) -> bool:
    people = [register.person(username) for username in rule.people]  # all are asked for: see storage/rehearsal.py
    return all(person is not None and person.fixes_in(community) for person in people)


def _assigned(register: Register, hazard: Hazard, rule: DispatchRule, now: datetime) -> tuple[Hazard, Entry]:
    after = moved(hazard, "assign", now, lead=rule.lead, assisting=rule.assisting)
    after = replace(after, next_check_at=next_check(after))
    facts = {"lead": rule.lead, "assisting": list(rule.assisting), "dispatch_rule": str(rule.id)}
    return written(after, line=register.new_id(), step="assign", by=SYSTEM, now=now, facts=facts)
