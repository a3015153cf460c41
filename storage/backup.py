"""A copy of everything, taken while writing goes on: the database in one step, then the photos, which never change.

In this order a photo that the copied database knows is there to be copied, since it was kept before its row.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from storage.photo_store import PhotoStore

DATABASE = "anxun.db"
PHOTOS = "photos"


class Occupied(Exception):
    """The place to write to is not empty: neither a backup nor a restore overwrites anything."""


def backup(database: Path, store: PhotoStore, target: Path, advance: Callable[[int, int], None]) -> int:
    """Copies an SQLite database and its photos into the new folder `target`; answers how many photos.

    `advance` is told (done, of how many). The copy is complete when the folder has its final name: before, it is
    called `target` with `.part` behind it. Raises Occupied.
    """
    if not database.exists():
        raise FileNotFoundError(f"{database} is not there")
    if target.exists():
        raise Occupied(f"{target} is there already")
    part = target.with_name(f"{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    _copy_database(database, part / DATABASE)
    digests = _digests(part / DATABASE)
    for at, sha256 in enumerate(digests, 1):
        _copy(store.original(sha256), part / PHOTOS / sha256[:2] / sha256)
        advance(at, len(digests))
    _flush_tree(part)
    part.rename(target)
    _flush(target.parent)
    return len(digests)


def restore(source: Path, database: Path, photos: Path, advance: Callable[[int, int], None]) -> int:
    """Puts a backup where nothing is yet; answers how many photos. Pictures that are shown are developed anew.

    Raises Occupied, FileNotFoundError.
    """
    if database.exists() or (photos.exists() and any(photos.iterdir())):
        raise Occupied(f"{database} or {photos} is there already: restore into an empty place")
    digests = _digests(source / DATABASE)
    for at, sha256 in enumerate(digests, 1):
        _copy(source / PHOTOS / sha256[:2] / sha256, photos / sha256[:2] / sha256)
        advance(at, len(digests))
    database.parent.mkdir(parents=True, exist_ok=True)
    part = database.with_name(f"{database.name}.part")
    shutil.copyfile(source / DATABASE, part)
    _flush_tree(photos)
    _flush_tree(database.parent)
    part.rename(database)  # last: a database is there only with all of its photos
    _flush(database.parent)
    return len(digests)


def _copy_database(source: Path, target: Path) -> None:
    """One step: a copy in pieces would begin again at each write of another process."""
    with (
        closing(sqlite3.connect(source)) as here,
        closing(sqlite3.connect(target)) as there,
    ):
        here.backup(there, pages=-1)
        there.execute("PRAGMA journal_mode=DELETE")


def _digests(database: Path) -> list[str]:
    if not database.exists():
        raise FileNotFoundError(f"{database} is no backup of anxun")
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return [row[0] for row in connection.execute("select sha256 from photos order by sha256")]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _flush_tree(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder, folder.parent):
        _flush(path)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
