"""Keeps a worker's broker lease, and drains sessions whose lease has expired.

An abandoned session would queue messages forever, because a shared subscription gives each session its share.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial

import structlog

from api.monitoring.intake import AlertIntake
from api.monitoring.mqtt import SHARED_TOPICS, TOPICS, Broker, MqttConsumer
from inspections.errors import Unavailable
from inspections.monitoring.actions.broker_leases import (
    acquire_lease,
    adopt_expired_lease,
    begin_drain,
    release_lease,
    renew_lease,
)
from inspections.monitoring.broker_leases import LEASE_DURATION
from storage.database import Database

log = structlog.get_logger()


class MqttWorker:
    """Runs the consumer of one leased session. `alone`: no other worker exists, so a restart reuses the same lease.

    `start` needs a running event loop.
    """

    def __init__(
        self, broker: Broker, intake: AlertIntake, database: Database, clock: Callable[[], datetime], *, alone: bool
    ) -> None:
        self._holder = "alone" if alone else f"{socket.gethostname()}:{os.getpid()}"
        self._database = database
        self._clock = clock
        topics = TOPICS if alone else SHARED_TOPICS
        self._open = partial(MqttConsumer, broker, intake=intake, database=database, clock=clock, topics=topics)
        self._task: asyncio.Task[None] | None = None
        self._number: int | None = None
        self._consumer: MqttConsumer | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Drains our session and releases the lease. The last worker's session stays and queues messages."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._consumer is None or self._number is None:
            return
        with suppress(Unavailable):
            drain = partial(begin_drain, number=self._number, now=self._clock())
            if await self._database.transact(drain):
                await self._drain(self._consumer, self._number)
                return
        await self._consumer.stop()

    async def _run(self) -> None:
        while True:
            try:
                await self._maintain_lease()
            except Unavailable as error:
                log.warning("waits for the store", job="broker", reason=str(error))
            except Exception:  # a fault must not end the loop
                log.exception("fault", job="broker")
            await asyncio.sleep(LEASE_DURATION.total_seconds() / 3 if self._consumer else 1.0)

    async def _maintain_lease(self) -> None:
        if self._consumer is not None and not await self._renew_lease():
            await self._consumer.stop()
            self._consumer = None
        if self._consumer is None:
            self._number = await self._database.transact(partial(acquire_lease, holder=self._holder, now=self._clock()))
            self._consumer = self._open(self._number)
            self._consumer.start()
        adopted = await self._database.transact(partial(adopt_expired_lease, holder=self._holder, now=self._clock()))
        if adopted is not None:
            log.info("session was left behind", slot=adopted)
            consumer = self._open(adopted)
            consumer.start(draining=True)
            try:
                await self._drain(consumer, adopted)
            finally:
                await consumer.stop()

    async def _renew_lease(self) -> bool:
        keep = partial(renew_lease, number=self._number or 0, holder=self._holder, now=self._clock())
        return await self._database.transact(keep)

    async def _drain(self, consumer: MqttConsumer, number: int) -> None:
        if await consumer.drain():
            await self._database.transact(partial(release_lease, number=number))
