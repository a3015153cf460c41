"""Actions of an administrator on accounts: create and change them, within the administrator's scope."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.actions.revocation import Ended, end_access, erase_access
from inspections.accounts.people import ERASED, Grant, NewPerson, Person, PersonChange, granted
from inspections.accounts.policy import Scope, scope
from inspections.accounts.repository import AccountRepository
from inspections.accounts.second_factor import SecondFactor
from inspections.accounts.security_profile import STANDARD, Profile
from inspections.change import Change
from inspections.errors import (
    Erased,
    Forbidden,
    IdConflict,
    IdTaken,
    Invalid,
    LastAdministrator,
    Missing,
    PersonStale,
    differing,
)


class Added(NamedTuple):
    """The created account. `repeated`: the same request had created it before."""

    person: Person
    repeated: bool


class Powers(NamedTuple):
    """The scopes of an administrator: accounts to see, accounts to create and change, rights to grant."""

    seeing: Scope
    account: Scope
    rights: Scope


def powers(person: Person) -> Powers:
    return Powers(*(scope(person, action) for action in ("people.manage", "account.manage", "rights.manage")))


def add_person(
    repository: AccountRepository, by: Powers, asked: NewPerson, password: str, profile: Profile = STANDARD
) -> Change[Added]:
    """Creates an account. `password` is a hash: the stored one if the request repeats an earlier one.

    Raises Forbidden, IdConflict, IdTaken, Invalid.
    """
    wanted = _wanted(asked, password)
    earlier = _earlier(by, wanted, repository.account(asked.username))
    if earlier is not None:
        if earlier.password != password:
            raise IdConflict(())
        return Change(Added(earlier, repeated=True))
    profile.check_roles(wanted.grants)
    check_scopes(repository, wanted.grants)
    return Change(Added(wanted, repeated=False), (wanted,))


def account_made_before(repository: AccountRepository, by: Powers, asked: NewPerson) -> Person | None:
    """Finds the account that an earlier, equal request may have created, so that the two passwords can be compared.

    Returns None if there is none. Raises what `add_person` raises without comparing passwords.
    """
    return _earlier(by, _wanted(asked, ""), repository.person(asked.username))


def _wanted(asked: NewPerson, password: str) -> Person:
    return Person(asked.username, asked.name, granted(asked.grants), password, email=asked.email or None)


def _earlier(by: Powers, wanted: Person, earlier: Person | None) -> Person | None:
    """Checks permission, then compares an existing account with the request. Returns the account or None.

    The password is never reported as a difference, so that nobody can guess passwords this way.
    """
    if wanted.grants:
        _permit(by.rights, set(wanted.grants))
    if earlier is None:
        return None
    if not by.seeing.sees(earlier):
        raise IdTaken
    if fields := differing(earlier, wanted, ("name", "grants", "email")):
        raise IdConflict(fields)
    return earlier


def account_to_change(repository: AccountRepository, by: Powers, username: str, asked: PersonChange) -> Person:
    """Finds an account and checks that the requested change is permitted. Raises Missing, Forbidden."""
    before = _seen(by.seeing, repository.person(username))
    _check_powers(by, before, _changed(before, asked, None if asked.password is None else _NEW))
    return before


_NEW = "new"
"""Placeholder for the hash of a password that differs from the current one."""


def seen_person(repository: AccountRepository, reach: Scope, username: str) -> Person:
    """Finds an account within an administrator's scope. Raises Missing if it does not exist or lies outside."""
    return _seen(reach, repository.person(username))


