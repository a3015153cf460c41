"""Origins of fixes by link: a re-check from the same device or network needs a second look.

Neither an address nor an account is stored, only digests with a secret of the server and the id of the hazard. They
say whether two requests came from one place, for this hazard and nothing else.
"""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

from inspections.hazards.records import Hazard, RecheckFlag

RETENTION = timedelta(days=30)
"""How long an origin is kept if no re-check passes the fix before."""
_WORDS = {
    "same_device": "提交整改的设备登录着复查人的账号",
    "same_network": "提交整改与复查来自同一网络地址",
}


class RequestOrigin(NamedTuple):
    """The origin of a request: the client's network, and the account signed in on its device; None if unknown.

    `secret`: the key of the digests.
    """

    secret: str
    network: str | None
    account: str | None


class FixOrigin(Struct, frozen=True):
    """The origin of the fix by a link that was submitted on a hazard at `at`, as keyed digests; None if unknown."""

    hazard: UUID
    at: datetime
    network: str | None
    account: str | None


def fix_origin(hazard_id: UUID, sent: RequestOrigin, at: datetime) -> FixOrigin:
    return FixOrigin(hazard_id, at, *(_digest(hazard_id, sent, name) for name in ("network", "account")))


def _digest(hazard_id: UUID, sent: RequestOrigin, name: str) -> str | None:
    value: str | None = getattr(sent, name)
    if value is None:
        return None
    return hmac.new(sent.secret.encode(), f"fix origin {hazard_id} {name} {value}".encode(), sha256).hexdigest()


def compare_origins(hazard: Hazard, fix: FixOrigin, recheck: RequestOrigin, now: datetime) -> RecheckFlag | None:
    """Compares the origin of the present fix with that of its re-check; None unless they share device or network."""
    if fix.at != hazard.submitted_at:
        return None  # an earlier fix, which a re-check did not pass
    other = fix_origin(hazard.id, recheck, now)
    pairs = {"same_device": (fix.account, other.account), "same_network": (fix.network, other.network)}
    kinds = tuple(kind for kind, (one, two) in pairs.items() if one is not None and one == two)
    words = "；".join(_WORDS[kind] for kind in kinds)
    return RecheckFlag(kinds, words, recheck.account or "", now) if kinds else None
