"""What an office asks of whoever signs in: the standard profile, and the strict one for 等保.

The strict one follows GB/T 22239-2019 (等保 2.0, level 3): 8.1.4.1 (passwords of some complexity, changed from time to
time; failures lock, idle pages end; two factors) and 8.1.5.1 to 8.1.5.3 (three administrators who check each other).
"""

import string
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from inspections.errors import FactorMissing, Invalid, PasswordOld, Refusal
from inspections.hazards import Hazard, Party
from inspections.people import Grant, Person, Role
from inspections.policy import scope
from inspections.rates import LOCKING, OF_ACCOUNT, Patience
from inspections.second_factor import SecondFactor
from inspections.sessions import IDLE_LASTS

_FULL_NUMBER = 9
ADMINISTRATORS = (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN)
"""三员. `admin` is all three in one."""


class Profile(Struct, frozen=True):
    """`patience`: with wrong passwords for an account. `page_idle`: how long a page in a browser may be left alone.

    `password_lasts`: after so long, and when an administrator has set it, its owner changes it before anything else.
    `password_kinds`: of capitals, small letters, digits and signs, so many. `needs_factor`: who signs in with a second
    one. `alone`: whose new session ends the one before. `divided`: nobody holds the role `admin`. `masks`: who does
    not deal with a responsible party sees its name and number in part.
    """

    patience: Patience = OF_ACCOUNT
    page_idle: timedelta = IDLE_LASTS
    password_lasts: timedelta | None = None
    password_kinds: int = 1
    needs_factor: tuple[Role, ...] = ()
    alone: tuple[Role, ...] = ()
    divided: bool = False
    masks: bool = False

    def check_password(self, field: str, password: str, username: str) -> None:
        """Raises Invalid."""
        kinds = [
            any(each in letters for each in password)
            for letters in (string.ascii_uppercase, string.ascii_lowercase, string.digits)
        ]
        signs = any(each not in string.ascii_letters + string.digits for each in password)
        if sum([*kinds, signs]) < self.password_kinds:
            raise Invalid((field, f"密码须含大写字母、小写字母、数字、符号中的至少 {self.password_kinds} 种"))
        if self.password_kinds > 1 and username.lower() in password.lower():
            raise Invalid((field, "密码不能包含用户名"))

    def unmet(self, person: Person, factor: SecondFactor | None, now: datetime) -> type[Refusal] | None:
        """The refusal of who has to do something before anything else."""
        lasts = self.password_lasts
        if lasts and (person.password_at is None or now >= person.password_at + lasts):
            return PasswordOld
        if holds(person, self.needs_factor) and not (factor and factor.confirmed_at):
            return FactorMissing
        return None

    def check_roles(self, grants: Iterable[Grant]) -> None:
        """No two administrators in one person; where they are divided, no undivided one. Raises Invalid."""
        roles = {grant.role for grant in grants}
        if len(roles & {*ADMINISTRATORS, Role.ADMIN}) > 1:
            raise Invalid(("grants", "系统管理员、安全管理员、审计管理员不得由一人兼任"))
        if self.divided and Role.ADMIN in roles:
            raise Invalid(("grants", "严格模式下请分设系统管理员、安全管理员、审计管理员"))


def holds(person: Person, roles: tuple[Role, ...]) -> bool:
    return any(grant.role in roles for grant in person.grants)


STANDARD = Profile()
STRICT = Profile(
    patience=LOCKING,
    page_idle=timedelta(minutes=30),
    password_lasts=timedelta(days=90),
    password_kinds=3,
    needs_factor=(Role.OFFICER, Role.SUPERVISOR, *ADMINISTRATORS),
    alone=ADMINISTRATORS,
    divided=True,
    masks=True,
)
PROFILES = {"standard": STANDARD, "strict": STRICT}


def contact_shown(profile: Profile, person: Person, hazard: Hazard) -> bool:
    """Whether they see the party's name and number whole: who deals with it, and who reported it."""
    own = person.username in {hazard.reporter, *hazard.reporters}
    return not profile.masks or own or scope(person, "hazard.contact").covers(hazard)


def masked(party: Party) -> Party:
    """张*, 139****1234: enough to recognise what one knows already. Names of firms and committees are no secret."""
    name = party.name[0] + "*" * (len(party.name) - 1) if party.kind in {"owner", "tenant"} else party.name
    return replace(party, name=name, phone=party.phone and _masked_number(party.phone))


def _masked_number(phone: str) -> str:
    digits = [at for at, letter in enumerate(phone) if letter.isdigit()]
    hidden = set(digits[3:-4] if len(digits) > _FULL_NUMBER else digits[:-2])
    return "".join("*" if at in hidden else letter for at, letter in enumerate(phone))
