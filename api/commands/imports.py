"""The commands `anxun import …`."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import sys
from collections.abc import Iterable
from pathlib import Path

import rich_click as click

from api.commands.terminal import console, settings
from api.ledger.legacy_import import imported as import_ledger
from api.places.communities import imported as import_list
from inspections.table_import import LineError

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group(name="import")
def imports() -> None:
    """What an office has already: its communities, its devices, its old ledger."""


@imports.command(name="communities")
@click.argument("file", type=_FILE)
@click.option("--preview", is_flag=True, help="Keep nothing, only say what would come of it.")
def import_communities(file: Path, *, preview: bool) -> None:
    """Bring in, rename or outline the communities of FILE: CSV (code, name, street, abbreviation) or GeoJSON.

    All of them or, where a line is wrong, none. Needs the database to itself: stop the server first, or use
    POST /communities/import.
    """
    done = import_list(settings().database_url, file.read_bytes(), apply=not preview)
    _say_wrong(done.errors)
    kept = "" if done.applied else " (nothing is kept)"
    console.print(f"{done.lines} lines, {done.wrong} errors; {done.new} new, {done.changed} changed{kept}")
    sys.exit(1 if done.wrong else 0)


@imports.command(name="hazards")
@click.argument("file", type=_FILE)
@click.option("--as", "username", required=True, help="The account it is imported by.")
@click.option("--apply", is_flag=True, help="Keep it. Without this, only say what would come of it.")
def import_hazards(file: Path, username: str, *, apply: bool) -> None:
    """Make cases of the lines of FILE (XLSX, XLS, ODS or CSV): of all of them, or of none where one is wrong.

    Columns by their titles, as in the ledger that goes out; a line that was imported before is left as it is. With
    --apply it needs the database to itself: stop the server first, or use POST /ledger/import.
    """
    with console.status("reading"):
        done = import_ledger(settings().database_url, file.read_bytes(), username, apply=apply)
    _say_wrong(done.errors)
    for title in done.aside:
        console.print(f"no field for {title}: kept in the history of each case", soft_wrap=True, markup=False)
    kept = "kept" if done.applied else "would be kept"
    console.print(f"{done.lines} lines, {done.wrong} errors; {done.new} {kept}, {done.already} were there already")
    sys.exit(1 if done.wrong else 0)


def _say_wrong(errors: Iterable[LineError]) -> None:
    for each in errors:
        console.print(f"{each.line} {each.column}: {each.message}", soft_wrap=True, markup=False)
