"""Adds and removes dispatch rules."""

from typing import Annotated, NamedTuple
from uuid import UUID

from msgspec import Meta, Struct
from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.change import Change
from inspections.errors import IdConflict, IdOwnerConflict, InvalidInput, NotFound
from inspections.field_types import Name
from inspections.office.actions import Area
from inspections.remediation.dispatch_rules import DispatchRule, can_fix_in_area
from inspections.remediation.repository import RemediationRepository
from inspections.request_texts import clean_texts, differing_fields
from inspections.text import is_same_name

_COMMUNITY_DIGITS, _STREET_DIGITS = 12, 9


class NewDispatchRule(Struct, frozen=True, forbid_unknown_fields=True):
    """A new dispatch rule, with an id created by the client."""

    id: UUID
    community: Area
    lead: Name
    category: Name | None = None
    group: Name | None = None
    assisting: Annotated[tuple[Name, ...], Meta(max_length=10)] = ()
    accepts: bool = False

    def __post_init__(self) -> None:
        if self.category and self.group:
            raise ValueError("group：category 与 group 只能给出一项")


class AddedDispatchRule(NamedTuple):
    """The added rule. `repeated`: the same request was received before."""

    rule: DispatchRule
    repeated: bool


def add_dispatch_rule(
    repository: RemediationRepository, person: Person, sent: NewDispatchRule
) -> Change[AddedDispatchRule]:
    """Adds a dispatch rule. Raises NotFound (community), IdConflict, IdOwnerConflict, InvalidInput."""
    _check_area(repository, person, sent.community)
    before = repository.get(DispatchRule, sent.id)
    if before is not None:
        if not scope(person, "rules.edit").covers_community(before.community):
            raise IdOwnerConflict
        if fields := differing_fields(before, sent, sent.__struct_fields__):
            raise IdConflict(fields)
        return Change(AddedDispatchRule(before, repeated=True))
    clean_texts(sent)
    groups = {category.group for category in repository.categories()}
    unmet = {
        ("category", "没有这个隐患类别"): sent.category is not None and repository.category(sent.category) is None,
        ("group", "没有这个隐患分类"): sent.group is not None
        and not any(is_same_name(sent.group, group) for group in groups),
        **{
            (field, "该社区没有这位整改人"): not can_fix_in_area(repository.person(username), sent.community)
            for field, username in (("lead", sent.lead), *(("assisting", name) for name in sent.assisting))
        },
    }
    if errors := [error for error, holds in unmet.items() if holds]:
        raise InvalidInput(*errors)
    rule = DispatchRule(**{name: getattr(sent, name) for name in sent.__struct_fields__})
    return Change(AddedDispatchRule(rule, repeated=False), (rule,))


def remove_dispatch_rule(repository: RemediationRepository, person: Person, rule_id: UUID) -> Change[DispatchRule]:
    """Deactivates a dispatch rule; it is kept for the history entries that refer to it. Raises NotFound."""
    rule = repository.get(DispatchRule, rule_id)
    if rule is None or not scope(person, "rules.edit").covers_community(rule.community):
        raise NotFound("dispatch_rule")
    after = replace(rule, active=False)
    return Change(after, changed=((rule, after),) if rule.active else ())


def _check_area(repository: RemediationRepository, person: Person, area: str) -> None:
    known = {_COMMUNITY_DIGITS: repository.community, _STREET_DIGITS: repository.street}.get(len(area))
    if not scope(person, "rules.edit").covers_community(area) or (known and known(area) is None):
        raise NotFound("community", "community")
