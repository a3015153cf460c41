"""The commands `anxun user …`, which create the first accounts without a running server."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
import rich_click as click

from api.accounts.authentication import HASHER
from api.commands.terminal import console, settings
from api.settings import CommandError
from inspections.accounts.actions.people import AdminScopes, CreatedPerson, add_person
from inspections.accounts.actions.security_log import Caller, with_security_event
from inspections.accounts.people import SYSTEM, Grant, NewPerson, Person
from inspections.accounts.policy import Scope
from inspections.accounts.security_log import Event
from inspections.accounts.security_profile import STANDARD, SecurityProfile
from inspections.errors import Refusal
from storage.database import open_database
from storage.engine.connections import write_access
from storage.migration import check_schema

_ALL_POWERS = AdminScopes(*[Scope("", ("",), ())] * 3)
"""The rights of the operator of the machine, who may create any account."""
_LOCAL_CALLER = Caller(SYSTEM, "local")


@click.group()
def user() -> None:
    """Create the first accounts, and list them. Administrators create the others with POST /people."""


@user.command("add")
@click.argument("username")
@click.option("--name", required=True, help="The display name.")
@click.option("--role", "roles", multiple=True, help="ROLE:SCOPE, such as inspector:330402009036; ROLE: for all.")
@click.option("--password-file", type=click.Path(path_type=Path, exists=True), help="Its first line; else a prompt.")
def add_user(username: str, name: str, roles: tuple[str, ...], password_file: Path | None) -> None:
    """Create the account USERNAME, with any number of roles. On SQLite stop the server first."""
    if password_file:
        password = password_file.read_text().partition("\n")[0].rstrip("\r")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    create_account(settings().database_url, username, name, roles, password, settings().security_profile)
    console.print(f"{username} is there")


@user.command("list")
def list_users() -> None:
    """List every account with its roles; the server may be running."""
    for line in account_lines(settings().database_url):
        console.print(line, soft_wrap=True, markup=False)


def create_account(
    url: str, username: str, name: str, roles: Sequence[str], password: str, profile: SecurityProfile = STANDARD
) -> None:
    """Creates an account. `roles`: each `role:scope`. Raises CommandError, DatabaseInUse, WrongSchema."""
    asked = _parse_account(username, name, roles, password)
    with write_access(url):
        check_schema(url)
        try:
            asyncio.run(_create_account(url, asked, profile))
        except Refusal as refusal:
            raise CommandError(f"{username}: {refusal.title}; {refusal}") from None


def account_lines(url: str) -> list[str]:
    """One line of text for each account. Raises WrongSchema."""
    check_schema(url)
    return asyncio.run(_load_account_lines(url))


def _parse_account(username: str, name: str, roles: Sequence[str], password: str) -> NewPerson:
    parts = [role.partition(":") for role in roles]
    if missing := [role for role, colon, _ in parts if not colon]:
        raise CommandError(
            f"a role needs a scope, such as {missing[0]}:330402009036, or {missing[0]}: for the whole office"
        )
    grants = [{"role": role, "scope": scope} for role, _, scope in parts]
    body = {"username": username, "name": name, "password": password, "grants": grants}
    try:
        return msgspec.convert(body, NewPerson)
    except msgspec.ValidationError as error:
        raise CommandError(str(error)) from None


async def _create_account(url: str, asked: NewPerson, profile: SecurityProfile) -> CreatedPerson:
    profile.check_password("password", asked.password, asked.username)
    database = open_database(url)
    try:
        password = HASHER.hash(asked.password)
        action = partial(add_person, by=_ALL_POWERS, asked=asked, password=password, profile=profile)
        facts = {"grants": " ".join(f"{each.role}:{each.scope}" for each in asked.grants)}
        now = datetime.now(UTC)
        return await database.transact(
            with_security_event(action, Event.ACCOUNT_MADE, _LOCAL_CALLER, now, asked.username, facts)
        )
    finally:
        await database.close()


async def _load_account_lines(url: str) -> list[str]:
    database = open_database(url)
    try:
        return [_format_account(person) for person in await database.read(lambda repository: repository.people())]
    finally:
        await database.close()


def _format_account(person: Person) -> str:
    roles = " ".join(_format_grant(grant) for grant in person.grants)
    return f"{person.username}  {person.name}  {roles}{'' if person.active else '  (inactive)'}"


def _format_grant(grant: Grant) -> str:
    period = f"[{grant.since or ''}..{grant.until or ''}]" if grant.since or grant.until else ""
    return f"{grant.role}:{grant.scope}{period}"
