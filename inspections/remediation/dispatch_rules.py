"""Dispatch rules, which assign hazards of a place and category automatically."""

from collections.abc import Iterable
from uuid import UUID

from msgspec import Struct

from inspections.accounts.people import Grant, Person, Role
from inspections.hazards.records import Hazard
from inspections.office.categories import Category
from inspections.text import is_same_name


class DispatchRule(Struct, frozen=True):
    """A rule that assigns hazards of `community` (a code prefix) and of a category or a group to `lead`.

    `accepts`: a matching report is accepted automatically; otherwise it is assigned once an officer accepts it.
    An inactive rule was removed, but history entries may still refer to it.
    """

    id: UUID
    community: str
    category: str | None
    group: str | None
    lead: str
    assisting: tuple[str, ...]
    accepts: bool
    active: bool = True

    @property
    def people(self) -> tuple[str, ...]:
        return self.lead, *self.assisting

    def matches(self, hazard: Hazard, category: Category) -> bool:
        return (
            hazard.community.startswith(self.community)
            and self.category in {None, category.code}
            and (self.group is None or is_same_name(self.group, category.group))
        )

    @property
    def rank(self) -> tuple[int, bool, bool, int]:
        return -len(self.community), self.category is None, self.group is None, self.id.int


def matching_rules(rules: Iterable[DispatchRule], hazard: Hazard, category: Category) -> list[DispatchRule]:
    """Returns the matching rules, most specific first: longest prefix, then category before group before neither."""
    return sorted((rule for rule in rules if rule.matches(hazard, category)), key=lambda rule: rule.rank)


def can_fix_in_area(person: Person | None, area: str) -> bool:
    """Tells whether hazards of some community within `area`, a prefix of codes, can be assigned to this person."""
    return person is not None and person.active and any(_overlaps_area(grant, area) for grant in person.grants)


def _overlaps_area(grant: Grant, area: str) -> bool:
    return grant.role is Role.HANDLER and (grant.scope.startswith(area) or area.startswith(grant.scope))
