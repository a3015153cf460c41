"""Second factors: codes of an authenticator app, and recovery codes for a lost phone."""

from datetime import datetime
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from inspections.errors import InvalidCredentials, MissingTotpCode

RECOVERY_CODES = 10


class SecondFactor(Struct, frozen=True):
    """The authenticator app of an account (RFC 6238: SHA-1, six digits, thirty seconds, as all apps support).

    `confirmed_at`: when its first code was entered; sign-in requires it from then on. `last_step`: time step of the
    last used code, since each is valid once (RFC 6238, 5.2). `recovery`: SHA-256 digests of unused recovery codes.
    """

    username: str
    secret: str
    made_at: datetime
    confirmed_at: datetime | None = None
    last_step: int = 0
    recovery: tuple[str, ...] = ()


class SubmittedCode(NamedTuple):
    """A submitted code: the time step whose code it is, if any, and its digest as a recovery code."""

    step: int | None
    digest: str


def accepts_code(factor: SecondFactor, shown: SubmittedCode) -> bool:
    """Tells whether a submitted code is valid; it stays valid until it is consumed."""
    return (shown.step is not None and shown.step > factor.last_step) or shown.digest in factor.recovery


def consume_code(factor: SecondFactor, shown: SubmittedCode | None) -> SecondFactor:
    """Returns the factor with the code consumed.

    Raises MissingTotpCode without a code, InvalidCredentials if invalid.
    """
    if shown is None:
        raise MissingTotpCode
    if not accepts_code(factor, shown):
        raise InvalidCredentials("验证码不正确或已使用过")
    if shown.step is not None and shown.step > factor.last_step:
        return replace(factor, last_step=shown.step)
    return replace(factor, recovery=tuple(each for each in factor.recovery if each != shown.digest))
