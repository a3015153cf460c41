"""External identities: a person who signs in at WeChat or 浙政钉 gets access to the account linked there."""

from datetime import datetime, timedelta

from msgspec import Struct


class ExternalIdentity(Struct, frozen=True):
    """A linked identity. `subject`: the provider's ID of the person, stable for our application there."""

    provider: str
    subject: str
    username: str
    linked_at: datetime


EXCHANGED_CODE_LIFETIME = timedelta(minutes=10)
"""How long an exchanged code can be shown again: time to enter a password or the code of a second factor."""
MAX_EXCHANGED_CODES = 1000
"""The most exchanged codes that are kept; the oldest is forgotten."""


class ExchangedCode(Struct, frozen=True):
    """A provider's code that was exchanged for an identity, in a request that was then refused.

    A provider exchanges a code once. So the server keeps the result for the next request of the same client, such as
    the one that links the identity. `code`: digest of the code and of the client's address.
    """

    provider: str
    subject: str
    code: str
    exchanged_at: datetime

    def is_valid(self, now: datetime) -> bool:
        return now < self.exchanged_at + EXCHANGED_CODE_LIFETIME
