"""What a running server is made of; handlers find it at `house(request)`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from litestar.connection import ASGIConnection

from api.auth import SignIn
from api.developer import Developer
from api.link_key import LinkKey
from api.settings import Settings
from inspections.people import Person
from storage.database import Database
from storage.photo_store import PhotoStore


@dataclass(frozen=True)
class House:
    """`clock` gives the present instant; nothing else in the program asks for it."""

    settings: Settings
    database: Database
    photos: PhotoStore
    sign_in: SignIn
    link_key: LinkKey
    developer: Developer
    clock: Callable[[], datetime]


def house(connection: ASGIConnection[Any, Any, Any, Any]) -> House:
    return cast("House", connection.app.state.house)


def person_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Person:
    """Who the guard let in."""
    return cast("Person", connection.scope["user"])
