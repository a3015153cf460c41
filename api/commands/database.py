"""The commands `anxun migrate` and `anxun recount`, which need exclusive access to the database."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import rich_click as click

from api.commands.terminal import console, settings
from storage.engine.connections import write_access
from storage.migration import check_schema
from storage.migration import migrate as upgrade
from storage.statistics.rollup import recount_database as count_anew


@click.command()
def migrate() -> None:
    """Create the database, or upgrade it to the current schema."""
    with write_access(settings().database_url):
        upgrade(settings().database_url)
    console.print("the database is up to date")


@click.command()
def recount() -> None:
    """Recompute all counters from the hazards, after `anxun verify` has found a wrong one.

    Needs exclusive access to the database: stop every server first.
    """
    with write_access(settings().database_url):
        check_schema(settings().database_url)
        count_anew(settings().database_url)
    console.print("everything is counted anew")
