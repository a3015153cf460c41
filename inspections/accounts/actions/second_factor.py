"""Actions on second factors: enroll, confirm by a first code, and remove, by the owner or by an administrator."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from inspections.accounts.actions.people import seen_person
from inspections.accounts.actions.revocation import end_access
from inspections.accounts.people import Person
from inspections.accounts.policy import Scope
from inspections.accounts.repository import AccountRepository
from inspections.accounts.second_factor import SecondFactor, Shown, used
from inspections.change import Change
from inspections.errors import Enrolled, Forbidden, Invalid, Missing, SignInFailed


def begin_factor(repository: AccountRepository, person: Person, secret: str, now: datetime) -> Change[SecondFactor]:
    """Starts enrollment; replaces an unconfirmed one. Raises Enrolled, Forbidden for the demo office's accounts."""
    if person.demo:
        raise Forbidden("演示账号不能启用动态验证码")
    before = repository.kept(SecondFactor, person.username)
    if before and before.confirmed_at:
        raise Enrolled
    made = SecondFactor(person.username, secret, now)
    return Change(made, changed=((before, made),)) if before else Change(made, (made,))


def confirm_factor(
    repository: AccountRepository, username: str, shown: Shown, recovery: Sequence[str], now: datetime
) -> Change[SecondFactor]:
    """Confirms a second factor by its first code. `recovery`: digests of the new recovery codes.

    Raises Missing if no enrollment was started, Enrolled, Invalid for a wrong code.
    """
    before = repository.kept(SecondFactor, username)
    if before is None:
        raise Missing("totp")
    if before.confirmed_at:
        raise Enrolled
    if shown.step is None:
        raise Invalid(("code", "验证码不正确，请检查手机时间"))
    after = replace(before, confirmed_at=now, last_step=shown.step, recovery=tuple(recovery))
    return Change(after, changed=((before, after),))


def remove_factor(repository: AccountRepository, username: str, shown: Shown) -> Change[None]:
    """Removes the second factor of an owner who has entered a valid code. Raises Missing, Invalid."""
    factor = repository.kept(SecondFactor, username)
    if factor is None or not factor.confirmed_at:
        raise Missing("totp")
    try:
        used(factor, shown)
    except SignInFailed as refusal:
        raise Invalid(("code", refusal.detail)) from None
    return Change(None, removed=(factor,))


def take_factor(repository: AccountRepository, reach: Scope, username: str, now: datetime) -> Change[None]:
    """Removes a person's second factor, by an administrator, after phone and recovery codes were lost.

    Sessions and linked identities end too, since somebody else may have the phone. Raises Missing, Forbidden.
    """
    person = seen_person(repository, reach, username)
    if not all(reach.covers_community(grant.scope) for grant in person.grants):
        raise Forbidden("超出您的管理范围")
    repository.account(username)
    factor = repository.kept(SecondFactor, username)
    if factor is None:
        return Change(None)
    ended = end_access(repository, username, now)
    return Change(None, changed=ended.sessions, removed=(factor, *ended.identities))
