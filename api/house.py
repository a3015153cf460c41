"""What a running server is made of; handlers find it at `house(request)`."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from litestar.connection import ASGIConnection

from api.alert_intake import AlertIntake
from api.answers import Answers
from api.auth import SignIn
from api.developer import Developer
from api.exporter import Exporter
from api.link_door import LinkDoor
from api.link_key import LinkKey
from api.live_feed import LiveFeed
from api.providers import Provider
from api.security_log import SecurityLog
from api.settings import Settings
from inspections.people import Person
from storage.database import Database
from storage.photo_store import PhotoStore


@dataclass(frozen=True)
class House:
    """`clock` gives the present instant; nothing else in the program asks for it.

    `providers`: who says who somebody is, besides us.
    `exporting`: who has a file read or made. `reading`: held by the file that is read.
    `answers`: figures that were said and still hold.
    `turn`: held by the photo whose next piece is taken (bodies.photo_chunks). `sending`: who sends how many at once
    """

    settings: Settings
    database: Database
    photos: PhotoStore
    log: SecurityLog
    sign_in: SignIn
    link_key: LinkKey
    door: LinkDoor
    developer: Developer
    exporter: Exporter
    intake: AlertIntake
    live: LiveFeed
    providers: Mapping[str, Provider]
    clock: Callable[[], datetime]
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    sending: Counter[str] = field(default_factory=Counter[str])
    exporting: set[str] = field(default_factory=set[str])
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    answers: Answers = field(default_factory=Answers)


def house(connection: ASGIConnection[Any, Any, Any, Any]) -> House:
    return cast("House", connection.app.state.house)


def person_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Person:
    """Who the guard let in."""
    return cast("Person", connection.scope["user"])
