"""The commands `anxun backup`, `anxun restore` and `anxun verify`."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import asyncio
from pathlib import Path

import rich_click as click

from api.commands.terminal import progress, report, settings
from storage.database import open_database
from storage.engine.connections import owned
from storage.migration import check
from storage.photos.store import PhotoStore, open_photos
from storage.upkeep import backup as copies
from storage.upkeep.verification import verify as findings


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def backup(folder: Path) -> None:
    """Copy database and photos into the new FOLDER; the server may be running.

    The database is copied in one step, then all of its photos. FOLDER gets its name only when the copy is complete. It
    holds an SQLite file and photos, whatever database and photo store they come from.
    """
    check(settings().database_url)
    with progress("copying photos") as advance:
        found = list(copies.backup(settings().database_url, _photos(), folder, advance))
    report(found, f"{folder}: database and photos are copied")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
def restore(folder: Path) -> None:
    """Restore the backup in FOLDER into an empty database and photo store. Then run: anxun verify.

    ANXUN_DATABASE and ANXUN_PHOTOS name the targets, which may differ in kind from the original ones.
    """
    with owned(settings().database_url), progress("copying photos") as advance:
        found = list(copies.restore(folder, settings().database_url, _photos(), advance))
    report(found, "database and photos are restored")


@click.command()
def verify() -> None:
    """Check photos, histories, daily digests, numbers and counters; the server may be running.

    Each finding is printed on a line, and the exit status is then 1.
    """
    check(settings().database_url)
    database = open_database(settings().database_url)
    with progress("reading photos") as advance:
        found = list(findings(database, _photos(), advance, settings().digest_folder))
    asyncio.run(database.close())
    report(found, "everything is whole")


def _photos() -> PhotoStore:
    return open_photos(settings().photo_place, settings().scratch)
