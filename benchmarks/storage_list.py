"""Lists the newest hundred hazards as JSON: by `hazard_page`, by the whole route, and by sqlite3 alone."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from enum import EnumType
from functools import partial
from pathlib import Path
from random import Random
from types import NoneType
from typing import Any, get_args, get_origin
from uuid import UUID

import msgspec
import uvloop
from msgspec.structs import fields

from api.app import utc_now
from api.demo.office import COMMUNITIES
from api.hazards.routes import _read_page
from api.hazards.views import HazardList, encode_cursor, hazard_views
from benchmarks.storage_recorder import record_statements
from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.accounts.security_profile import STANDARD
from inspections.hazards.records import Hazard
from storage.database import DEFINITION
from storage.engine.sqlite import SqliteDatabase
from storage.hazards.filters import HazardFilters
from storage.hazards.listing import NEWEST_FIRST, ListScopes, hazard_page, page_cursor
from storage.repository import Repository

PAGE = 100
_FILLED = ("hazards", "entries", "mentions")
encode = msgspec.json.Encoder().encode


def fill_hazards(path: Path, number: int) -> None:
    """Copies the first hazard until there are `number`, each a minute older; the newest have history and a photo.

    Ids, numbers and communities differ. Half of them have a deadline and a handler; half of those are closed.
    """
    dice = Random(1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-200000")
        connection.row_factory = sqlite3.Row
        first = {table: dict(connection.execute(f"SELECT * FROM {table}").fetchone()) for table in _FILLED}
        rows: dict[str, list[dict[str, Any]]] = {table: [] for table in _FILLED}
        for at in range(connection.execute("SELECT count(*) FROM hazards").fetchone()[0], number):
            made = f"{dice.getrandbits(128):032x}"
            rows["hazards"].append(_copy_hazard(first["hazards"], made, at))
            if at < 2 * PAGE:
                rows["entries"].append(first["entries"] | {"id": made, "hazard": made})
                rows["mentions"].append(first["mentions"] | {"entry": made, "hazard": made})
        for table, these in rows.items():
            names = ", ".join(f'"{name}"' for name in first[table])
            values = ", ".join(f":{name}" for name in first[table])
            connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({values})", these)
        connection.commit()


def _copy_hazard(row: dict[str, Any], made: str, at: int) -> dict[str, Any]:
    community = COMMUNITIES[at % len(COMMUNITIES)].code
    when = row["reported_at"] - at * 60_000_000
    told = {"id": made, "number": f"XJ-2025-{at:06d}", "community": community, "reported_at": when}
    assigned = {"state": "rectifying", "lead": "handler", "accepted_at": when, "due_at": when + 10**12}
    closed = {"state": "closed", "outcome": "fixed", "submitted_at": when, "closed_at": when}
    return row | told | (assigned if at % 2 else {}) | (closed if at % 4 == 3 else {})


class Pages:
    """The first page of one person, made in three ways; `anxun_page` and `sqlite_page` return the same bytes."""

    def __init__(self, path: Path, person: Person) -> None:
        self._database = SqliteDatabase(path, DEFINITION)
        self._person = person
        self._filters = HazardFilters(utc_now())
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._statement = self._page_statement(path)

    def _page_statement(self, path: Path) -> tuple[str, Any]:
        """Returns the SELECT that `hazard_page` sends, and its parameters."""
        with record_statements() as statements:
            database = SqliteDatabase(path, DEFINITION)
            database.read_sync(self._list_hazards)
            uvloop.run(database.close())
        return next(
            (sql, parameters) for sql, parameters, _ in statements if " FROM hazards " in sql.replace("\n", " ")
        )

    def _list_hazards(self, repository: Repository) -> list[Hazard]:
        reach = ListScopes(scope(self._person, "hazard.see"), scope(self._person, "hazard.personal"))
        return hazard_page(repository, reach, self._filters, None, PAGE)

    def anxun_page(self) -> bytes:
        return encode(self._database.read_sync(self._list_hazards))

    def route_page(self) -> bytes:
        """Returns the page of `GET /hazards`: one more hazard, the photos, and this person's view."""
        ask = partial(
            _read_page,
            person=self._person,
            filters=self._filters,
            sort=NEWEST_FIRST,
            after=None,
            limit=PAGE,
            count=False,
        )
        dossiers, more, _ = self._database.read_sync(ask)
        views = hazard_views(dossiers, self._person, self._filters.now, STANDARD)
        return encode(
            HazardList(
                views, encode_cursor(page_cursor(dossiers[-1].hazard, self._filters, NEWEST_FIRST)) if more else None
            )
        )

    def sqlite_page(self) -> bytes:
        """Runs the same SELECT with sqlite3 and converts each row to a Hazard by hand."""
        return encode([_hazard_from_row(row) for row in self._connection.execute(*self._statement)])

    def close(self) -> None:
        self._connection.close()
        uvloop.run(self._database.close())


def _instant(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


def _column_converter(kind: Any) -> Callable[[Any], Any] | None:
    """Returns the conversion from a column to a field of this type; None if none is needed."""
    shape = (
        next((one for one in get_args(kind) if one is not NoneType), kind) if get_origin(kind) is not tuple else kind
    )
    if shape in {str, int}:
        return None
    if shape is datetime:
        return _instant
    if shape in {bool, UUID}:
        return shape
    if isinstance(shape, EnumType):
        return {member.value: member for member in shape}.__getitem__
    return msgspec.json.Decoder(shape).decode


_CONVERTERS = [(at, to) for at, field in enumerate(fields(Hazard)) if (to := _column_converter(field.type))]


def _hazard_from_row(row: tuple[Any, ...]) -> Hazard:
    values = list(row)
    for at, convert in _CONVERTERS:
        if values[at] is not None:
            values[at] = convert(values[at])
    return Hazard(*values)
