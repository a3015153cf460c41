"""Actions of an administrator on accounts: create and change them, within the administrator's scope."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.actions.delegations import person_with_delegations
from inspections.accounts.actions.revocation import EndedAccess, end_access, erase_access
from inspections.accounts.people import ERASED, Grant, NewPerson, Person, PersonChange, build_grants
from inspections.accounts.policy import Scope, scope
from inspections.accounts.repository import AccountRepository
from inspections.accounts.second_factor import SecondFactor
from inspections.accounts.security_profile import STANDARD, SecurityProfile
from inspections.change import Change
from inspections.errors import (
    ErasedPerson,
    Forbidden,
    IdConflict,
    IdOwnerConflict,
    InvalidInput,
    LastAdministrator,
    NotFound,
    PersonVersionConflict,
)
from inspections.request_texts import clean_texts, differing_fields


class CreatedPerson(NamedTuple):
    """The created account. `repeated`: the same request had created it before."""

    person: Person
    repeated: bool


class AdminScopes(NamedTuple):
    """The scopes of an administrator: accounts to see, accounts to create and change, rights to grant.

    `confirmed`: an administrator of another kind has confirmed the change (admin_requests.py).
    """

    visible: Scope
    account: Scope
    rights: Scope
    confirmed: bool = False

    def confirm(self) -> "AdminScopes":
        return self._replace(confirmed=True)


def admin_scopes(person: Person) -> AdminScopes:
    visible, account, rights = (scope(person, f"{each}.manage") for each in ("people", "account", "rights"))
    return AdminScopes(visible, account, rights)


def add_person(
    repository: AccountRepository, by: AdminScopes, asked: NewPerson, password: str, profile: SecurityProfile = STANDARD
) -> Change[CreatedPerson]:
    """Creates an account. `password` is a hash: the stored one if the request repeats an earlier one.

    Raises Forbidden, IdConflict, IdOwnerConflict, InvalidInput.
    """
    wanted = _requested_person(asked, password)
    earlier = _match_existing_account(by, wanted, repository.lock_person(asked.username))
    if earlier is not None:
        if earlier.password != password:
            raise IdConflict(())
        return Change(CreatedPerson(earlier, repeated=True))
    clean_texts(asked)
    profile.check_roles(wanted.grants)
    check_scopes(repository, wanted.grants)
    _check_confirmation(by, profile, replace(wanted, grants=()), wanted)
    return Change(CreatedPerson(wanted, repeated=False), (wanted,))


def find_existing_account(repository: AccountRepository, by: AdminScopes, asked: NewPerson) -> Person | None:
    """Finds the account that an earlier, equal request may have created, so that the two passwords can be compared.

    Returns None if there is none. Raises what `add_person` raises without comparing passwords.
    """
    return _match_existing_account(by, _requested_person(asked, ""), repository.person(asked.username))


def _requested_person(asked: NewPerson, password: str) -> Person:
    return Person(asked.username, asked.name, build_grants(asked.grants), password, email=asked.email or None)


def _match_existing_account(by: AdminScopes, wanted: Person, earlier: Person | None) -> Person | None:
    """Checks permission, then compares an existing account with the request. Returns the account or None.

    The password is never reported as a difference, so that nobody can guess passwords this way.
    """
    if wanted.grants:
        _require_scope(by.rights, set(wanted.grants))
    if earlier is None:
        return None
    if not by.visible.covers_person(earlier):
        raise IdOwnerConflict
    if fields := differing_fields(earlier, wanted, ("name", "grants", "email")):
        raise IdConflict(fields)
    return earlier


def find_changeable_account(
    repository: AccountRepository, by: AdminScopes, username: str, asked: PersonChange
) -> Person:
    """Finds an account and checks that the requested change is permitted. Raises NotFound, Forbidden."""
    before = _require_managed_person(by.visible, repository.person(username))
    _check_change_permission(
        by, before, _apply_change(before, asked, None if asked.password is None else _CHANGED_HASH)
    )
    return before


_CHANGED_HASH = "new"
"""Placeholder for the hash of a password that differs from the current one."""


def find_managed_person(repository: AccountRepository, reach: Scope, username: str) -> Person:
    """Finds an account within an administrator's scope. Raises NotFound if it does not exist or lies outside."""
    return _require_managed_person(reach, repository.person(username))


