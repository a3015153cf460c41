"""Writes security events in the transaction of the action they describe, then forwards them to syslog."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import msgspec
from litestar import Request

from api.http.client_address import address_of
from inspections.accounts.actions.security_log import Caller, note, noted
from inspections.accounts.security_log import Event, SecurityEvent, line_of
from inspections.change import Change
from storage.database import Database
from storage.repository import Action, Repository

T = TypeVar("T")

OUT = logging.getLogger("anxun.security")
"""The logger for committed events: it sends them to syslog if configured (logs.py), else nowhere."""
OUT.propagate = False
OUT.setLevel(logging.INFO)
OUT.addHandler(logging.NullHandler())


class SecurityLog:
    """The writer of the log: `transact` for actions with an event, `record` for events that change nothing else."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def transact(
        self, action: Action[T], event: Event, caller: Caller, about: str = "", facts: Mapping[str, str] | None = None
    ) -> T:
        """Runs an action and logs an event with it, if it changes anything. Raises what the action raises."""
        return await self._kept(noted(action, event, caller, self._clock(), about, facts))

    async def note(self, event: Event, caller: Caller, about: str = "", facts: Mapping[str, str] | None = None) -> None:
        await self._kept(partial(note, event=event, caller=caller, now=self._clock(), about=about, facts=facts))

    async def _kept(self, action: Action[T]) -> T:
        lines: list[SecurityEvent] = []

        def once_more(repository: Repository) -> Change[T]:
            change = action(repository)
            lines[:] = [each for each in change.new if isinstance(each, SecurityEvent)]
            return change

        answer = await self._database.transact(once_more)
        for line in lines:
            OUT.info(msgspec.json.encode(line_of(line)).decode())
        return answer


def caller_of(request: Request[Any, Any, Any]) -> Caller:
    """Returns the caller of a request: the username that the guard admitted, and the client's address."""
    return Caller(request.scope["user"].username, address_of(request))
