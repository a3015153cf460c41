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
    """Copy database and photos into the new FOLDER, also while the server runs.

    The database is copied in one step, then every photo that it knows. FOLDER has its name only when it is complete.
    Whatever they were kept in, FOLDER holds an SQLite file and photos.
    """
    check(settings().database_url)
    with progress("copying photos") as advance:
        found = list(copies.backup(settings().database_url, _photos(), folder, advance))
    report(found, f"{folder}: database and photos are copied")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
def restore(folder: Path) -> None:
    """Put the backup in FOLDER where there is nothing yet. Then: anxun verify.

    Into SQLite or PostgreSQL, a folder or a bucket: as ANXUN_DATABASE and ANXUN_PHOTOS say, wherever it was taken.
    """
    with owned(settings().database_url), progress("copying photos") as advance:
        found = list(copies.restore(folder, settings().database_url, _photos(), advance))
    report(found, "database and photos are restored")


@click.command()
def verify() -> None:
    """Check that everything kept is whole, also while the server runs: photos, histories, daily digests, numbers.

    What is not as it should be is named, a line each; the exit status is then 1.
    """
    check(settings().database_url)
    database = open_database(settings().database_url)
    with progress("reading photos") as advance:
        found = list(findings(database, _photos(), advance, settings().digest_folder))
    asyncio.run(database.close())
    report(found, "everything is whole")


def _photos() -> PhotoStore:
    return open_photos(settings().photo_place, settings().scratch)
