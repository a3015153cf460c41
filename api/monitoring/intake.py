"""Queues device messages while a transaction runs; the next transaction commits all of them."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple

from inspections.errors import ReplayedRequest
from inspections.monitoring.actions.alerts import DevicePayload, receive_alerts
from inspections.monitoring.alerts import Verdict
from inspections.monitoring.rejections import RejectedMessage, Way
from storage.database import Database

MAX_BATCH_MESSAGES = 1000
"""The largest number of messages in one transaction."""


class _PendingPayload(NamedTuple):
    sent: DevicePayload
    answer: asyncio.Future[list[Verdict] | ReplayedRequest]


class AlertIntake:
    """The queue of device messages. `submit` returns after its messages are committed."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._waiting: deque[_PendingPayload] = deque()
        self._folding: asyncio.Task[None] | None = None

    async def submit(self, sent: DevicePayload) -> list[Verdict]:
        """Returns a verdict for each message. Raises ReplayedRequest, Unavailable."""
        waiting = _PendingPayload(sent, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._folding is None or self._folding.done():
            self._folding = asyncio.create_task(self._process_queue())
        answer = await waiting.answer
        if isinstance(answer, ReplayedRequest):
            raise answer
        return answer

    async def reject(self, way: Way, one: RejectedMessage) -> None:
        """Counts a rejected message; returns after the count is committed."""
        await self.submit(DevicePayload((), None, way, (one,)))

    async def _process_queue(self) -> None:
        while self._waiting:
            group = self._next_batch()
            try:
                action = partial(receive_alerts, sent=[each.sent for each in group], now=self._clock())
                answers = await self._database.transact(action)
            except Exception as error:  # noqa: BLE001  # any error is passed on to the waiting callers
                for each in group:
                    if not each.answer.done():
                        each.answer.set_exception(error)
                continue
            for each, answer in zip(group, answers, strict=True):
                if not each.answer.done():  # the caller was cancelled
                    each.answer.set_result(answer)

    def _next_batch(self) -> list[_PendingPayload]:
        group = [self._waiting.popleft()]
        messages = len(group[0].sent.messages)
        while self._waiting and messages + len(self._waiting[0].sent.messages) <= MAX_BATCH_MESSAGES:
            group.append(self._waiting.popleft())
            messages += len(group[-1].sent.messages)
        return group