def change_person(
    repository: AccountRepository,
    by: AdminScopes,
    username: str,
    asked: PersonChange,
    password: str | None,
    now: datetime,
    profile: SecurityProfile = STANDARD,
) -> Change[Person]:
    """Changes an account; does nothing if it already is as requested. `password` is a hash, as in `add_person`.

    Raises NotFound, Forbidden, PersonVersionConflict, ErasedPerson, LastAdministrator, InvalidInput.
    """
    administrators = (
        repository.lock_administrators()
    )  # locked first: two administrators who remove each other wait here
    before = _require_managed_person(by.visible, repository.lock_person(username))
    after = _apply_change(before, asked, password)
    _check_change_permission(by, before, after)
    if after == before and asked.version in {before.version, before.version - 1}:
        return Change(before)
    if asked.version != before.version:
        raise PersonVersionConflict(asked.version, before.version)
    if not before.password:
        raise ErasedPerson
    clean_texts(asked, stored=(before.name,))
    if after.grants != before.grants:
        profile.check_roles(person_with_delegations(repository, after, now).grants)
        check_scopes(repository, after.grants)
    _check_last_administrator(administrators, before, after, now)
    _check_confirmation(by, profile, before, after)
    after = replace(after, version=before.version + 1)
    ended = _ended_access(repository, before, after, now)
    factor = repository.get(SecondFactor, username) if asked.erase else None
    open_requests = [each for each in repository.admin_requests() if each.username == username] if asked.erase else []
    removed: tuple[Struct, ...] = (*ended.removals, *((factor,) if factor else ()), *open_requests)
    lent = [each for each in repository.delegations(username) if each.giver == username] if asked.erase else []
    blanked = ((each, replace(each, reason=ERASED)) for each in lent)
    return Change(after, changed=((before, after), *ended.sessions, *blanked), removed=removed)


def change_needs_confirmation(
    before: Person, asked: PersonChange, password: str | None, profile: SecurityProfile
) -> bool:
    """Tells whether an administrator of another kind must confirm a change. `password`: a hash, as in `add_person`."""
    return profile.needs_confirmation(before, _apply_change(before, asked, password))


def _check_confirmation(by: AdminScopes, profile: SecurityProfile, before: Person, after: Person) -> None:
    if profile.needs_confirmation(before, after) and not by.confirmed:
        raise Forbidden("须由另一类管理员确认")


def _require_managed_person(reach: Scope, person: Person | None) -> Person:
    if person is None or not reach.covers_person(person):
        raise NotFound("person")
    return person


def _apply_change(before: Person, asked: PersonChange, password: str | None) -> Person:
    if asked.erase:
        return replace(before, name=ERASED, active=False, password="", password_at=None, email=None)
    return replace(
        before,
        name=before.name if asked.name is None else asked.name,
        grants=before.grants if asked.grants is None else build_grants(asked.grants),
        active=before.active if asked.active is None else asked.active,
        password=before.password if password is None else password,
        password_at=before.password_at if password in {None, before.password} else None,
        email=before.email if asked.email is None else asked.email or None,
    )


def _check_change_permission(by: AdminScopes, before: Person, after: Person) -> None:
    """Checks a change: rights by the added and removed grants, account fields and password by all grants.

    Setting a password requires the right to grant everything the account has, because the password gives access to it.
    Raises Forbidden.
    """
    rights, whole = set(before.grants) ^ set(after.grants), set(before.grants)
    if sets_password := after.password not in {before.password, ""}:
        rights |= whole
    if rights or sets_password:
        _require_scope(by.rights, rights)
    if any(getattr(before, field) != getattr(after, field) for field in ("name", "email", "active")):
        _require_scope(by.account, whole)


def _require_scope(reach: Scope, grants: set[Grant]) -> None:
    if not reach or not all(reach.covers_community(grant.scope) for grant in grants):
        raise Forbidden("超出您的管理范围")


def check_scopes(
    repository: AccountRepository, grants: tuple[Grant, ...], field: Callable[[int], str] = "grants[{}].scope".format
) -> None:
    """Checks that each scope is "" (all communities) or a prefix of an existing community's code.

    Raises InvalidInput; `field` makes the name of a field from its index.
    """
    codes = [community.code for community in repository.communities()]
    unknown = [
        (field(at), "没有以此开头的社区")
        for at, grant in enumerate(grants)
        if grant.scope and not any(code.startswith(grant.scope) for code in codes)
    ]
    if unknown:
        raise InvalidInput(*unknown)


def _check_last_administrator(administrators: list[Person], before: Person, after: Person, now: datetime) -> None:
    """Raises LastAdministrator if nobody would be left to manage accounts, manage rights or read the security log."""
    others = [each for each in administrators if each.username != before.username]
    for action in ("account.manage", "rights.manage", "security.see"):
        if _has_permanent_grant(before, action, now) and not any(
            _has_permanent_grant(each, action, now) for each in (after, *others)
        ):
            raise LastAdministrator


def _has_permanent_grant(person: Person, action: str, now: datetime) -> bool:
    """Tells whether an active person may do an action without time limit; grants that expire do not count."""
    lasting = tuple(grant for grant in person.with_current_grants(now).grants if grant.until is None)
    return person.active and bool(scope(replace(person, grants=lasting), action))


def _ended_access(repository: AccountRepository, before: Person, after: Person, now: datetime) -> EndedAccess:
    """Returns the access that ends with this change: all of it after a new password, deactivation or erasure."""
    if not after.password:
        return erase_access(repository, before.username, now)
    if after.active and after.password == before.password:
        return EndedAccess()
    return end_access(repository, before.username, now)
