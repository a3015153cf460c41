"""The commands `anxun user …`, which create the first accounts without a running server."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click

from api.accounts.sign_in.authentication import HASHER
from api.commands.terminal import console, print_line, settings
from api.settings import CommandError
from inspections.accounts.actions.people import AdminScopes, CreatedPerson, add_person, change_person
from inspections.accounts.actions.second_factor import reset_factor
from inspections.accounts.actions.security_log import Caller, with_security_event
from inspections.accounts.people import SYSTEM, Grant, NewPerson, Person, PersonChange
from inspections.accounts.policy import Scope
from inspections.accounts.security_log import Event
from inspections.accounts.security_profile import STANDARD, SecurityProfile
from inspections.change import Change
from inspections.errors import NotFound, Refusal
from storage.database import Database, open_database
from storage.engine.connections import write_access
from storage.migration import check_schema
from storage.repository import Repository

_ALL_POWERS = AdminScopes(*[Scope("", ("",), ())] * 3, confirmed=True)
"""The rights of the operator of the machine, who may create and change any account."""
_LOCAL_CALLER = Caller(SYSTEM, "local")


@click.group()
def user() -> None:
    """Create the first accounts, list them, and let a locked-out administrator in again.

    Administrators create and change the others with POST /people.
    """


@user.command("add")
@click.argument("username")
@click.option("--name", required=True, help="The display name.")
@click.option("--role", "roles", multiple=True, help="ROLE:SCOPE, such as inspector:330402009036; ROLE: for all.")
@click.option("--password-file", type=click.Path(path_type=Path, exists=True), help="Its first line; else a prompt.")
def add_user(username: str, name: str, roles: tuple[str, ...], password_file: Path | None) -> None:
    """Create the account USERNAME, with any number of roles. On SQLite stop the server first."""
    password = _read_password(password_file)
    create_account(settings().database_url, username, name, roles, password, settings().security_profile)
    console.print(f"{username} is there")


@user.command("reset")
@click.argument("username")
@click.option("--password-file", type=click.Path(path_type=Path, exists=True), help="Its first line; else a prompt.")
@click.option("--remove-totp", is_flag=True, help="Also remove the second factor, of somebody who lost the phone.")
def reset_user(username: str, password_file: Path | None, *, remove_totp: bool) -> None:
    """Give the account USERNAME a new password and sign it out everywhere. On SQLite stop the server first.

    This is for administrators whom no other administrator can help.
    """
    change = partial(_reset_account, username=username, password=_read_password(password_file), removes=remove_totp)
    _run_on_database(settings().database_url, username, partial(change, profile=settings().security_profile))
    print_line(f"{username} has a new password, which its owner must change")


def _read_password(file: Path | None) -> str:
    if file:
        return file.read_text().partition("\n")[0].rstrip("\r")
    return click.prompt("Password", hide_input=True, confirmation_prompt=True)


@user.command("list")
def list_users() -> None:
    """List every account with its roles; the server may be running."""
    for line in account_lines(settings().database_url):
        print_line(line)


def create_account(
    url: str, username: str, name: str, roles: Sequence[str], password: str, profile: SecurityProfile = STANDARD
) -> None:
    """Creates an account. `roles`: each `role:scope`. Raises CommandError, DatabaseInUse, WrongSchema."""
    asked = _parse_account(username, name, roles, password)
    _run_on_database(url, username, partial(_create_account, asked=asked, profile=profile))


def _run_on_database(url: str, username: str, change: Callable[[Database], Awaitable[object]]) -> None:
    """Runs a change of an account on a database of which no server runs (SQLite)."""
    with write_access(url):
        check_schema(url)
        try:
            asyncio.run(_run_and_close(url, change))
        except Refusal as refusal:
            raise CommandError(f"{username}: {refusal.title}; {refusal}") from None


async def _run_and_close(url: str, change: Callable[[Database], Awaitable[object]]) -> None:
    database = open_database(url)
    try:
        await change(database)
    finally:
        await database.close()


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


async def _create_account(database: Database, asked: NewPerson, profile: SecurityProfile) -> CreatedPerson:
    profile.check_password("password", asked.password, asked.username)
    password = HASHER.hash(asked.password)
    action = partial(add_person, by=_ALL_POWERS, asked=asked, password=password, profile=profile)
    facts = {"grants": " ".join(f"{each.role}:{each.scope}" for each in asked.grants)}
    now = datetime.now(UTC)
    return await database.transact(
        with_security_event(action, Event.ACCOUNT_MADE, _LOCAL_CALLER, now, asked.username, facts)
    )


async def _reset_account(
    database: Database, username: str, password: str, profile: SecurityProfile, *, removes: bool
) -> None:
    profile.check_password("password", password, username)
    person = await database.read(lambda repository: repository.person(username))
    if person is None:
        raise NotFound("person")
    target = {"by": _ALL_POWERS, "username": username, "now": (now := datetime.now(UTC)), "profile": profile}
    changes: list[tuple[Event, Callable[[Repository], Change[Any]]]] = [
        (
            Event.ACCOUNT_CHANGED,
            partial(change_person, asked=PersonChange(person.version), password=HASHER.hash(password), **target),
        )
    ]
    if removes:
        changes.append((Event.FACTOR_REMOVED, partial(reset_factor, **target)))
    for event, action in changes:
        await database.transact(with_security_event(action, event, _LOCAL_CALLER, now, username))


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
