"""Request and response bodies for people, tokens and delegations."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from inspections.accounts.delegations import Delegation
from inspections.accounts.people import Grant, Password, Person
from inspections.field_types import DeviceName

DeviceSecret = Annotated[
    str, Meta(max_length=200, description="from an earlier sign-in; strangers' failed attempts then do not count")
]


class Credentials(Struct, frozen=True, forbid_unknown_fields=True):
    username: Annotated[str, Meta(min_length=1, max_length=64)]
    password: Annotated[str, Meta(min_length=1, max_length=1024)]
    device: DeviceName = "unnamed"
    totp: Annotated[str, Meta(max_length=32, description="of a second factor; a recovery code will do")] | None = None
    page: bool = False
    device_secret: DeviceSecret | None = None


class PasswordChange(Struct, frozen=True, forbid_unknown_fields=True):
    """The request to change the caller's password. `password`: the current one."""

    password: Annotated[str, Meta(min_length=1, max_length=1024)]
    new_password: Password


class RefreshToken(Struct, frozen=True, forbid_unknown_fields=True):
    refresh_token: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class PersonView(Struct, frozen=True):
    """An account as others see it. `grants`: those in effect now; `by` names the person who lends a grant.

    `email`: only returned to administrators who manage the account.
    """

    username: str
    name: str
    grants: tuple[Grant, ...]
    active: bool
    version: int
    email: str | None = None


class TokenView(Struct, frozen=True):
    """A token pair and its owner; the tokens are null if they were sent as cookies.

    `device_secret`: keep it, also after signing out, and send it with the next sign-in on this device.
    """

    access_token: str | None
    refresh_token: str | None
    expires_in: int
    user: PersonView
    token_type: Literal["Bearer", "Cookie"] = "Bearer"  # noqa: S105  # a token type, not a secret
    device_secret: str | None = None


class PersonList(Struct, frozen=True, omit_defaults=True):
    """A page of accounts. `next_cursor` is left out on the last one."""

    items: Sequence[PersonView]
    next_cursor: str | None = None


class DelegationList(Struct, frozen=True, omit_defaults=True):
    """A page of delegations. `next_cursor` is left out on the last one."""

    items: Sequence[Delegation]
    next_cursor: str | None = None


def person_view(person: Person, *, managed: bool = False) -> PersonView:
    email = person.email if managed else None
    return PersonView(person.username, person.name, person.grants, person.active, person.version, email)
