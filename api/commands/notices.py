"""The commands `anxun notices …`."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

from uuid import UUID

import rich_click as click

from api.commands.dead_letters import dead_letter_lines, replay_dead_letters
from api.commands.terminal import console, print_line, settings


@click.group()
def notices() -> None:
    """List and replay abandoned deliveries of notices."""


@notices.command()
def dead() -> None:
    """List abandoned deliveries with id, channel, recipients and error; the server may be running."""
    lines = dead_letter_lines(settings().database_url)
    for line in lines or ["nothing was given up"]:
        print_line(line)


@notices.command(name="replay")
@click.argument("delivery", type=click.UUID, required=False)
@click.option("--all", "everything", is_flag=True, help="Replay all abandoned deliveries.")
def replay_notices(delivery: UUID | None, *, everything: bool) -> None:
    """Try DELIVERY again. On SQLite stop the server first, or use POST /deliveries/{id}/replay."""
    if (delivery is None) is not everything:
        raise click.UsageError("name a DELIVERY, or --all")
    console.print(f"{replay_dead_letters(settings().database_url, delivery)} deliveries are tried again")