def change_person(
    repository: AccountRepository,
    by: Powers,
    username: str,
    asked: PersonChange,
    password: str | None,
    now: datetime,
    profile: Profile = STANDARD,
) -> Change[Person]:
    """Changes an account; does nothing if it already is as requested. `password` is a hash, as in `add_person`.

    Raises Missing, Forbidden, PersonStale, Erased, LastAdministrator, Invalid.
    """
    administrators = repository.administrators()  # locked first: two administrators who remove each other wait here
    before = _seen(by.seeing, repository.account(username))
    after = _changed(before, asked, password)
    _check_powers(by, before, after)
    if after == before and asked.version in {before.version, before.version - 1}:
        return Change(before)
    if asked.version != before.version:
        raise PersonStale(asked.version, before.version)
    if not before.password:
        raise Erased
    if after.grants != before.grants:
        profile.check_roles(after.grants)
        check_scopes(repository, after.grants)
    _check_administrators(administrators, before, after, now)
    after = replace(after, version=before.version + 1)
    ended = _access_to_end(repository, before, after, now)
    factor = repository.kept(SecondFactor, username) if asked.erase else None
    removed: tuple[Struct, ...] = (*ended.identities, *((factor,) if factor else ()))
    return Change(after, changed=((before, after), *ended.sessions), removed=removed)


def _seen(reach: Scope, person: Person | None) -> Person:
    if person is None or not reach.sees(person):
        raise Missing("person")
    return person


def _changed(before: Person, asked: PersonChange, password: str | None) -> Person:
    if asked.erase:
        return replace(before, name=ERASED, active=False, password="", password_at=None, email=None)
    return replace(
        before,
        name=before.name if asked.name is None else asked.name,
        grants=before.grants if asked.grants is None else granted(asked.grants),
        active=before.active if asked.active is None else asked.active,
        password=before.password if password is None else password,
        password_at=before.password_at if password in {None, before.password} else None,
        email=before.email if asked.email is None else asked.email or None,
    )


def _check_powers(by: Powers, before: Person, after: Person) -> None:
    """Checks a change: rights by the added and removed grants, account fields and password by all grants.

    Setting a password requires the right to grant everything the account has, because the password gives access to it.
    Raises Forbidden.
    """
    rights, whole = set(before.grants) ^ set(after.grants), set(before.grants)
    if sets_password := after.password not in {before.password, ""}:
        rights |= whole
    if rights or sets_password:
        _permit(by.rights, rights)
    if any(getattr(before, field) != getattr(after, field) for field in ("name", "email", "active")):
        _permit(by.account, whole)


def _permit(reach: Scope, grants: set[Grant]) -> None:
    if not reach or not all(reach.covers_community(grant.scope) for grant in grants):
        raise Forbidden("超出您的管理范围")


def check_scopes(
    repository: AccountRepository, grants: tuple[Grant, ...], field: Callable[[int], str] = "grants[{}].scope".format
) -> None:
    """Checks that each scope is "" (all communities) or a prefix of an existing community's code.

    Raises Invalid; `field` makes the name of a field from its index.
    """
    codes = [community.code for community in repository.communities()]
    unknown = [
        (field(at), "没有以此开头的社区")
        for at, grant in enumerate(grants)
        if grant.scope and not any(code.startswith(grant.scope) for code in codes)
    ]
    if unknown:
        raise Invalid(*unknown)


def _check_administrators(administrators: list[Person], before: Person, after: Person, now: datetime) -> None:
    """Raises LastAdministrator if nobody would be left to manage accounts, manage rights or read the security log."""
    others = [each for each in administrators if each.username != before.username]
    for action in ("account.manage", "rights.manage", "security.see"):
        if _may(before, action, now) and not any(_may(each, action, now) for each in (after, *others)):
            raise LastAdministrator


def _may(person: Person, action: str, now: datetime) -> bool:
    """Tells whether an active person may do an action without time limit; grants that expire do not count."""
    lasting = tuple(grant for grant in person.at(now).grants if grant.until is None)
    return person.active and bool(scope(replace(person, grants=lasting), action))


def _access_to_end(repository: AccountRepository, before: Person, after: Person, now: datetime) -> Ended:
    """Returns the access that ends with this change: all of it after a new password, deactivation or erasure."""
    if not after.password:
        return erase_access(repository, before.username, now)
    if after.active and after.password == before.password:
        return Ended()
    return end_access(repository, before.username, now)
