"""Actions on second factors: enroll, confirm by a first code, and remove, by the owner or by an administrator."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from inspections.accounts.actions.people import AdminScopes, find_managed_person
from inspections.accounts.actions.revocation import end_access
from inspections.accounts.people import Person
from inspections.accounts.repository import AccountRepository
from inspections.accounts.second_factor import SecondFactor, SubmittedCode, consume_code
from inspections.accounts.security_profile import STANDARD, SecurityProfile
from inspections.change import Change
from inspections.errors import ExistingSecondFactor, Forbidden, InvalidCredentials, InvalidInput, NotFound


def begin_factor_enrollment(
    repository: AccountRepository, person: Person, secret: str, now: datetime
) -> Change[SecondFactor]:
    """Starts enrollment; replaces an unconfirmed one.

    Raises ExistingSecondFactor, Forbidden for the demo office's accounts.
    """
    if person.demo:
        raise Forbidden("演示账号不能启用动态验证码")
    before = repository.get(SecondFactor, person.username)
    if before and before.confirmed_at:
        raise ExistingSecondFactor
    made = SecondFactor(person.username, secret, now)
    return Change(made, changed=((before, made),)) if before else Change(made, (made,))


def confirm_factor(
    repository: AccountRepository, username: str, shown: SubmittedCode, recovery: Sequence[str], now: datetime
) -> Change[SecondFactor]:
    """Confirms a second factor by its first code. `recovery`: digests of the new recovery codes.

    Raises NotFound if no enrollment was started, ExistingSecondFactor, InvalidInput for a wrong code.
    """
    before = repository.get(SecondFactor, username)
    if before is None:
        raise NotFound("totp")
    if before.confirmed_at:
        raise ExistingSecondFactor
    if shown.step is None:
        raise InvalidInput(("code", "验证码不正确，请检查手机时间"))
    after = replace(before, confirmed_at=now, last_step=shown.step, recovery=tuple(recovery))
    return Change(after, changed=((before, after),))


def remove_factor(repository: AccountRepository, username: str, shown: SubmittedCode) -> Change[None]:
    """Removes the second factor of an owner who has entered a valid code. Raises NotFound, InvalidInput."""
    factor = repository.get(SecondFactor, username)
    if factor is None or not factor.confirmed_at:
        raise NotFound("totp")
    try:
        consume_code(factor, shown)
    except InvalidCredentials as refusal:
        raise InvalidInput(("code", refusal.detail)) from None
    return Change(None, removed=(factor,))


def reset_factor(
    repository: AccountRepository,
    by: AdminScopes,
    username: str,
    now: datetime,
    profile: SecurityProfile = STANDARD,
) -> Change[None]:
    """Removes a person's second factor, by an administrator, after phone and recovery codes were lost.

    Sessions and linked identities end too, since somebody else may have the phone. Raises NotFound, Forbidden.
    """
    person = find_managed_person(repository, by.rights, username)
    if not all(by.rights.covers_community(grant.scope) for grant in person.grants):
        raise Forbidden("超出您的管理范围")
    if profile.protects_factor(person) and not by.confirmed:
        raise Forbidden("须由另一类管理员确认")
    repository.lock_person(username)
    factor = repository.get(SecondFactor, username)
    if factor is None:
        return Change(None)
    ended = end_access(repository, username, now)
    return Change(None, changed=ended.sessions, removed=(factor, *ended.removals))
