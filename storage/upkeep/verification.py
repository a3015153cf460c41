"""Checks photos, histories, daily digests, number series and counters for consistency."""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from sqlalchemy import select

from inspections.errors import NotFound
from inspections.fix_links.links import FixLink
from storage.accounts.repository import AccountRepository
from storage.database import Database
from storage.engine.findings import Finding
from storage.engine.tables import numbers
from storage.fix_links.tables import fix_links
from storage.hazards.photo_evidence import HAS_BYTES
from storage.hazards.tables import hazards
from storage.photos.store import PhotoStore, read_original
from storage.photos.tables import photos, receipts
from storage.statistics.rollup import check_counts, check_office_counts
from storage.upkeep.histories import load_line_digests, missing_hazards, read_histories
from storage.upkeep.history_digests import check_digests


def verify(
    database: Database, store: PhotoStore, advance: Callable[[int, int], None], digests: Path | None = None
) -> Iterator[Finding]:
    """Yields all findings; `advance` receives (done, total) while photos are read.

    `digests`: the folder of the daily digests, if there is one.
    """
    yield from (Finding("database is damaged", words) for words in database.integrity_errors())
    yield from _check_histories(database)
    if digests is not None:
        yield from check_digests(digests, partial(load_line_digests, database))
    yield from database.read_sync(lambda repository: [*_check_numbers(repository), *_check_senders(repository)])
    for community in database.read_sync(lambda repository: repository.communities()):
        yield from database.read_sync(lambda repository, code=community.code: list(check_counts(repository, code)))
    yield from database.read_sync(lambda repository: list(check_office_counts(repository)))
    rows = database.read_sync(
        lambda repository: repository.rows(select(photos.c.sha256).where(HAS_BYTES).order_by(photos.c.sha256))
    )
    for at, (sha256,) in enumerate(rows, 1):
        yield from _check_photo(store, sha256)
        advance(at, len(rows))


def _check_histories(database: Database) -> Iterator[Finding]:
    for history in read_histories(database):
        yield from (Finding(what, f"{history.heading.number}: {where}") for what, where in history.breaks())
    yield from (Finding("line belongs to no hazard", str(hazard)) for hazard in missing_hazards(database))


def _check_numbers(repository: AccountRepository) -> Iterator[Finding]:
    """Checks that no hazard has a number beyond the last one of its series."""
    given = dict(map(tuple, repository.rows(select(numbers.c.series, numbers.c.last))))
    for (number,) in repository.rows(select(hazards.c.number)):
        series, _, counted = number.rpartition("-")
        if int(counted) > given.get(series, 0):
            yield Finding("number was never given out", number)


def _check_senders(repository: AccountRepository) -> Iterator[Finding]:
    """Checks that photos were sent by an existing account or link, which no foreign key can express."""
    links = (FixLink(*row) for row in repository.rows(select(fix_links)))
    known = {person.username for person in repository.people()} | {link.sender.username for link in links}
    for (username,) in repository.rows(select(receipts.c.username).distinct()):
        if username not in known:
            yield Finding("photos were sent by nobody", username)


def _check_photo(store: PhotoStore, sha256: str) -> Iterator[Finding]:
    try:
        digest = hashlib.sha256(read_original(store, sha256)).hexdigest()
    except NotFound:
        yield Finding("photo is missing", sha256)
    else:
        if digest != sha256:
            yield Finding("photo is not what it was", sha256)
