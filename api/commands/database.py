"""The commands `anxun migrate` and `anxun recount`, which have the database to themselves."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import rich_click as click

from api.commands.terminal import console, settings
from storage.engine.connections import owned
from storage.migration import check
from storage.migration import migrate as upgrade
from storage.statistics.rollup import recount as count_anew


@click.command()
def migrate() -> None:
    """Create the database, or bring it to the present schema."""
    with owned(settings().database_url):
        upgrade(settings().database_url)
    console.print(f"{settings().database_url} is up to date")


@click.command()
def recount() -> None:
    """Count everything anew from the hazards, where `anxun verify` has found a count that is wrong.

    Needs the database to itself: stop every server first.
    """
    with owned(settings().database_url):
        check(settings().database_url)
        count_anew(settings().database_url)
    console.print("everything is counted anew")
