"""Known devices: where the owner of an account has signed in before.

Strangers who guess passwords must not keep the owner out. A sign-in that shows the secret of a known device has a
counter of failed attempts of its own, and its password is compared before those of strangers (OWASP, "Slow down online
guessing attacks with device cookies"). The secret opens nothing: the password is still needed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

KNOWN_DEVICE_LIFETIME = timedelta(days=180)
"""How long after its last sign-in a device stays known."""
MAX_KNOWN_DEVICES = 20
"""The most known devices of an account; the one with the oldest sign-in is forgotten."""


class KnownDevice(Struct, frozen=True):
    """A device of an account. `secret`: SHA-256 digest of its secret. `session`: its last session."""

    secret: str
    username: str
    session: UUID
    signed_in_at: datetime

    def is_valid(self, now: datetime) -> bool:
        return now < self.signed_in_at + KNOWN_DEVICE_LIFETIME


def surplus_devices(known: Sequence[KnownDevice], now: datetime) -> tuple[KnownDevice, ...]:
    """Returns the devices to forget when one more becomes known: expired ones, and the oldest above the limit."""
    newest = sorted(known, key=lambda each: each.signed_in_at, reverse=True)
    return tuple(each for at, each in enumerate(newest) if at >= MAX_KNOWN_DEVICES - 1 or not each.is_valid(now))
