"""The outbox: notices, their inbox entries and deliveries, and the delay before a retry."""

from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

from msgspec import Struct

from inspections.accounts.people import Role


class Notice(Struct, frozen=True):
    """A notice in the outbox. Its id is the event's id in every channel and on every retry.

    It goes to holders of the role `tells` for the hazard and to the people `to`, never to `by`, who caused it. `line`,
    `seq`: the history line and its position, which is the order of a hazard's notices. `held_until`: the end of quiet
    hours, before which it is not delivered. `told_at`: when its inbox entries and deliveries were created.
    `community`: the community of a notice that is about no hazard.
    """

    id: UUID
    kind: str
    at: datetime
    hazard: UUID | None = None
    seq: int = 0
    line: UUID | None = None
    tells: Role | None = None
    to: tuple[str, ...] = ()
    by: str | None = None
    facts: dict[str, Any] = {}
    held_until: datetime | None = None
    told_at: datetime | None = None
    community: str | None = None


class InboxEntry(Struct, frozen=True):
    """A notice in a person's inbox."""

    id: UUID
    username: str
    notice: UUID
    at: datetime
    read_at: datetime | None = None


class Delivery(Struct, frozen=True):
    """The delivery of a notice through a channel to one person or, with `username` "", to all recipients at once.

    `next_try_at`: the earliest next try; a worker claims the delivery by postponing it. `dead_at`: when it was given up
    after `tries`, until somebody retries it. `error`: the result of the last try.
    """

    id: UUID
    notice: UUID
    channel: str
    username: str
    recipients: tuple[str, ...]
    hazard: UUID | None
    seq: int
    next_try_at: datetime
    tries: int = 0
    delivered_at: datetime | None = None
    dead_at: datetime | None = None
    error: str | None = None

    @property
    def is_pending(self) -> bool:
        return self.delivered_at is None and self.dead_at is None

    @property
    def ordering_key(self) -> tuple[UUID, str]:
        """The key of deliveries that must arrive in order: one hazard and one person."""
        return self.hazard or self.id, self.username


class ChannelInfo(NamedTuple):
    """A channel as the domain sees it.

    `reach` mailbox: one delivery for each recipient with an address; event: one for every notice, with all recipients;
    group: one for every notice to a role, for a shared chat.
    """

    channel: str
    reach: Literal["mailbox", "event", "group"]


class PhotoSender(NamedTuple):
    """The uploader of a photo, and a hazard on which they declared it, if any."""

    username: str
    hazard: UUID | None


class Agenda(Struct, frozen=True):
    """Counts of the hazards in a scope, for a digest. `due_today`: until the next midnight in Shanghai.

    `received`, `closed`: within the digest's period.
    """

    waiting: int
    due_today: int
    overdue: int
    pending_recheck: int
    open: int
    received: int
    closed: int


class DeliveryAttempt(NamedTuple):
    """The result of trying a delivery; `error` is None if it arrived. `jitter` in 0…1, see `retry_delay`.

    `last`: no further try can help, because nobody may receive it any more. `wait`: what the receiver asked for.
    """

    delivery: UUID
    error: str | None
    jitter: float
    last: bool = False
    wait: timedelta = timedelta()


TRIES = 64
"""The number of tries before a delivery is given up: more than a day, twelve in the first hour, then hourly."""
_FIRST_DELAY, _MAX_DELAY = timedelta(seconds=1), timedelta(hours=1)


def retry_delay(tries: int, jitter: float) -> timedelta:
    """Returns the exponential delay after `tries`. `jitter` in 0…1 cuts up to half of it, to spread the retries."""
    return min(_FIRST_DELAY * 2 ** min(tries - 1, 20), _MAX_DELAY) * (1 - jitter / 2)
