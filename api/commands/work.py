"""The command `anxun work`."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import rich_click as click

from api.commands.server import work as run
from api.commands.terminal import settings
from api.process.logs import configure


@click.command()
def work() -> None:
    """Develop photos, watch deadlines and do what recurs, beside servers on the same PostgreSQL; as many as you like.

    Work is claimed in the database: nothing is done twice, and what a killed process had begun is taken up by another.
    """
    configure(settings().log, settings().syslog)
    run(settings())
