"""Whether what is kept is whole: photos against their rows and digests, history against its hazards, numbers."""

import hashlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sqlalchemy import func, select

from inspections.errors import Missing
from storage.database import Database
from storage.photo_store import PhotoStore, read_original
from storage.register import Register
from storage.tables import entries, hazards, numbers, photos


class Finding(NamedTuple):
    """Something that is not as it should be, named so that a person finds it."""

    what: str
    where: str


def verify(database: Database, store: PhotoStore, advance: Callable[[int, int], None]) -> Iterator[Finding]:
    """Every finding there is; `advance` is told (done, of how many) as the photos are read."""
    yield from (Finding("database is damaged", words) for words in database.damage())
    yield from database.ask(lambda register: list(_histories(register)))
    yield from database.ask(lambda register: list(_numbers(register)))
    rows = database.ask(lambda register: register.rows(select(photos.c.sha256).order_by(photos.c.sha256)))
    for at, (sha256,) in enumerate(rows, 1):
        yield from _photo(store, sha256)
        advance(at, len(rows))


def _histories(register: Register) -> Iterator[Finding]:
    """A hazard's lines are numbered from 1 to its length without a gap, and the last one says its state."""
    last = (
        select(
            entries.c.hazard,
            func.count().label("lines"),
            func.max(entries.c.seq).label("last"),
            func.min(entries.c.seq).label("first"),
        )
        .group_by(entries.c.hazard)
        .subquery()
    )
    final = entries.alias()
    query = (
        select(
            hazards.c.number,
            hazards.c.state,
            hazards.c.history_length,
            last.c.lines,
            last.c.first,
            last.c.last,
            final.c.state,
        )
        .select_from(hazards)
        .outerjoin(last, last.c.hazard == hazards.c.id)
        .outerjoin(final, (final.c.hazard == hazards.c.id) & (final.c.seq == last.c.last))
    )
    for number, state, length, lines, first, highest, final_state in register.rows(query):
        if (lines, first, highest) != (length, 1, length):
            yield Finding("history is not whole", f"{number}: {lines or 0} of {length} lines")
        elif state != final_state:
            yield Finding("state is not what the history says", f"{number}: {state}, history {final_state}")


def _numbers(register: Register) -> Iterator[Finding]:
    """No hazard has a number beyond what its series has given out."""
    given = dict(map(tuple, register.rows(select(numbers.c.series, numbers.c.last))))
    for (number,) in register.rows(select(hazards.c.number)):
        series, _, counted = number.rpartition("-")
        if int(counted) > given.get(series, 0):
            yield Finding("number was never given out", number)


def _photo(store: PhotoStore, sha256: str) -> Iterator[Finding]:
    try:
        digest = hashlib.sha256(read_original(store, sha256)).hexdigest()
    except Missing:
        yield Finding("photo is missing", sha256)
    else:
        if digest != sha256:
            yield Finding("photo is not what it was", sha256)
