"""The commands `anxun backup`, `anxun restore` and `anxun verify`."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import asyncio
from pathlib import Path

import rich_click as click

from api.commands.terminal import progress_bar, report_findings, settings
from storage.database import open_database
from storage.engine.connections import write_access
from storage.migration import check_schema
from storage.photos.store import PhotoStore, open_photo_store
from storage.upkeep import backup as copies
from storage.upkeep.verification import verify as findings


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def backup(folder: Path) -> None:
    """Copy database and photos into the new FOLDER; the server may be running.

    The database is copied in one step, then all of its photos. FOLDER gets its name only when the copy is complete. It
    holds an SQLite file and photos, whatever database and photo store they come from.
    """
    check_schema(settings().database_url)
    with progress_bar("copying photos") as advance:
        found = list(copies.backup(settings().database_url, _photo_store(), folder, advance))
    report_findings(found, f"{folder}: database and photos are copied")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
def restore(folder: Path) -> None:
    """Restore the backup in FOLDER into an empty database and photo store. Then run: anxun verify.

    ANXUN_DATABASE and ANXUN_PHOTOS name the targets, which may differ in kind from the original ones.
    """
    with write_access(settings().database_url), progress_bar("copying photos") as advance:
        found = list(copies.restore(folder, settings().database_url, _photo_store(), advance))
    report_findings(found, "database and photos are restored")


@click.command()
def verify() -> None:
    """Check photos, histories, daily digests, numbers and counters; the server may be running.

    Each finding is printed on a line, and the exit status is then 1.
    """
    check_schema(settings().database_url)
    database = open_database(settings().database_url)
    with progress_bar("reading photos") as advance:
        found = list(findings(database, _photo_store(), advance, settings().digest_folder))
    asyncio.run(database.close())
    report_findings(found, "everything is whole")


def _photo_store() -> PhotoStore:
    return open_photo_store(settings().photo_location, settings().incoming_folder)
