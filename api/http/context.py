"""What a running server is made of; handlers find it at `context_of(request)`."""

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
    """Writes a line of the security log with what it is about."""

    async def transact(
        self, action: Action[T], event: Event, caller: Caller, about: str = "", facts: Mapping[str, str] | None = None
    ) -> T:
        """Where the action changes nothing there is no line. Raises what it raises."""
        ...

    async def note(self, event: Event, caller: Caller, about: str = "", facts: Mapping[str, str] | None = None) -> None:
        """For what changes nothing else."""
        ...


@dataclass(frozen=True)
class AppContext:
    """What all subjects need, and the parts that some of them own.

    `clock` gives the present instant; nothing else in the program asks for it. `parts`: by their classes.
    """

    settings: Settings
    database: Database
    photos: PhotoStore
    log: Log
    clock: Callable[[], datetime]
    parts: Mapping[type[Any], Any]

    def part(self, kind: type[T]) -> T:
        """What the subject that owns `kind` has put here when the server started (app.py)."""
        return self.parts[kind]


def context_of(connection: ASGIConnection[Any, Any, Any, Any]) -> AppContext:
    return cast("AppContext", connection.app.state.context)


def person_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Person:
    """Who the guard let in."""
    return cast("Person", connection.scope["user"])
