"""Actions on external identities: the owner of an account links one after confirming who they are.

The owner or an administrator unlinks it, and it ends with every reset that ends the account's sessions (revocation.py).
"""

from datetime import datetime
from typing import NamedTuple

from inspections.accounts.actions.people import find_managed_person
from inspections.accounts.actions.sign_in import find_valid_session
from inspections.accounts.external_identities import (
    EXCHANGED_CODE_LIFETIME,
    MAX_EXCHANGED_CODES,
    ExchangedCode,
    ExternalIdentity,
)
from inspections.accounts.people import Person
from inspections.accounts.policy import Scope
from inspections.accounts.repository import AccountRepository
from inspections.accounts.second_factor import SecondFactor, SubmittedCode, consume_code
from inspections.change import Change
from inspections.errors import (
    Forbidden,
    IdentityConflict,
    InvalidCredentials,
    InvalidInput,
    MissingConfirmation,
    Unauthenticated,
    UnlinkedIdentity,
)


class Reauthentication(NamedTuple):
    """Proof that a signed-in person has confirmed who they are; `token` is the digest of their access token.

    `password`: the stored hash that their password matched; `code`: the second factor's code that they entered.
    """

    token: str
    password: str | None = None
    code: SubmittedCode | None = None


class LinkedAccount(NamedTuple):
    """The account that an external identity is linked to."""

    person: Person
    identity: ExternalIdentity


def link_identity(
    repository: AccountRepository, wanted: ExternalIdentity, proof: Reauthentication
) -> Change[ExternalIdentity]:
    """Links an external identity to an account; it replaces one of the same provider.

    Raises Forbidden for programs and for the demo office's accounts, IdentityConflict, Unauthenticated if the token has
    ended meanwhile, MissingConfirmation if the proof is missing or outdated, InvalidInput for a code that was already
    used.
    """
    owner = repository.lock_person(wanted.username)  # resets and other links of the same account wait for this lock
    if owner is None:
        raise Forbidden("程序密钥不能绑定外部账号")
    if owner.demo:
        raise Forbidden("演示账号不能绑定外部账号")
    if find_valid_session(repository, proof.token, wanted.linked_at) is None:
        raise Unauthenticated
    shown = _check_reauthentication(repository, owner, proof)
    found = repository.get(ExternalIdentity, wanted.provider, wanted.subject)
    if found is not None:
        if found.username != owner.username:
            raise IdentityConflict
        return Change(found, changed=shown)
    before = tuple(each for each in repository.identities(owner.username) if each.provider == wanted.provider)
    return Change(wanted, (wanted,), shown, before)


def _check_reauthentication(
    repository: AccountRepository, owner: Person, proof: Reauthentication
) -> tuple[tuple[SecondFactor, SecondFactor], ...]:
    """Checks the proof. Returns the second factor before and after its code is consumed, if a code was given."""
    if proof.password is None and proof.code is None:
        raise MissingConfirmation
    if proof.password not in {None, owner.password}:
        raise MissingConfirmation
    if proof.code is None:
        return ()
    factor = repository.get(SecondFactor, owner.username)
    if factor is None or not factor.confirmed_at:
        raise MissingConfirmation
    try:
        return ((factor, consume_code(factor, proof.code)),)
    except InvalidCredentials as refusal:
        raise InvalidInput(("totp", refusal.detail)) from None


def unlink_identity(repository: AccountRepository, username: str, provider: str) -> Change[None]:
    """Unlinks the account's identity at a provider; does nothing if there is none."""
    repository.lock_person(username)
    found = [each for each in repository.identities(username) if each.provider == provider]
    return Change(None, removed=tuple(found))


def unlink_identity_as_admin(repository: AccountRepository, reach: Scope, username: str, provider: str) -> Change[None]:
    """Unlinks the identity of an account that an administrator manages. Raises NotFound if they do not manage it."""
    find_managed_person(repository, reach, username)
    return unlink_identity(repository, username, provider)


def find_linked_account(repository: AccountRepository, provider: str, subject: str) -> LinkedAccount:
    """Finds the account linked to an external identity. Raises UnlinkedIdentity, also if the account is inactive."""
    found = repository.get(ExternalIdentity, provider, subject)
    person = repository.person(found.username) if found else None
    if found is None or person is None or not person.active:
        raise UnlinkedIdentity
    return LinkedAccount(person, found)


def keep_exchanged_code(repository: AccountRepository, exchanged: ExchangedCode) -> Change[None]:
    """Keeps an exchanged code, in place of an earlier one of the same identity."""
    earlier = repository.get(ExchangedCode, exchanged.provider, exchanged.subject)
    if earlier is not None:
        return Change(None, changed=((earlier, exchanged),))
    return Change(None, (exchanged,), removed=tuple(repository.oldest_exchanged_codes(MAX_EXCHANGED_CODES - 1)))


def take_exchanged_code(repository: AccountRepository, digest: str, now: datetime) -> Change[ExchangedCode | None]:
    """Takes an exchanged code out by its digest, so that no other request can use it; None if there is none."""
    found = repository.lock_exchanged_code(digest)
    if found is None:
        return Change(None)
    return Change(found if found.is_valid(now) else None, removed=(found,))


def delete_expired_codes(repository: AccountRepository, now: datetime, limit: int) -> Change[int]:
    """Deletes at most `limit` exchanged codes that have expired. Returns how many were deleted."""
    over = repository.old_exchanged_codes(now - EXCHANGED_CODE_LIFETIME, limit)
    return Change(len(over), removed=tuple(over))
