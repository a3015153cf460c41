"""The parts of a running server; handlers get them by `app_context(request)`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar, cast

from litestar.connection import ASGIConnection

from api.settings import Settings
from inspections.accounts.actions.security_log import Caller
from inspections.accounts.people import Person
from inspections.accounts.security_log import Event
from storage.database import Database
from storage.photos.store import PhotoStore
from storage.repository import Action

T = TypeVar("T")


class Log(Protocol):
    """Writes events to the security log, together with the change they are about."""

    async def transact(
        self, action: Action[T], event: Event, caller: Caller, about: str = "", facts: Mapping[str, str] | None = None
    ) -> T:
        """Runs the action and logs the event in one transaction; an action without changes is not logged."""
        ...

    async def record(
        self, event: Event, caller: Caller, about: str = "", facts: Mapping[str, str] | None = None
    ) -> None:
        """Logs an event that comes with no other change."""
        ...


@dataclass(frozen=True)
class AppContext:
    """The services that all subjects need, and the parts that single subjects own.

    `clock` gives the present instant; nothing else in the program asks for it. `parts`: instances by class.
    """

    settings: Settings
    database: Database
    photos: PhotoStore
    log: Log
    clock: Callable[[], datetime]
    parts: Mapping[type[Any], Any]

    def part(self, kind: type[T]) -> T:
        """The instance of `kind`, created when the server started (app.py)."""
        return self.parts[kind]


def app_context(connection: ASGIConnection[Any, Any, Any, Any]) -> AppContext:
    return cast("AppContext", connection.app.state.context)


def current_person(connection: ASGIConnection[Any, Any, Any, Any]) -> Person:
    """The signed-in person, whom the guard has authenticated."""
    return cast("Person", connection.scope["user"])
