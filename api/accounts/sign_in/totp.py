"""Codes of authenticator apps (TOTP, RFC 6238), computed by pyotp."""

import secrets
from datetime import datetime

from pyotp import random_base32
from pyotp.totp import TOTP

from api.http.tokens import hash_token
from inspections.accounts.second_factor import SecondFactor, SubmittedCode

_STEP_SECONDS = 30
_ISSUER = "安巡"
_IGNORED_CHARACTERS = str.maketrans("", "", " -")


def new_secret() -> str:
    """Creates a secret of 160 bits in base32, as RFC 4226 recommends."""
    return random_base32()


def otpauth_uri(factor: SecondFactor) -> str:
    """Returns the otpauth URI that an app reads from a QR code."""
    return TOTP(factor.secret).provisioning_uri(name=factor.username, issuer_name=_ISSUER)


def match_code(factor: SecondFactor, code: str, now: datetime) -> SubmittedCode:
    """Finds the time step whose code this is; the app's clock may be one step off (RFC 6238, 5.2)."""
    written = code.translate(_IGNORED_CHARACTERS).upper()
    present, codes = int(now.timestamp()) // _STEP_SECONDS, TOTP(factor.secret)
    fitting = (
        step for step in (present, present - 1, present + 1) if _codes_equal(codes.at(step * _STEP_SECONDS), written)
    )
    return SubmittedCode(next(fitting, None), hash_token(written))


def _codes_equal(one: str, other: str) -> bool:
    return other.isascii() and secrets.compare_digest(one, other)
