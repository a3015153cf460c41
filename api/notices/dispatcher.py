"""Tells what the outbox holds: notices become inbox entries and deliveries, and each channel sends its own.

A channel that hangs holds up no other. What is claimed and not settled in time, because its process was killed, is
somebody else's; so whatever is delivered is delivered at least once.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial

import structlog

from api.http.outbound import Failed, Refused
from api.notices.channels import Channel, Envelope, HazardNamed, in_a_line, outlet
from inspections.errors import Unavailable
from inspections.notices.actions.delivery import claim_deliveries, settle, tell, worded
from inspections.notices.outbox import Attempt, Delivery
from storage.database import Database
from storage.notices.inbox import notice_of
from storage.repository import Repository

log = structlog.get_logger()

_TOLD_AT_ONCE = 3
"""Requests wait while a batch is decided: about a millisecond."""
_BREATH_BESIDE_REQUESTS, _BREATH_APART = 2.0, 1.0
"""Between two batches, for every second of the one before: a flood leaves two thirds of the time to requests, and in a
process without any half of it to the database that they need."""
_BREATH_SECONDS = 0.1
"""At most."""


class Notifier:
    """`start` within a running event loop. `tick`: how often it looks, in seconds, where there is nothing to do.

    `yields`: requests are answered in this process too.
    """

    def __init__(
        self,
        database: Database,
        channels: Sequence[Channel],
        clock: Callable[[], datetime],
        tick: float,
        *,
        yields: bool,
    ) -> None:
        self._tick = tick
        self._breath = _BREATH_BESIDE_REQUESTS if yields else _BREATH_APART
        self._database = database
        self._channels = channels
        self._outlets = [outlet(channel) for channel in channels]
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        works = [self.tell, *(partial(self.deliver, channel) for channel in self._channels)]
        self._tasks = [asyncio.create_task(self._forever(work)) for work in works]

    async def stop(self) -> None:
        """What is on its way is left, and comes again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for channel in self._channels:
            await channel.close()

    async def _forever(self, work: Callable[[], Awaitable[int]]) -> None:
        while True:
            try:
                while await work():
                    pass
            except Unavailable as error:  # the database is away: what waits is in it
                log.warning("notices wait", reason=str(error))
            except Exception:  # a fault of ours must not end telling for good
                log.exception("fault", job="notices")
            await asyncio.sleep(self._tick)

    async def tell(self) -> int:
        """Takes one batch of notices out of the outbox; answers how many."""
        action = partial(tell, now=self._clock(), limit=_TOLD_AT_ONCE, outlets=self._outlets)
        return await self._database.transact(action)

    async def deliver(self, channel: Channel) -> int:
        """Tries one batch of a channel's deliveries, side by side; answers how many it got out of the way."""
        now, began = self._clock(), time.monotonic()
        claim = partial(claim_deliveries, channel=channel.name, now=now, limit=channel.at_once)
        claimed, put_off = await self._database.transact(claim)
        if not claimed:
            return put_off
        envelopes = await self._database.read(partial(_envelopes, claimed=claimed))
        attempts = await asyncio.gather(*(self._try(channel, *each) for each in zip(claimed, envelopes, strict=True)))
        given_up = await self._database.transact(partial(settle, attempts=attempts, now=self._clock()))
        if given_up:
            log.error("notices given up", channel=channel.name, number=given_up)
        await asyncio.sleep(min(self._breath * (time.monotonic() - began), _BREATH_SECONDS))
        return len(claimed)

    async def _try(self, channel: Channel, delivery: Delivery, envelope: Envelope) -> Attempt:
        error = None
        try:
            await channel.deliver(envelope, self._clock())
        except (Failed, Refused) as failure:
            error = in_a_line(failure)
            log.warning("not delivered", channel=channel.name, notice=str(envelope.id), tries=delivery.tries, why=error)
        except Exception as fault:  # one delivery that our own fault ends must not hold up the others
            error = in_a_line(Failed(f"fault: {type(fault).__name__}"))
            log.exception("fault", job="delivering", channel=channel.name, notice=str(envelope.id))
        return Attempt(delivery.id, error, random.random())  # noqa: S311  # so that not all come back at once


def _envelopes(repository: Repository, claimed: Sequence[Delivery]) -> list[Envelope]:
    hazards = {each.id: each for each in repository.hazards([each.hazard for each in claimed if each.hazard])}
    made: list[Envelope] = []
    for delivery in claimed:
        notice = notice_of(repository, delivery)
        hazard = hazards.get(delivery.hazard) if delivery.hazard else None
        told = [person for name in delivery.recipients if (person := repository.person(name))]
        named = hazard and HazardNamed(*(getattr(hazard, name) for name in HazardNamed.__struct_fields__))
        words = worded(repository, notice, hazard)
        addresses = tuple(person.email for person in told if person.email) if delivery.username else ()
        made.append(
            Envelope(notice.id, notice.kind, notice.at, delivery.recipients, named, words.title, words.text, addresses)
        )
    return made
