"""The context in which a step is decided, and the update of clocks after it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.errors import InvalidInput, NotFound
from inspections.hazards.deadlines import (
    fixing_term,
    manual_deadline_fields,
    next_check_time,
    policy_deadline_fields,
    running_clocks,
    start_stage_clocks,
)
from inspections.hazards.lifecycle import transition
from inspections.hazards.records import Hazard
from inspections.office.categories import Category, Priority
from inspections.photos.evidence import DeclaredPhoto
from inspections.remediation.repository import RemediationRepository
from inspections.remediation.steps import Step


def update_clocks(before: Hazard | None, after: Hazard, repository: RemediationRepository, now: datetime) -> Hazard:
    """Updates the clocks of the hazard's stage and the time at which the sweep must check it next."""
    if before is not None and after.stage_number != before.stage_number:
        after = start_stage_clocks(after, repository.rules, repository.calendar, now)
    if before is None or running_clocks(after) != running_clocks(before) or after.severity != before.severity:
        # A step may arrive before the sweep has recorded a due rung, for example after an outage.
        after = replace(after, next_check_at=next_check_time(after, repository.rules, repository.calendar))
    return after


def accept_hazard(
    repository: RemediationRepository,
    hazard: Hazard,
    category: Category,
    now: datetime,
    priority: Priority,
    *,
    major: bool,
) -> Hazard:
    """受理: accepts the hazard. `major`, or its category, proposes it as major. Raises WrongState."""
    proposed = major or category.proposes_major
    after = transition(hazard, "accept", now, priority=priority, major_proposed=proposed)
    return update_clocks(hazard, start_fixing_clock(after, category, repository, now), repository, now)


def start_fixing_clock(hazard: Hazard, category: Category, repository: RemediationRepository, now: datetime) -> Hazard:
    """Starts the fixing clock with the term of the hazard's category."""
    deadline = policy_deadline_fields(hazard, fixing_term(category, hazard.severity), now, repository.calendar)
    return replace(hazard, accepted_at=hazard.accepted_at or now, **deadline)


class StepContext(NamedTuple):
    """The context of a step. `photos`: declared before and with this step; `rebound`: the new hazard of a look-back."""

    repository: RemediationRepository
    person: Person
    hazard: Hazard
    photos: list[DeclaredPhoto]
    rebound: Hazard | None
    now: datetime

    def transition(self, step: Step, **facts: Any) -> Hazard:
        """Returns the hazard after this step, with its clocks updated."""
        after = transition(self.hazard, step.name, self.now, **facts)
        return update_clocks(self.hazard, after, self.repository, self.now)

    def category(self, code: str) -> Category:
        """Returns the category with this code. Raises NotFound."""
        category = self.repository.category(code)
        if category is None:
            raise NotFound("category", "category")
        return category

    def deadline_fields(self, due_at: datetime | None) -> dict[str, Any]:
        """Returns the fields that a new deadline sets; empty without one. Raises InvalidInput for one in the past."""
        if due_at is None:
            return {}
        if due_at <= self.now:
            raise InvalidInput(("due_at", "新的期限须在当前时间之后"))
        return manual_deadline_fields(self.hazard, due_at, self.now)


def raise_for_errors(unmet: Mapping[tuple[str, str], object]) -> None:
    """Raises InvalidInput with every (field, message) whose condition is true."""
    if errors := [error for error, holds in unmet.items() if holds]:
        raise InvalidInput(*errors)
