"""A name elsewhere is linked by the account's owner, who shows once more who they are; it goes by them, by an
administrator, or with whatever ends the account's sessions (revocation.py).
"""

from typing import NamedTuple

from inspections.accounts.actions.people import seen_person
from inspections.accounts.actions.sign_in import behind_access
from inspections.accounts.external_identities import Identity
from inspections.accounts.people import Person
from inspections.accounts.policy import Scope
from inspections.accounts.repository import AccountRepository
from inspections.accounts.second_factor import SecondFactor, Shown, used
from inspections.change import Change
from inspections.errors import (
    ConfirmNeeded,
    Forbidden,
    IdentityTaken,
    Invalid,
    NotLinked,
    SignInFailed,
    Unauthenticated,
)


class Proof(NamedTuple):
    """What a signed-in owner has just shown: an access token, by its digest, and more than that.

    `password`: the hash for which their password was good; `code`: what they typed of the second factor.
    """

    token: str
    password: str | None = None
    code: Shown | None = None


class Linked(NamedTuple):
    """Whom an identity lets in."""

    person: Person
    identity: Identity


def link_identity(repository: AccountRepository, wanted: Identity, proof: Proof) -> Change[Identity]:
    """In place of one of the same provider.

    Raises Forbidden for programs and for the demo office's accounts, IdentityTaken; Unauthenticated where the token has
    ended meanwhile, ConfirmNeeded where what was shown is not good any more, Invalid for a code that was used.
    """
    owner = repository.account(wanted.username)  # a reset of the same account waits here, and so does another link
    if owner is None:
        raise Forbidden("程序密钥不能绑定外部账号")
    if owner.demo:
        raise Forbidden("演示账号不能绑定外部账号")
    if behind_access(repository, proof.token, wanted.linked_at) is None:
        raise Unauthenticated
    shown = _use_proof(repository, owner, proof)
    found = repository.kept(Identity, wanted.provider, wanted.subject)
    if found is not None:
        if found.username != owner.username:
            raise IdentityTaken
        return Change(found, changed=shown)
    before = tuple(each for each in repository.identities(owner.username) if each.provider == wanted.provider)
    return Change(wanted, (wanted,), shown, before)


def _use_proof(
    repository: AccountRepository, owner: Person, proof: Proof
) -> tuple[tuple[SecondFactor, SecondFactor], ...]:
    """The second factor as it changes by being shown."""
    if proof.password is None and proof.code is None:
        raise ConfirmNeeded
    if proof.password not in {None, owner.password}:
        raise ConfirmNeeded
    if proof.code is None:
        return ()
    factor = repository.kept(SecondFactor, owner.username)
    if factor is None or not factor.confirmed_at:
        raise ConfirmNeeded
    try:
        return ((factor, used(factor, proof.code)),)
    except SignInFailed as refusal:
        raise Invalid(("totp", refusal.detail)) from None


def unlink_identity(repository: AccountRepository, username: str, provider: str) -> Change[None]:
    """None stays none."""
    repository.account(username)
    found = [each for each in repository.identities(username) if each.provider == provider]
    return Change(None, removed=tuple(found))


def take_identity(repository: AccountRepository, reach: Scope, username: str, provider: str) -> Change[None]:
    """By an administrator; none stays none. Raises Missing."""
    seen_person(repository, reach, username)
    return unlink_identity(repository, username, provider)


def linked_account(repository: AccountRepository, provider: str, subject: str) -> Linked:
    """Raises NotLinked, also where the account is not used any more."""
    found = repository.kept(Identity, provider, subject)
    person = repository.person(found.username) if found else None
    if found is None or person is None or not person.active:
        raise NotLinked
    return Linked(person, found)
