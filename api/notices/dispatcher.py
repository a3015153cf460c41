"""Dispatches the outbox: notices become inbox entries and deliveries, and each channel's task delivers its own.

A channel that hangs blocks no other. If a process is killed, its claims expire and another process takes them over,
so each notice is delivered at least once.
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
"""The number of notices per batch. It is small because requests wait meanwhile, about a millisecond."""
_BREATH_BESIDE_REQUESTS, _BREATH_APART = 2.0, 1.0
"""Pause between batches per second of the previous batch: a flood leaves two thirds of the time to this process's
requests or, in a process without requests, half of it to the database."""
_BREATH_SECONDS = 0.1
"""The longest pause between batches."""


class Notifier:
    """Runs the outbox and the channels as tasks. `tick`: seconds between checks while there is nothing to do.

    `yields`: this process answers requests too. `start` needs a running event loop.
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
        """Cancels the tasks and closes the channels. Unfinished deliveries are retried later."""
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
            except Unavailable as error:  # the database is away; the notices wait in it
                log.warning("notices wait", reason=str(error))
            except Exception:  # a fault must not end the loop
                log.exception("fault", job="notices")
            await asyncio.sleep(self._tick)

    async def tell(self) -> int:
        """Dispatches one batch of notices from the outbox; returns how many."""
        action = partial(tell, now=self._clock(), limit=_TOLD_AT_ONCE, outlets=self._outlets)
        return await self._database.transact(action)

    async def deliver(self, channel: Channel) -> int:
        """Tries one batch of a channel's deliveries in parallel; returns how many were tried or postponed."""
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
        except Exception as fault:  # a fault in one delivery must not block the others
            error = in_a_line(Failed(f"fault: {type(fault).__name__}"))
            log.exception("fault", job="delivering", channel=channel.name, notice=str(envelope.id))
        return Attempt(delivery.id, error, random.random())  # noqa: S311  # jitter, no secret


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
