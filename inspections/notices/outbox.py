"""The outbox: what is to be told, its ways to people, and when a way is tried again."""

from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

from msgspec import Struct

from inspections.accounts.people import Role


class Notice(Struct, frozen=True):
    """Something to tell: the outbox. Its id is the event's, whoever delivers it and however often.

    It tells those who hold the role `tells` for the hazard, and the people `to`; never `by`, who did it. `line`: the
    line of history it tells of, and `seq` its place there: what is told of a hazard is told in this order.
    `held_until`: it is delivered no sooner, because of quiet hours. `told_at`: it has become inbox and deliveries.
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


class InboxEntry(Struct, frozen=True):
    """A notice in one person's inbox."""

    id: UUID
    username: str
    notice: UUID
    at: datetime
    read_at: datetime | None = None


class Delivery(Struct, frozen=True):
    """A notice on its way through a channel: to one person, or, with `username` "", to all of them at once.

    `next_try_at`: nobody tries it before; whoever tries it claims it by moving this on. `dead_at`: it was given up
    after `tries`, and waits for somebody to send it again. `error`: how the last try ended.
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
    def waits(self) -> bool:
        return self.delivered_at is None and self.dead_at is None

    @property
    def lane(self) -> tuple[UUID, str]:
        """What comes one after the other through a channel: of one hazard, to one person."""
        return self.hazard or self.id, self.username


class Outlet(NamedTuple):
    """A channel as the domain sees it.

    `reach` mailbox: one delivery for each recipient who has an address; event: one for every notice, with all who are
    told; group: one for what a role is told, as on a wall that many read.
    """

    channel: str
    reach: Literal["mailbox", "event", "group"]


class Sender(NamedTuple):
    """Who has sent the bytes of a photo, and a hazard on which they declared it, if there is any."""

    username: str
    hazard: UUID | None


class Agenda(Struct, frozen=True):
    """How the hazards of a scope stand. `due_today`: until the next midnight in Shanghai; `received` and `closed`: of
    the days that are asked about.
    """

    waiting: int
    due_today: int
    overdue: int
    pending_recheck: int
    open: int
    received: int
    closed: int


class Attempt(NamedTuple):
    """How a delivery was tried: `error` None where it arrived. `jitter` in 0…1, see `pause`."""

    delivery: UUID
    error: str | None
    jitter: float


TRIES = 64
"""More than a day of failures, whatever the jitter: twelve in the first hour, then one in an hour or less."""
_FIRST, _LONGEST = timedelta(seconds=1), timedelta(hours=1)


def pause(tries: int, jitter: float) -> timedelta:
    """How long to wait after so many tries. `jitter` in 0…1 takes up to half of it away: not all come back at once."""
    return min(_FIRST * 2 ** min(tries - 1, 20), _LONGEST) * (1 - jitter / 2)
