"""A second factor: codes of an authenticator app, and recovery codes for who has lost the phone."""

from datetime import datetime
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from inspections.errors import SecondFactorNeeded, SignInFailed

RECOVERY_CODES = 10


class SecondFactor(Struct, frozen=True):
    """An app that an account has been told to (RFC 6238: SHA-1, six digits, thirty seconds, as every app has it).

    `confirmed_at`: it has shown a code; from then on it is asked for. `last_step`: the time step of the code used last:
    each counts once (RFC 6238, 5.2). `recovery`: SHA-256 digests of the codes that are left, each good for once.
    """

    username: str
    secret: str
    made_at: datetime
    confirmed_at: datetime | None = None
    last_step: int = 0
    recovery: tuple[str, ...] = ()


class Shown(NamedTuple):
    """What somebody has typed: the time step whose code it is, if any, and its digest as a recovery code."""

    step: int | None
    digest: str


def fits(factor: SecondFactor, shown: Shown) -> bool:
    """Whether what was shown is good now; it stays good until it is used."""
    return (shown.step is not None and shown.step > factor.last_step) or shown.digest in factor.recovery


def used(factor: SecondFactor, shown: Shown | None) -> SecondFactor:
    """The factor after it was asked for. Raises SecondFactorNeeded for nothing, SignInFailed for what is no good."""
    if shown is None:
        raise SecondFactorNeeded
    if not fits(factor, shown):
        raise SignInFailed("验证码不正确或已使用过")
    if shown.step is not None and shown.step > factor.last_step:
        return replace(factor, last_step=shown.step)
    return replace(factor, recovery=tuple(each for each in factor.recovery if each != shown.digest))
