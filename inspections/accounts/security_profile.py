"""Security profiles of an office: the standard requirements for sign-in, and the strict ones for 等保.

The strict profile follows GB/T 22239-2019 (等保 2.0, level 3): 8.1.4.1 (complex passwords that expire, lockout after
failures, idle timeout, two factors) and 8.1.5.1 to 8.1.5.3 (three administrators who check each other).
"""

import string
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from inspections.accounts.people import Grant, Person, Role
from inspections.accounts.second_factor import SecondFactor
from inspections.accounts.sessions import IDLE_LIFETIME
from inspections.accounts.throttling import ACCOUNT_BACKOFF, LOCKOUT_BACKOFF, Backoff
from inspections.errors import ExpiredPassword, InvalidInput, MissingSecondFactor, Refusal

ADMINISTRATORS = (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN)
"""The three separate administrators (三员). The role `admin` combines all three."""
_ADMINISTRATION = {*ADMINISTRATORS, Role.ADMIN}


class SecurityProfile(Struct, frozen=True):
    """Requirements for sign-in. `backoff`: after wrong passwords of an account. `page_idle`: idle timeout in a browser.

    `password_lasts`: maximum age of a password; one set by an administrator must be changed at once.
    `password_kinds`: how many of capitals, small letters, digits and signs it needs. `needs_factor`: roles that need a
    second factor. `single_session`: roles whose new session ends earlier ones. `separate_admins`: forbids the role
    `admin` and business roles of administrators, who confirm each other's access. `masks`: hides parts of a responsible
    party's name and number from roles that do not deal with it.
    """

    backoff: Backoff = ACCOUNT_BACKOFF
    page_idle: timedelta = IDLE_LIFETIME
    password_lasts: timedelta | None = None
    password_kinds: int = 1
    needs_factor: tuple[Role, ...] = ()
    single_session: tuple[Role, ...] = ()
    separate_admins: bool = False
    masks: bool = False

    def check_password(self, field: str, password: str, username: str) -> None:
        """Checks a new password against the profile. Raises InvalidInput."""
        kinds = [
            any(each in letters for each in password)
            for letters in (string.ascii_uppercase, string.ascii_lowercase, string.digits)
        ]
        signs = any(each not in string.ascii_letters + string.digits for each in password)
        if sum([*kinds, signs]) < self.password_kinds:
            raise InvalidInput((field, f"密码须含大写字母、小写字母、数字、符号中的至少 {self.password_kinds} 种"))
        if self.password_kinds > 1 and username.lower() in password.lower():
            raise InvalidInput((field, "密码不能包含用户名"))

    def unmet_requirement(self, person: Person, factor: SecondFactor | None, now: datetime) -> type[Refusal] | None:
        """Returns the refusal for a person who must first change the password or set up a second factor, else None."""
        lasts = self.password_lasts
        if lasts and (person.password_at is None or now >= person.password_at + lasts):
            return ExpiredPassword
        if has_any_role(person, self.needs_factor) and not (factor and factor.confirmed_at):
            return MissingSecondFactor
        return None

    def role_conflict(self, grants: Iterable[Grant]) -> str | None:
        """Says in Chinese which roles among these grants one account must not combine, or None.

        No account has two administrator roles. With `separate_admins` none has `admin`, or a business role beside one.
        """
        roles = {grant.role for grant in grants}
        kinds = roles & _ADMINISTRATION
        if len(kinds) > 1:
            return "系统管理员、安全管理员、审计管理员不得由一人兼任"
        if self.separate_admins and Role.ADMIN in roles:
            return "严格模式下请分设系统管理员、安全管理员、审计管理员"
        return "严格模式下管理员不得兼任业务角色" if self.separate_admins and kinds and roles != kinds else None

    def check_roles(self, grants: Iterable[Grant], field: str = "grants") -> None:
        """Checks that grants combine no roles that must be separate. Raises InvalidInput."""
        if conflict := self.role_conflict(grants):
            raise InvalidInput((field, conflict))

    def needs_confirmation(self, before: Person, after: Person) -> bool:
        """Tells whether a change opens an administrator's account, so that one of another kind must confirm it.

        Such changes are a new password, a reactivation, and giving or taking an administrator's role.
        """
        if not self.separate_admins:
            return False
        given = [[grant for grant in each.grants if grant.role in _ADMINISTRATION] for each in (before, after)]
        opens = after.password not in {before.password, ""} or (after.active and not before.active)
        return given[0] != given[1] or (bool(given[0]) and opens)

    def protects_factor(self, person: Person) -> bool:
        """Tells whether an administrator of another kind must confirm that a person's second factor is removed."""
        return self.separate_admins and bool(administrator_roles(person))


def administrator_roles(person: Person) -> set[Role]:
    return {grant.role for grant in person.grants} & _ADMINISTRATION


def has_any_role(person: Person, roles: tuple[Role, ...]) -> bool:
    return any(grant.role in roles for grant in person.grants)


STANDARD = SecurityProfile()
STRICT = SecurityProfile(
    backoff=LOCKOUT_BACKOFF,
    page_idle=timedelta(minutes=30),
    password_lasts=timedelta(days=90),
    password_kinds=3,
    needs_factor=(Role.OFFICER, Role.SUPERVISOR, *ADMINISTRATORS),
    single_session=ADMINISTRATORS,
    separate_admins=True,
    masks=True,
)
PROFILES = {"standard": STANDARD, "strict": STRICT}
