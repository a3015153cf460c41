"""The notices as channels deliver them, and the protocol of channels.

To support an office's own platform (浙政钉 and the like), write one class with a name, a reach, `at_once`, `deliver`
and `close`, as Webhook does.
"""

from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from msgspec import Struct

from inspections.hazards.records import State
from inspections.notices.outbox import ChannelInfo


class NoticeSubject(Struct, frozen=True):
    """The hazard of a notice, as sent to other systems."""

    id: UUID
    number: str
    state: State
    version: int
    community: str
    category: str


class Envelope(Struct, frozen=True):
    """A notice as a channel delivers it. `id`: the event's, the same on every retry and in every channel.

    `to`: the recipients' usernames; `decision_links`: an address for each who may decide the request;
    `addresses`: their e-mail addresses, for the mail channel.
    """

    id: UUID
    kind: str
    at: datetime
    to: tuple[str, ...]
    hazard: NoticeSubject | None
    title: str
    text: str
    addresses: tuple[str, ...] = ()
    decision_links: dict[str, str] = {}


class Channel(Protocol):
    """The protocol of channels. `at_once`: the number of parallel deliveries."""

    name: str
    reach: Literal["mailbox", "event", "group"]
    at_once: int

    async def deliver(self, envelope: Envelope, now: datetime) -> None:
        """Returns after the notice has arrived. Raises SendFailure or ForbiddenAddress if not; it is then retried."""
        ...

    async def close(self) -> None: ...


def channel_info(channel: Channel) -> ChannelInfo:
    return ChannelInfo(channel.name, channel.reach)
