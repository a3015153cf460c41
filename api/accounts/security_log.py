"""Writes security events in the transaction of the action they describe, then forwards them to syslog."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import msgspec
from litestar import Request

from api.http.client_address import client_address
from inspections.accounts.actions.security_log import Caller, record_event, with_security_event
from inspections.accounts.security_log import Event, SecurityEvent, event_fields
from inspections.change import Change
from storage.database import Database
from storage.repository import Action, Repository

T = TypeVar("T")

SECURITY_LOGGER = logging.getLogger("anxun.security")
"""The logger for committed events: it sends them to syslog if configured (logs.py), else nowhere."""
SECURITY_LOGGER.propagate = False
SECURITY_LOGGER.setLevel(logging.INFO)
SECURITY_LOGGER.addHandler(logging.NullHandler())


class SecurityLog:
    """The writer of the log: `transact` for actions with an event, `record` for events that change nothing else."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def transact(
        self, action: Action[T], event: Event, caller: Caller, about: str = "", facts: Mapping[str, str] | None = None
    ) -> T:
        """Runs an action and logs an event with it, if it changes anything. Raises what the action raises."""
        return await self._commit_and_emit(with_security_event(action, event, caller, self._clock(), about, facts))

    async def record(
        self, event: Event, caller: Caller, about: str = "", facts: Mapping[str, str] | None = None
    ) -> None:
        await self._commit_and_emit(
            partial(record_event, event=event, caller=caller, now=self._clock(), about=about, facts=facts)
        )

    async def _commit_and_emit(self, action: Action[T]) -> T:
        lines: list[SecurityEvent] = []

        def run_and_collect(repository: Repository) -> Change[T]:
            change = action(repository)
            lines[:] = [each for each in change.new if isinstance(each, SecurityEvent)]
            return change

        answer = await self._database.transact(run_and_collect)
        for line in lines:
            SECURITY_LOGGER.info(msgspec.json.encode(event_fields(line)).decode())
        return answer


def current_caller(request: Request[Any, Any, Any]) -> Caller:
    """Returns the caller of a request: the username that the guard admitted, and the client's address."""
    return Caller(request.scope["user"].username, client_address(request))
