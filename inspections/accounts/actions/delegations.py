"""Actions on delegations: a supervisor lends their role for a period; they or an administrator revoke it."""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from inspections.accounts.delegations import START_TOLERANCE, Delegation, NewDelegation, add_delegated_grants
from inspections.accounts.people import Grant, Person, Role
from inspections.accounts.policy import scope
from inspections.accounts.repository import AccountRepository
from inspections.accounts.security_profile import STANDARD, SecurityProfile
from inspections.change import Change
from inspections.errors import Forbidden, IdConflict, IdOwnerConflict, InvalidInput, NotFound
from inspections.request_texts import clean_texts, differing_fields


class CreatedDelegation(NamedTuple):
    """The created delegation. `repeated`: the same request had created it before, and this is its current state."""

    delegation: Delegation
    repeated: bool


def person_with_delegations(repository: AccountRepository, person: Person, now: datetime) -> Person:
    """Adds all grants lent to the person now or later; `Person.with_current_grants` then selects those in effect."""
    return add_delegated_grants(person, repository.received_delegations(person.username, now), repository.person)


def people_with_delegations(repository: AccountRepository, now: datetime) -> list[Person]:
    """Loads all accounts, each with its delegated grants as in `person_with_delegations`."""
    people = {person.username: person for person in repository.people()}
    received: dict[str, list[Delegation]] = {username: [] for username in people}
    for each in repository.delegations(None):
        if each.is_valid(now):
            received[each.receiver].append(each)
    return [add_delegated_grants(person, received[person.username], people.get) for person in people.values()]


def make_delegation(
    repository: AccountRepository,
    person: Person,
    asked: NewDelegation,
    now: datetime,
    profile: SecurityProfile = STANDARD,
) -> Change[CreatedDelegation]:
    """Creates a delegation. Raises Forbidden, IdConflict, IdOwnerConflict, NotFound (to), InvalidInput."""
    wanted = Delegation(
        id=asked.id,
        giver=person.username,
        receiver=asked.to,
        role=Role(asked.role),
        scope=asked.scope,
        since=asked.since.astimezone(UTC),
        until=asked.until.astimezone(UTC),
        reason=asked.reason,
        made_at=now,
    )
    earlier = repository.delegation(asked.id)
    if earlier is not None and earlier.giver == person.username:
        return Change(_answer_repeated_request(earlier, asked))
    own = _giver_scopes(repository, wanted, now)
    if earlier is not None:
        raise IdOwnerConflict
    wanted = replace(wanted, reason=clean_texts(asked).reason)
    _check_delegation(repository, wanted, own, now, profile)
    return Change(CreatedDelegation(wanted, repeated=False), (wanted,))


def _answer_repeated_request(earlier: Delegation, asked: NewDelegation) -> CreatedDelegation:
    others = ["to"] if earlier.receiver != asked.to else []
    if fields := others + differing_fields(earlier, asked, ("role", "scope", "since", "until", "reason")):
        raise IdConflict(fields)
    return CreatedDelegation(earlier, repeated=True)


def _giver_scopes(repository: AccountRepository, wanted: Delegation, now: datetime) -> tuple[str, ...]:
    """Returns the scopes in which an administrator gave the giver this role, or raises Forbidden if there are none.

    A borrowed role does not count, so it cannot be lent on.
    """
    giver = repository.person(wanted.giver)
    own = (
        tuple(grant.scope for grant in giver.with_current_grants(now).grants if grant.role == wanted.role)
        if giver
        else ()
    )
    if not own:
        raise Forbidden("只能委托本人的角色，受托的角色不能转委托")
    return own


def _check_delegation(
    repository: AccountRepository, wanted: Delegation, own: tuple[str, ...], now: datetime, profile: SecurityProfile
) -> None:
    receiver = repository.person(wanted.receiver)
    if receiver is None or not receiver.active:
        raise NotFound("person", "to")
    unmet = {
        ("to", "不能委托给本人"): wanted.receiver == wanted.giver,
        ("scope", "超出本人的管辖范围"): bool(wanted.scope) and not wanted.scope.startswith(own),
        ("since", "开始时间不能早于现在"): wanted.since < now - START_TOLERANCE,
        ("until", "结束时间须晚于现在"): wanted.until <= now,
    }
    if errors := [error for error, holds in unmet.items() if holds]:
        raise InvalidInput(*errors)
    profile.check_roles((*receiver.grants, Grant(wanted.role, wanted.scope)), "to")


def revoke_delegation(
    repository: AccountRepository, person: Person, delegation_id: UUID, now: datetime
) -> Change[Delegation]:
    """Revokes a delegation; one that has ended stays unchanged.

    Raises NotFound if the person may not see it, Forbidden for its receiver.
    """
    found = repository.delegation(delegation_id)
    if found is None or not _may_see(repository, person, found):
        raise NotFound("delegation")
    if person.username != found.giver and not _oversees(repository, person, found):
        raise Forbidden
    if not found.is_valid(now):
        return Change(found)
    after = replace(found, revoked_at=now)
    return Change(after, changed=((found, after),))


def visible_delegations(repository: AccountRepository, person: Person) -> list[Delegation]:
    """Lists the delegations that the person gave or received, present and past, newest first.

    An administrator also sees those of the accounts they manage.
    """
    everybody = bool(scope(person, "delegation.oversee"))
    found = repository.delegations(None if everybody else person.username)
    return [each for each in found if _may_see(repository, person, each)]


def _may_see(repository: AccountRepository, person: Person, delegation: Delegation) -> bool:
    return person.username in {delegation.giver, delegation.receiver} or _oversees(repository, person, delegation)


def _oversees(repository: AccountRepository, person: Person, delegation: Delegation) -> bool:
    giver = repository.person(delegation.giver)
    return giver is not None and scope(person, "delegation.oversee").covers_person(giver)
