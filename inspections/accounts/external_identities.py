"""External identities: a person who signs in at WeChat or 浙政钉 gets access to the account linked there."""

from datetime import datetime

from msgspec import Struct


class ExternalIdentity(Struct, frozen=True):
    """A linked identity. `subject`: the provider's ID of the person, stable for our application there."""

    provider: str
    subject: str
    username: str
    linked_at: datetime
