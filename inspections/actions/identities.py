"""A name elsewhere is linked by the account's owner, who is signed in; it goes by them, or with the account."""

from datetime import datetime

from inspections.errors import Forbidden, IdentityTaken, NotLinked
from inspections.identities import Identity
from inspections.people import Person
from inspections.register import Change, Register


def link_identity(register: Register, person: Person, provider: str, subject: str, now: datetime) -> Change[Identity]:
    """In place of one of the same provider. Raises IdentityTaken; Forbidden for the demo office's accounts."""
    if person.demo:
        raise Forbidden("演示账号不能绑定外部账号")
    if register.account(person.username) is None:  # two of the same account wait here for each other
        raise Forbidden("程序密钥不能绑定外部账号")
    found = register.kept(Identity, provider, subject)
    if found is not None:
        if found.username != person.username:
            raise IdentityTaken
        return Change(found)
    before = tuple(each for each in register.identities(person.username) if each.provider == provider)
    made = Identity(provider, subject, person.username, now)
    return Change(made, (made,), removed=before)


def unlink_identity(register: Register, person: Person, provider: str) -> Change[None]:
    """None stays none."""
    register.account(person.username)
    found = [each for each in register.identities(person.username) if each.provider == provider]
    return Change(None, removed=tuple(found))


def linked_person(register: Register, provider: str, subject: str) -> Person:
    """Raises NotLinked, also where the account is not used any more."""
    found = register.kept(Identity, provider, subject)
    person = register.person(found.username) if found else None
    if person is None or not person.active:
        raise NotLinked
    return person
