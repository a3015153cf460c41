"""The commands `anxun history …`."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import asyncio
from pathlib import Path

import rich_click as click

from api.commands.terminal import print_line, progress_bar, report_findings, settings
from storage.database import open_database
from storage.migration import check_schema
from storage.upkeep.history_file import check_export as check_file
from storage.upkeep.history_file import export_histories as write


@click.group()
def history() -> None:
    """Export all histories to one file, and check such a file without the database."""


@history.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def export(file: Path) -> None:
    """Write every line of every history to FILE (JSON, one record a line); the server may be running."""
    check_schema(settings().database_url)
    database = open_database(settings().database_url)
    with progress_bar("writing histories") as advance:
        written = write(database, file, advance)
    asyncio.run(database.close())
    print_line(f"{file}: {written.lines} lines of {written.hazards} hazards")


@history.command(name="verify")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--digests", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Their folder.")
def verify_history(file: Path, digests: Path | None) -> None:
    """Check an exported FILE without the database: every line against its digest, every chain against its head.

    With --digests the daily digests are compared too, which reveals rewritten and truncated histories.
    """
    with progress_bar("reading histories") as advance:
        found = list(check_file(file, digests, advance))
    report_findings(found, "every history is whole")
