"""The commands `anxun import …`."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import sys
from collections.abc import Iterable
from pathlib import Path

import rich_click as click

from api.commands.terminal import console, print_line, settings
from api.ledger.legacy_import import import_ledger_file as import_ledger
from api.places.communities import import_communities_locally as import_list
from inspections.table_import import LineError

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group(name="import")
def imports() -> None:
    """Import existing data of an office: its communities and its old ledger."""


@imports.command(name="communities")
@click.argument("file", type=_FILE)
@click.option("--preview", is_flag=True, help="Only report what would change, and store nothing.")
def import_communities(file: Path, *, preview: bool) -> None:
    """Create or update the communities of FILE: CSV (code, name, street, abbreviation), or GeoJSON with outlines.

    All lines are imported or, if one is wrong, none. On SQLite stop the server first, or use
    POST /communities/import.
    """
    done = import_list(settings().database_url, file.read_bytes(), apply=not preview)
    _print_errors(done.errors)
    kept = "" if done.applied else " (nothing is kept)"
    console.print(f"{done.lines} lines, {done.wrong} errors; {done.new} new, {done.changed} changed{kept}")
    sys.exit(1 if done.wrong else 0)


@imports.command(name="hazards")
@click.argument("file", type=_FILE)
@click.option("--as", "username", required=True, help="The account that imports it.")
@click.option("--apply", is_flag=True, help="Store the cases. Without this, only report what would be imported.")
def import_hazards(file: Path, username: str, *, apply: bool) -> None:
    """Create a case for each line of FILE (XLSX, XLS, ODS or CSV): for all of them or, if one is wrong, for none.

    Columns are recognised by the titles of the exported ledger; lines imported before are skipped. With --apply on
    SQLite, stop the server first, or use POST /ledger/import.
    """
    with console.status("reading"):
        done = import_ledger(settings().database_url, file.read_bytes(), username, apply=apply)
    _print_errors(done.errors)
    for title in done.aside:
        print_line(f"no field for {title}: kept in the history of each case")
    kept = "kept" if done.applied else "would be kept"
    console.print(f"{done.lines} lines, {done.wrong} errors; {done.new} {kept}, {done.already} were there already")
    sys.exit(1 if done.wrong else 0)


def _print_errors(errors: Iterable[LineError]) -> None:
    for each in errors:
        print_line(f"{each.line} {each.column}: {each.message}")
