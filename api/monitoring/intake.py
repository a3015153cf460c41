"""Queues device messages while a transaction runs; the next transaction commits all of them."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple

from inspections.errors import Replayed
from inspections.monitoring.actions.alerts import Sent, receive_alerts
from inspections.monitoring.alerts import Verdict
from inspections.monitoring.rejections import Refused, Way
from storage.database import Database

AT_ONCE = 1000
"""The largest number of messages in one transaction."""


class _Waiting(NamedTuple):
    sent: Sent
    answer: asyncio.Future[list[Verdict] | Replayed]


class AlertIntake:
    """The queue of device messages. `submit` returns after its messages are committed."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._folding: asyncio.Task[None] | None = None

    async def take(self, sent: Sent) -> list[Verdict]:
        """Returns a verdict for each message. Raises Replayed, Unavailable."""
        waiting = _Waiting(sent, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._folding is None or self._folding.done():
            self._folding = asyncio.create_task(self._fold())
        answer = await waiting.answer
        if isinstance(answer, Replayed):
            raise answer
        return answer

    async def refuse(self, way: Way, one: Refused) -> None:
        """Counts a rejected message; returns after the count is committed."""
        await self.take(Sent((), None, way, (one,)))

    async def _fold(self) -> None:
        while self._waiting:
            group = self._next()
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

    def _next(self) -> list[_Waiting]:
        group = [self._waiting.popleft()]
        messages = len(group[0].sent.messages)
        while self._waiting and messages + len(self._waiting[0].sent.messages) <= AT_ONCE:
            group.append(self._waiting.popleft())
            messages += len(group[-1].sent.messages)
        return group
