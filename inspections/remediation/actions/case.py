"""The case that a step is decided on, and what every decision does with it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.errors import Invalid, Missing
from inspections.hazards.deadlines import by_policy, fixing_term, in_stage, new_deadline, next_check, running
from inspections.hazards.lifecycle import moved
from inspections.hazards.records import Hazard
from inspections.office.categories import Category, Priority
from inspections.photos.evidence import Shown
from inspections.remediation.repository import RemediationRepository
from inspections.remediation.steps import Step


def timed(before: Hazard | None, after: Hazard, repository: RemediationRepository, now: datetime) -> Hazard:
    """The hazard with the clocks of its stage, and the instant at which the sweep has to look at it."""
    if before is not None and after.stage_number != before.stage_number:
        after = in_stage(after, repository.rules, repository.calendar, now)
    if before is None or running(after) != running(before) or after.severity != before.severity:
        # A rung that lies behind may not be recorded yet: a step may come before the sweep, after an outage above all.
        after = replace(after, next_check_at=next_check(after, repository.rules, repository.calendar))
    return after


def accepted(
    repository: RemediationRepository,
    hazard: Hazard,
    category: Category,
    now: datetime,
    priority: Priority,
    *,
    major: bool,
) -> Hazard:
    """受理: `major` proposes it, and so may the category; a supervisor confirms. Raises WrongState."""
    proposed = major or category.proposes_major
    after = moved(hazard, "accept", now, priority=priority, major_proposed=proposed)
    return timed(hazard, with_deadline(after, category, repository, now), repository, now)


def with_deadline(hazard: Hazard, category: Category, repository: RemediationRepository, now: datetime) -> Hazard:
    """The hazard with its fixing clock started by its category's policy."""
    deadline = by_policy(hazard, fixing_term(category, hazard.severity), now, repository.calendar)
    return replace(hazard, accepted_at=hazard.accepted_at or now, **deadline)


class Case(NamedTuple):
    """What a step is decided on. `shown`: the photos declared so far and with this step; `born`: from a rebound."""

    repository: RemediationRepository
    person: Person
    hazard: Hazard
    shown: list[Shown]
    born: Hazard | None
    now: datetime

    def moved(self, step: Step, **facts: Any) -> Hazard:
        """The hazard after this step, its clocks set."""
        after = moved(self.hazard, step.move, self.now, **facts)
        return timed(self.hazard, after, self.repository, self.now)

    def category(self, code: str) -> Category:
        """Raises Missing."""
        category = self.repository.category(code)
        if category is None:
            raise Missing("category", "category")
        return category

    def until(self, due_at: datetime | None) -> dict[str, Any]:
        """What a deadline that is set by hand changes; nothing where none is set. Raises Invalid for a past one."""
        if due_at is None:
            return {}
        if due_at <= self.now:
            raise Invalid(("due_at", "新的期限须在当前时间之后"))
        return new_deadline(self.hazard, due_at, self.now)


def unless(unmet: Mapping[tuple[str, str], object]) -> None:
    """Raises Invalid with every (field, words) whose condition holds."""
    if errors := [error for error, holds in unmet.items() if holds]:
        raise Invalid(*errors)
