"""Links in notices by which one person decides one request without signing in.

Only the digest of the token is stored. The link holds for one version of the hazard: any step on it ends the link.
"""

from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

LIFETIME = timedelta(days=3)
"""How long a link can be used: over a weekend, and no longer than somebody remembers the notice."""
KEPT_AFTER_EXPIRY = timedelta(days=30)
"""How long a link says that it has expired, before it is deleted and unknown."""


class DecisionLink(Struct, frozen=True):
    """A link by which `username` decides on a hazard at this `version` by this `step`.

    `digest`: sha-256 of the token, in hex. `used_at`: when the person decided by this link.
    """

    digest: str
    username: str
    hazard: UUID
    step: str
    version: int
    at: datetime
    expires_at: datetime
    used_at: datetime | None = None
