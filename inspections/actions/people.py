"""An administrator makes accounts and changes them, within their own scope."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

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
from inspections.people import ERASED, Grant, NewPerson, Person, PersonChange, Role, granted
from inspections.policy import Scope
from inspections.register import Change, Register
from inspections.second_factor import SecondFactor


class Added(NamedTuple):
    """`repeated`: the same account had been made before, and this is it."""

    person: Person
    repeated: bool


def add_person(register: Register, reach: Scope, asked: NewPerson, password: str) -> Change[Added]:
    """`reach`: whom the administrator may manage. `password`: the hash, and the kept one where nothing differs.

    Raises Forbidden, IdConflict, IdTaken, Invalid.
    """
    wanted = Person(asked.username, asked.name, granted(asked.grants), password, email=asked.email or None)
    _permit(reach, set(wanted.grants))
    earlier = register.account(asked.username)
    if earlier is not None:
        return Change(_again(reach, earlier, wanted))
    check_scopes(register, wanted.grants)
    return Change(Added(wanted, repeated=False), (wanted,))


def _again(reach: Scope, earlier: Person, wanted: Person) -> Added:
    if not reach.sees(earlier):
        raise IdTaken
    if fields := differing(earlier, wanted, ("name", "grants", "password", "email")):
        raise IdConflict(fields)
    return Added(earlier, repeated=True)


def seen_person(register: Register, reach: Scope, username: str) -> Person:
    """The account as it is kept. Raises Missing where it is not there and where it is not theirs to manage."""
    return _seen(reach, register.person(username))


def change_person(
    register: Register, reach: Scope, username: str, asked: PersonChange, password: str | None, now: datetime
) -> Change[Person]:
    """`password`: the hash of the one asked for, as with `add_person`.

    Raises Missing, Forbidden, PersonStale, Erased, LastAdministrator, Invalid. What is as asked already stays so.
    """
    administrators = register.administrators()  # first: two who remove each other wait here, in the same order
    before = _seen(reach, register.account(username))
    after = _changed(before, asked, password)
    _permit(reach, _touched(before, after))
    if after == before and asked.version in {before.version, before.version - 1}:
        return Change(before)
    if asked.version != before.version:
        raise PersonStale(asked.version, before.version)
    if not before.password:
        raise Erased
    check_scopes(register, after.grants if after.grants != before.grants else ())
    _check_administrators(administrators, before, after, now)
    after = replace(after, version=before.version + 1)
    factor = register.kept(SecondFactor, username) if asked.erase else None
    changed = ((before, after), *_signed_out(register, before, after, now))
    return Change(after, changed=changed, removed=(factor,) if factor else ())


def _seen(reach: Scope, person: Person | None) -> Person:
    if person is None or not reach.sees(person):
        raise Missing("person")
    return person


def _changed(before: Person, asked: PersonChange, password: str | None) -> Person:
    if asked.erase:
        return replace(before, name=ERASED, active=False, password="", email=None)
    return replace(
        before,
        name=before.name if asked.name is None else asked.name,
        grants=before.grants if asked.grants is None else granted(asked.grants),
        active=before.active if asked.active is None else asked.active,
        password=before.password if password is None else password,
        email=before.email if asked.email is None else asked.email or None,
    )


def _touched(before: Person, after: Person) -> set[Grant]:
    """The grants that a change is about: those that come and go, and all of them where it is about the account.

    Who sets a password could sign in with it: that takes the right to give whatever the account holds.
    """
    whole = replace(after, grants=before.grants) != before
    return set(before.grants) ^ set(after.grants) | (set(before.grants) if whole else set())


def _permit(reach: Scope, grants: set[Grant]) -> None:
    if not all(reach.covers_community(grant.scope) for grant in grants):
        raise Forbidden("超出您的管理范围")


def check_scopes(
    register: Register, grants: tuple[Grant, ...], field: Callable[[int], str] = "grants[{}].scope".format
) -> None:
    """A scope is the beginning of the code of a community that there is, or "" for all that there will be.

    Raises Invalid, which names each `field` by its place.
    """
    codes = [community.code for community in register.communities()]
    unknown = [
        (field(at), "没有以此开头的社区")
        for at, grant in enumerate(grants)
        if grant.scope and not any(code.startswith(grant.scope) for code in codes)
    ]
    if unknown:
        raise Invalid(*unknown)


def _check_administrators(administrators: list[Person], before: Person, after: Person, now: datetime) -> None:
    others = (each for each in administrators if each.username != before.username)
    if _administers(before, now) and not any(_administers(each, now) for each in (after, *others)):
        raise LastAdministrator


def _administers(person: Person, now: datetime) -> bool:
    """For good: who administers until some day leaves nobody behind."""
    return person.active and any(each.role is Role.ADMIN and each.until is None for each in person.at(now).grants)


def _signed_out(register: Register, before: Person, after: Person, now: datetime) -> tuple[tuple[Struct, Struct], ...]:
    """The sessions that end with this change: all of them, with a new password or without the account."""
    if after.active and after.password == before.password:
        return ()
    return tuple((each, replace(each, revoked_at=now)) for each in register.open_sessions(before.username))
