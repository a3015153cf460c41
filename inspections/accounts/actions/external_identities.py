"""Actions on external identities: the owner of an account links one after confirming who they are.

The owner or an administrator unlinks it, and it ends with every reset that ends the account's sessions (revocation.py).
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
    """Proof that a signed-in person has confirmed who they are; `token` is the digest of their access token.

    `password`: the stored hash that their password matched; `code`: the second factor's code that they entered.
    """

    token: str
    password: str | None = None
    code: Shown | None = None


class Linked(NamedTuple):
    """The account that an external identity is linked to."""

    person: Person
    identity: Identity


def link_identity(repository: AccountRepository, wanted: Identity, proof: Proof) -> Change[Identity]:
    """Links an external identity to an account; it replaces one of the same provider.

    Raises Forbidden for programs and for the demo office's accounts, IdentityTaken, Unauthenticated if the token has
    ended meanwhile, ConfirmNeeded if the proof is missing or outdated, Invalid for a code that was already used.
    """
    owner = repository.account(wanted.username)  # resets and other links of the same account wait for this lock
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
    """Checks the proof. Returns the second factor before and after its code is consumed, if a code was given."""
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
    """Unlinks the account's identity at a provider; does nothing if there is none."""
    repository.account(username)
    found = [each for each in repository.identities(username) if each.provider == provider]
    return Change(None, removed=tuple(found))


def take_identity(repository: AccountRepository, reach: Scope, username: str, provider: str) -> Change[None]:
    """Unlinks the identity of an account that an administrator manages. Raises Missing if they do not manage it."""
    seen_person(repository, reach, username)
    return unlink_identity(repository, username, provider)


def linked_account(repository: AccountRepository, provider: str, subject: str) -> Linked:
    """Finds the account linked to an external identity. Raises NotLinked, also if the account is inactive."""
    found = repository.kept(Identity, provider, subject)
    person = repository.person(found.username) if found else None
    if found is None or person is None or not person.active:
        raise NotLinked
    return Linked(person, found)
