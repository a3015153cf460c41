"""The commands `anxun user …`."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

from pathlib import Path

import rich_click as click

from api.commands.accounts import add, listed
from api.commands.terminal import console, settings


@click.group()
def user() -> None:
    """Make the first accounts, and list them; the others an administrator makes by POST /people."""


@user.command("add")
@click.argument("username")
@click.option("--name", required=True, help="As people read it.")
@click.option("--role", "roles", multiple=True, help="ROLE:SCOPE, such as inspector:330402009036; ROLE: for all.")
@click.option("--password-file", type=click.Path(path_type=Path, exists=True), help="Its first line; else asked for.")
def add_user(username: str, name: str, roles: tuple[str, ...], password_file: Path | None) -> None:
    """Make the account USERNAME, with any number of roles. Needs the database to itself: stop the server first."""
    if password_file:
        password = password_file.read_text().partition("\n")[0].rstrip("\r")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    add(settings().database_url, username, name, roles, password, settings().asks)
    console.print(f"{username} is there")


@user.command("list")
def list_users() -> None:
    """Every account with its roles, also while the server runs."""
    for line in listed(settings().database_url):
        console.print(line, soft_wrap=True, markup=False)
