"""The command `anxun work`."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import rich_click as click

from api.commands.server import work as run
from api.commands.terminal import settings
from api.process.logs import configure_logs


@click.command()
def work() -> None:
    """Do background work only (photos, deadlines, recurring jobs), beside servers on the same PostgreSQL.

    Any number of processes can run: each claims its work in the database, and takes over what a killed one left.
    """
    configure_logs(settings().log, settings().syslog)
    run(settings())
