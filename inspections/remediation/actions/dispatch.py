"""Accepts and assigns hazards by dispatch rules, with the same result as by an officer."""

from datetime import datetime

from inspections.accounts.people import SYSTEM
from inspections.hazards.history import NewEntry, append_history
from inspections.hazards.lifecycle import transition
from inspections.hazards.records import Hazard, HistoryEntry
from inspections.office.categories import Category
from inspections.remediation.actions.step_context import accept_hazard, update_clocks
from inspections.remediation.dispatch_rules import DispatchRule, matching_rules
from inspections.remediation.repository import RemediationRepository


def accept_by_rule(
    repository: RemediationRepository, hazard: Hazard, category: Category, now: datetime
) -> tuple[Hazard, tuple[HistoryEntry, ...]]:
    """Accepts and assigns a new report if a rule says so; returns the hazard and its new history entries.

    A hazard without a priority waits for an officer, who sets one.
    """
    rule = _find_rule(repository, hazard, category, now)
    if rule is None or not rule.accepts or hazard.priority is None:
        return hazard, ()
    after = accept_hazard(repository, hazard, category, now, hazard.priority, major=False)
    facts = {"dispatch_rule": str(rule.id)}
    after, line = append_history(repository, hazard, after, NewEntry(repository.new_id(), "accept", SYSTEM, now, facts))
    after, assigned = _assign(repository, after, rule, now)
    return after, (line, assigned)


def assign_by_rule(
    repository: RemediationRepository, hazard: Hazard, category: Category, now: datetime
) -> tuple[Hazard, tuple[HistoryEntry, ...]]:
    """Assigns a newly accepted hazard if a rule says so; returns the hazard and its new history entry."""
    rule = _find_rule(repository, hazard, category, now)
    if rule is None:
        return hazard, ()
    after, line = _assign(repository, hazard, rule, now)
    return after, (line,)


def _find_rule(
    repository: RemediationRepository, hazard: Hazard, category: Category, now: datetime
) -> DispatchRule | None:
    """Finds the most specific rule whose people can still fix hazards in this community."""
    rules = matching_rules(repository.dispatch_rules, hazard, category)
    return next((rule for rule in rules if _can_apply(repository, rule, hazard.community, now)), None)


def _can_apply(repository: RemediationRepository, rule: DispatchRule, community: str, now: datetime) -> bool:
    people = [
        repository.person(username) for username in rule.people
    ]  # all are queried even if one is missing: see storage/engine/postgres_rows.py
    return all(
        person is not None and person.with_current_grants(now).can_be_assigned_in(community) for person in people
    )


def _assign(
    repository: RemediationRepository, hazard: Hazard, rule: DispatchRule, now: datetime
) -> tuple[Hazard, HistoryEntry]:
    after = update_clocks(
        hazard, transition(hazard, "assign", now, lead=rule.lead, assisting=rule.assisting), repository, now
    )
    facts = {"lead": rule.lead, "assisting": list(rule.assisting), "dispatch_rule": str(rule.id)}
    return append_history(repository, hazard, after, NewEntry(repository.new_id(), "assign", SYSTEM, now, facts))
