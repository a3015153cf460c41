"""Accepts and assigns hazards by dispatch rules, with the same result as by an officer."""

from datetime import datetime

from inspections.accounts.people import SYSTEM
from inspections.hazards.history import NewLine, append_history
from inspections.hazards.lifecycle import moved
from inspections.hazards.records import Entry, Hazard
from inspections.office.categories import Category
from inspections.remediation.actions.case import accepted, timed
from inspections.remediation.dispatch_rules import DispatchRule, matching
from inspections.remediation.repository import RemediationRepository


def accepted_by_rule(
    repository: RemediationRepository, hazard: Hazard, category: Category, now: datetime
) -> tuple[Hazard, tuple[Entry, ...]]:
    """Accepts and assigns a new report if a rule says so; returns the hazard and its new history entries.

    A hazard without a priority waits for an officer, who sets one.
    """
    rule = _rule(repository, hazard, category, now)
    if rule is None or not rule.accepts or hazard.priority is None:
        return hazard, ()
    after = accepted(repository, hazard, category, now, hazard.priority, major=False)
    facts = {"dispatch_rule": str(rule.id)}
    after, line = append_history(repository, hazard, after, NewLine(repository.new_id(), "accept", SYSTEM, now, facts))
    after, assigned = _assigned(repository, after, rule, now)
    return after, (line, assigned)


def assigned_by_rule(
    repository: RemediationRepository, hazard: Hazard, category: Category, now: datetime
) -> tuple[Hazard, tuple[Entry, ...]]:
    """Assigns a newly accepted hazard if a rule says so; returns the hazard and its new history entry."""
    rule = _rule(repository, hazard, category, now)
    if rule is None:
        return hazard, ()
    after, line = _assigned(repository, hazard, rule, now)
    return after, (line,)


def _rule(repository: RemediationRepository, hazard: Hazard, category: Category, now: datetime) -> DispatchRule | None:
    """Finds the most specific rule whose people can still fix hazards in this community."""
    rules = matching(repository.dispatch_rules, hazard, category)
    return next((rule for rule in rules if _can_be_followed(repository, rule, hazard.community, now)), None)


def _can_be_followed(repository: RemediationRepository, rule: DispatchRule, community: str, now: datetime) -> bool:
    people = [
        repository.person(username) for username in rule.people
    ]  # all are queried even if one is missing: see storage/engine/prefetch.py
    return all(person is not None and person.at(now).fixes_in(community) for person in people)


def _assigned(
    repository: RemediationRepository, hazard: Hazard, rule: DispatchRule, now: datetime
) -> tuple[Hazard, Entry]:
    after = timed(hazard, moved(hazard, "assign", now, lead=rule.lead, assisting=rule.assisting), repository, now)
    facts = {"lead": rule.lead, "assisting": list(rule.assisting), "dispatch_rule": str(rule.id)}
    return append_history(repository, hazard, after, NewLine(repository.new_id(), "assign", SYSTEM, now, facts))
