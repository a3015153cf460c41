"""The command `anxun openapi`."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import rich_click as click

from api.app import describe
from api.settings import Settings


@click.command()
def openapi() -> None:
    """Print the OpenAPI document of the API."""
    click.echo(describe(Settings()))
