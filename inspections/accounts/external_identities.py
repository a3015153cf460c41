"""An account's name elsewhere: who signed in at WeChat or 浙政钉 is let in as the account that is linked to it."""

from datetime import datetime

from msgspec import Struct


class Identity(Struct, frozen=True):
    """`subject`: what `provider` calls the person, stable for our application there."""

    provider: str
    subject: str
    username: str
    linked_at: datetime
