"""Backup of a running server: the database in one step, then the photos, which never change; and restore.

Since a photo is stored before its row, every photo of the copied database can be copied afterwards. The backup is
always an SQLite file and a folder, so it can be restored into any kind of database and photo store.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, bindparam, insert, select, update

from inspections.errors import NotFound
from inspections.photos.records import PHOTO_BYTES
from storage.engine.connections import analyze, sqlite_path, writing_engine
from storage.engine.failures import OperatorError
from storage.engine.findings import Finding
from storage.migration import migrate, refuse_newer_schema
from storage.photos.names import original_name
from storage.photos.store import PhotoStore, read_original
from storage.schema import METADATA
from storage.statistics.tables import counter_deltas
from storage.sync.change_log import FEED_TABLES, reset_feed

DATABASE = "anxun.db"
PHOTOS = "photos"
_ROWS = 500
_TABLES = [table for table in METADATA.sorted_tables if table not in FEED_TABLES]

ProgressCallback = Callable[[int, int], None]
"""A callback that receives the progress: (done, total)."""


class NonEmptyTarget(OperatorError):
    """The target is not empty; neither a backup nor a restore overwrites anything."""


class UnreadableBackup(OperatorError):
    """The folder is no backup that this program can restore."""


def backup(url: str, store: PhotoStore, target: Path, advance: ProgressCallback) -> Iterator[Finding]:
    """Copies database and photos into the new folder `target`; yields photos that cannot be copied, and continues.

    The folder is called `<target>.part` until the copy is complete. Raises NonEmptyTarget, FileNotFoundError.
    """
    if target.exists():
        raise NonEmptyTarget(f"{target} is there already")
    part = target.with_name(f"{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    _copy_database(url, part / DATABASE)
    digests = _photo_digests(part / DATABASE)
    for at, sha256 in enumerate(digests, 1):
        yield from _copy_photo(store, sha256, part / PHOTOS / original_name(sha256))
        advance(at, len(digests))
    _flush_tree(part)
    part.rename(target)
    _flush(target.parent)


def restore(source: Path, url: str, store: PhotoStore, advance: ProgressCallback) -> Iterator[Finding]:
    """Restores a backup into an empty place. The database comes last, so that it never exists without its photos.

    Yields photos that are missing or altered in the backup. Display versions of photos are developed again. Only the
    database and the regular files that it names by their digests are read, up to the size of a photo. Raises
    NonEmptyTarget, FileNotFoundError, UnreadableBackup, WrongSchema.
    """
    digests = _photo_digests(source / DATABASE)
    if next(store.list_files(), None):
        raise NonEmptyTarget("there are photos already: restore into an empty place")
    _require_empty_database(url)
    for at, sha256 in enumerate(digests, 1):
        yield from _restore_photo(source / PHOTOS / original_name(sha256), sha256, store)
        advance(at, len(digests))
    _restore_database(source / DATABASE, url)


def _copy_database(url: str, target: Path) -> None:
    source = sqlite_path(url)
    if source is None:
        copy = f"sqlite:///{target}"
        migrate(copy)
        _copy_all_rows(url, copy)
    elif source.exists():
        with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
            here.backup(there, pages=-1)  # in one step: a stepwise copy would restart at each write
    else:
        raise FileNotFoundError(f"{source} is not there")
    with closing(sqlite3.connect(target)) as copied:
        copied.execute("PRAGMA journal_mode=DELETE")  # leaves a single file


def _restore_database(source: Path, url: str) -> None:
    database = sqlite_path(url)
    if database is not None:
        part = database.with_name(f"{database.name}.part")
        shutil.copyfile(source, part)
        migrate(f"sqlite:///{part}")  # an old backup is migrated first
        _restart_feed(f"sqlite:///{part}")
        _flush(part)
        part.rename(database)
        _flush(database.parent)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / DATABASE
        shutil.copyfile(source, copy)
        migrate(f"sqlite:///{copy}")  # an old backup is migrated before its rows are copied
        migrate(url)
        _copy_all_rows(f"sqlite:///{copy}", url)
        analyze(url)


def _restart_feed(url: str) -> None:
    """Starts a new change feed, so that clients synchronise from scratch: the data went back in time."""
    engine = writing_engine(url)
    with engine.begin() as connection:
        reset_feed(connection)
    engine.dispose()


def _require_empty_database(url: str) -> None:
    database = sqlite_path(url)
    if database is not None:
        database.parent.mkdir(parents=True, exist_ok=True)
        occupied = database.exists()
    else:
        migrate(url)
        engine = writing_engine(url)
        with engine.connect() as connection:
            occupied = any(connection.execute(select(table).limit(1)).first() for table in _TABLES)
        engine.dispose()
    if occupied:
        raise NonEmptyTarget("the database is there already: restore into an empty place")


def _copy_all_rows(source: str, target: str) -> None:
    """Copies all rows of one snapshot in one transaction."""
    here, there = writing_engine(source), writing_engine(target)
    snapshot = "REPEATABLE READ" if here.dialect.name == "postgresql" else "SERIALIZABLE"
    try:
        with here.connect().execution_options(isolation_level=snapshot) as reading, there.begin() as writing:
            _copy_rows(reading, writing)
    finally:
        here.dispose()
        there.dispose()


def _copy_rows(source: Connection, target: Connection) -> None:
    """Copies rows in foreign-key order; references within a table are set after all of its rows are inserted."""
    for table in _TABLES:
        own = [column for column in table.c if any(key.column.table is table for key in column.foreign_keys)]
        later: list[dict[str, object]] = []
        rows = source.execution_options(yield_per=_ROWS).execute(select(table)).mappings()
        left = {each.name: None for each in own}
        for batch in rows.partitions():
            copies = [{**row, **left} for row in batch]
            if table is counter_deltas:  # the target numbers them itself, and would reuse these
                copies = [{name: value for name, value in row.items() if name != "id"} for row in copies]
            target.execute(insert(table), copies)
            later += [
                {"own_id": row["id"], **{each.name: row[each.name] for each in own}}
                for row in batch
                if any(row[each.name] for each in own)
            ]
        if later:
            target.execute(update(table).where(table.c.id == bindparam("own_id")), later)


def _photo_digests(database: Path) -> list[str]:
    if not database.is_file():
        raise FileNotFoundError(f"{database} is no backup of anxun")
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (revision,) = connection.execute("select version_num from alembic_version").fetchone() or (None,)
            kept = "select sha256 from photos where state <> 'let_go' order by sha256"
            digests = [str(row[0]) for row in connection.execute(kept)]
    except sqlite3.DatabaseError as error:
        raise UnreadableBackup(f"{database} is no backup of anxun: {error}") from error
    refuse_newer_schema(revision)
    return digests


def _copy_photo(store: PhotoStore, sha256: str, target: Path) -> Iterator[Finding]:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.write_bytes(read_original(store, sha256))
    except NotFound:
        yield Finding("photo is missing", sha256)


def _restore_photo(source: Path, sha256: str, store: PhotoStore) -> Iterator[Finding]:
    if not source.exists():
        yield Finding("photo is missing in the backup", str(source))
        return
    if not source.is_file() or source.stat().st_size > PHOTO_BYTES:  # a device or a pipe may never end
        yield Finding("photo is not what it was", str(source))
        return
    with store.open_incoming_file() as incoming:
        incoming.write(source.read_bytes())
        if incoming.sha256 != sha256:
            yield Finding("photo is not what it was", str(source))
            return
        store.save(incoming, original_name(incoming.sha256))


def _flush_tree(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder, folder.parent):
        _flush(path)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
