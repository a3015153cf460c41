"""The commands `anxun notices …`."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

from uuid import UUID

import rich_click as click

from api.commands.dead_letters import listed, replayed
from api.commands.terminal import console, settings


@click.group()
def notices() -> None:
    """Deliveries of notices that were given up."""


@notices.command()
def dead() -> None:
    """List what was given up, a line each, also while the server runs: id, channel, recipients, how it ended."""
    lines = listed(settings().database_url)
    for line in lines or ["nothing was given up"]:
        console.print(line, soft_wrap=True, markup=False)


@notices.command(name="replay")
@click.argument("delivery", type=click.UUID, required=False)
@click.option("--all", "everything", is_flag=True, help="All that was given up.")
def replay_notices(delivery: UUID | None, *, everything: bool) -> None:
    """Try DELIVERY again. On SQLite stop the server first, or use POST /deliveries/{id}/replay."""
    if (delivery is None) is not everything:
        raise click.UsageError("name a DELIVERY, or --all")
    console.print(f"{replayed(settings().database_url, delivery)} deliveries are tried again")
