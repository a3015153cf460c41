"""Lines of the security log are kept with what they are about, and then sent on."""

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
"""Where each line goes once it is kept: to syslog where a setting says so (logs.py), else nowhere."""
OUT.propagate = False
OUT.setLevel(logging.INFO)
OUT.addHandler(logging.NullHandler())


class SecurityLog:
    """`transact` for what belongs into the log, and `note` for what changes nothing else."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def transact(
        self, action: Action[T], event: Event, caller: Caller, about: str = "", facts: Mapping[str, str] | None = None
    ) -> T:
        """Where the action changes nothing there is no line. Raises what it raises."""
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
    """Who asks, as the guard let them in."""
    return Caller(request.scope["user"].username, address_of(request))
