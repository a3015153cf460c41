"""Routes for sign-in with a code of WeChat or 浙政钉, and for linking and unlinking these identities."""

from datetime import datetime
from functools import partial
from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Meta, Struct

from api.accounts.authentication import SignIn, shown_token
from api.accounts.cookies import takes_cookies
from api.accounts.identity_providers import Provider, Providers
from api.accounts.security_log import caller_of
from api.accounts.sessions import signed_in_answer
from api.accounts.views import TokenView
from api.http.bodies import AnyRequest, json_body
from api.http.client_address import address_of
from api.http.context import AppContext, context_of, person_of
from inspections.accounts.actions.external_identities import (
    link_identity,
    linked_account,
    take_identity,
    unlink_identity,
)
from inspections.accounts.actions.people import seen_person
from inspections.accounts.external_identities import Identity
from inspections.accounts.policy import PUBLIC, scope
from inspections.accounts.security_log import Event
from inspections.errors import Missing
from inspections.field_types import Line
from storage.repository import Repository

Code = Annotated[str, Meta(min_length=1, max_length=500)]


class ExternalCredentials(Struct, frozen=True, forbid_unknown_fields=True):
    """Credentials: `code` is from the provider; `totp` and `page` are as for /auth/login."""

    code: Code
    device: Line = "unnamed"
    totp: Annotated[str, Meta(max_length=32)] | None = None
    page: bool = False


class IdentityToLink(Struct, frozen=True, forbid_unknown_fields=True):
    """The request to link an identity: the provider's `code`, and the account's `password`, `totp` or both."""

    code: Code
    password: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None
    totp: Annotated[str, Meta(min_length=6, max_length=32)] | None = None


class IdentityView(Struct, frozen=True):
    provider: str
    linked_at: datetime


class IdentityList(Struct, frozen=True):
    """The linked identities of an account. `providers`: the providers that this server is configured for."""

    items: list[IdentityView]
    providers: list[str]


@post("/auth/external/{provider:str}", opt={"action": PUBLIC, "body": ExternalCredentials}, status_code=200)
async def log_in(request: AnyRequest, provider: FromPath[str]) -> Response[TokenView]:
    """Signs in with a provider's code. 401 `auth.not_linked`: sign in by password once and link the identity first."""
    context, asked = context_of(request), await json_body(request, ExternalCredentials)
    cookies, address = takes_cookies(request, page=asked.page), address_of(request)
    tries = await context.part(SignIn).count_try(f"{provider} {address}", address)
    subject = await _provider(context, provider).subject(asked.code)
    person, identity = await context.database.read(partial(linked_account, provider=provider, subject=subject))
    opened = await context.part(SignIn).open_for(
        person, asked.device, address, asked.totp, page=asked.page, through=identity
    )
    await context.part(SignIn).take_back(tries, whole=True)
    return signed_in_answer(*opened, cookies=cookies)


@get("/me/identities", opt={"action": "me"})
async def my_identities(request: AnyRequest) -> IdentityList:
    context, username = context_of(request), person_of(request).username
    return await context.database.read(partial(_listed, username=username, providers=sorted(context.part(Providers))))


@post("/me/identities/{provider:str}", opt={"action": "me", "body": IdentityToLink}, status_code=200)
async def link(request: AnyRequest, provider: FromPath[str]) -> IdentityView:
    """Links the identity behind a provider's code to the caller's account, for sign-in without the password.

    403 `auth.confirm_needed` without `password` or `totp`: a stolen token alone must not create lasting access.
    """
    context, username, asked = (
        context_of(request),
        person_of(request).username,
        await json_body(request, IdentityToLink),
    )
    there = _provider(context, provider)
    proof = await context.part(SignIn).proof(
        shown_token(request), username, asked.password, asked.totp, address_of(request)
    )  # before the provider's code is used, which is valid once
    wanted = Identity(provider, await there.subject(asked.code), username, context.clock())
    action = partial(link_identity, wanted=wanted, proof=proof)
    facts = {"provider": provider}
    made = await context.log.transact(action, Event.IDENTITY_LINKED, caller_of(request), username, facts)
    return IdentityView(made.provider, made.linked_at)


@post("/me/identities/{provider:str}/remove", opt={"action": "me"}, status_code=204)
async def unlink(request: AnyRequest, provider: FromPath[str]) -> None:
    username = person_of(request).username
    action = partial(unlink_identity, username=username, provider=provider)
    await context_of(request).log.transact(action, Event.IDENTITY_UNLINKED, caller_of(request), username)


@get("/people/{username:str}/identities", opt={"action": "rights.manage"})
async def identities_of(request: AnyRequest, username: FromPath[str]) -> IdentityList:
    context, reach = context_of(request), scope(person_of(request), "rights.manage")

    def ask(repository: Repository) -> IdentityList:
        seen_person(repository, reach, username)
        return _listed(repository, username, sorted(context.part(Providers)))

    return await context.database.read(ask)


@post("/people/{username:str}/identities/{provider:str}/remove", opt={"action": "rights.manage"}, status_code=204)
async def take(request: AnyRequest, username: FromPath[str], provider: FromPath[str]) -> None:
    """Unlinks an identity of an account. Its sessions stay; `POST /people/{username}/devices/revoke` ends both."""
    reach = scope(person_of(request), "rights.manage")
    action = partial(take_identity, reach=reach, username=username, provider=provider)
    await context_of(request).log.transact(action, Event.IDENTITY_UNLINKED, caller_of(request), username)


def _listed(repository: Repository, username: str, providers: list[str]) -> IdentityList:
    items = [IdentityView(each.provider, each.linked_at) for each in repository.identities(username)]
    return IdentityList(items, providers)


def _provider(context: AppContext, name: str) -> Provider:
    """Returns the configured provider of this name. Raises Missing."""
    if name not in context.part(Providers):
        raise Missing("provider")
    return context.part(Providers)[name]


ROUTES = [log_in, my_identities, link, unlink, identities_of, take]
