"""Measures the search for similar photos, and how its time grows with their number."""

import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import NamedTuple

import uvloop

from benchmarks.figures import Figure, Run
from inspections.photos.perceptual_hash import MAX_DISTANCE, distance
from storage.database import DEFINITION
from storage.engine.sqlite import SqliteDatabase
from storage.migration import migrate
from storage.repository import Repository

CLUSTER = 100
_SEARCHES = 200
_CHECKED = 5
_BITS = range(64)


class Times(NamedTuple):
    """Milliseconds per search."""

    median: float
    p99: float


def create_hashes(number: int) -> list[int]:
    """Returns hashes: nine in ten random, the others in groups of a hundred similar ones, as photos of one place."""
    dice = Random(number)
    made = [dice.getrandbits(64) for _ in range(number - number // 10)]
    for _ in range(number // 10 // CLUSTER):
        first = dice.getrandbits(64)
        changes = (dice.sample(_BITS, dice.randrange(MAX_DISTANCE + 1)) for _ in range(CLUSTER))
        made += [first ^ sum(1 << bit for bit in bits) for bits in changes]
    return made


def fill_bands(path: Path, pictures: list[int]) -> None:
    """Fills only the table `bands`, in the order of its key, so that a million pictures take ten seconds."""
    migrate(f"sqlite:///{path}")
    dice = Random(1)
    rows = ((f"{dice.getrandbits(256):064x}", picture - (picture >> 63 << 64)) for picture in pictures)
    with closing(sqlite3.connect(path)) as connection:
        for pragma in ("synchronous=OFF", "cache_size=-300000", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TEMP TABLE made (sha256, hash)")
        connection.executemany("INSERT INTO made VALUES (?, ?)", rows)
        for band in range(4):
            key = f"{band << 16} | (hash >> {16 * band} & 65535)"
            ordered = f"SELECT {key}, sha256, hash FROM made ORDER BY 1, 2"
            connection.execute(f"INSERT INTO bands (key, sha256, hash) {ordered}")
        connection.commit()


def measure_search(run: Run, folder: Path, number: int, rounds: int, most: float | None = None) -> None:
    """Measures searches for new pictures, and for pictures that have a hundred similar ones."""
    path = folder / f"{number}-pictures.db"
    pictures = create_hashes(number)
    fill_bands(path, pictures)
    dice = Random(2)
    strangers = [dice.getrandbits(64) for _ in range(_SEARCHES)]
    known = dice.choices(pictures[-(number // 10) :], k=_SEARCHES)
    database = SqliteDatabase(path, DEFINITION)

    def time_searches(wanted: list[int]) -> Times:
        each = database.read_sync(lambda repository: [_search_milliseconds(repository, picture) for picture in wanted])
        return Times(median(each), quantiles(each, n=100)[98])

    try:
        database.read_sync(partial(_check_results, pictures=pictures, wanted=known[:_CHECKED]))
        sides = {
            "a new picture": partial(time_searches, strangers),
            "one of a hundred alike": partial(time_searches, known),
        }
        with run.watch_machine(f"searches among {number:,}"):
            turns = run.take_turns(f"searches among {number:,}", rounds, sides)
    finally:
        uvloop.run(database.close())
    for kind, times in turns.items():
        run.figures += [
            Figure(f"{kind} among {number:,}: ms", [each.median for each in times], [], most=most),
            Figure("… p99 ms", [each.p99 for each in times], [], most=most),
        ]
    path.unlink()


def _search_milliseconds(repository: Repository, picture: int) -> float:
    begun = time.perf_counter()
    repository.find_similar_photos(picture)
    return 1000 * (time.perf_counter() - begun)


def _check_results(repository: Repository, pictures: list[int], wanted: list[int]) -> None:
    for picture in wanted:
        near = sorted(bits for other in pictures if (bits := distance(picture, other)) <= MAX_DISTANCE)
        assert sorted(repository.find_similar_photos(picture).values()) == near, (
            "the search finds exactly the similar photos"
        )
