"""Routes for sign-in with a code of WeChat or 浙政钉, and for linking and unlinking these identities."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Meta, Struct

from api.accounts.cookies import uses_cookies
from api.accounts.guard import read_token
from api.accounts.security_log import current_caller
from api.accounts.sessions import attempt_origin, token_response
from api.accounts.sign_in.authentication import AttemptOrigin, Authenticator
from api.accounts.sign_in.identity_providers import IdentityProvider, IdentityProviders, ProviderUnavailable
from api.accounts.views import DeviceSecret, TokenView
from api.http.bodies import AnyRequest, json_body
from api.http.client_address import client_address
from api.http.context import AppContext, app_context, current_person
from api.http.tokens import hash_token
from inspections.accounts.actions.external_identities import (
    find_linked_account,
    keep_exchanged_code,
    link_identity,
    take_exchanged_code,
    unlink_identity,
    unlink_identity_as_admin,
)
from inspections.accounts.actions.people import find_managed_person
from inspections.accounts.external_identities import ExchangedCode, ExternalIdentity
from inspections.accounts.policy import PUBLIC, scope
from inspections.accounts.security_log import Event
from inspections.errors import NotFound, Refusal
from inspections.field_types import DeviceName
from storage.repository import Repository

Code = Annotated[str, Meta(min_length=1, max_length=500)]


class ExternalCredentials(Struct, frozen=True, forbid_unknown_fields=True):
    """Credentials: `code` is from the provider; the other fields are as for /auth/login."""

    code: Code
    device: DeviceName = "unnamed"
    totp: Annotated[str, Meta(max_length=32)] | None = None
    page: bool = False
    device_secret: DeviceSecret | None = None


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


@post(
    "/auth/external/{provider:str}",
    opt={"action": PUBLIC, "body": ExternalCredentials, "secrets": True},
    status_code=200,
)
async def external_login(request: AnyRequest, provider: FromPath[str]) -> Response[TokenView]:
    """Signs in with a provider's code. 401 `auth.not_linked`: sign in by password, then link the identity by this code.

    After a refusal the same client can show the code again, here or to link the identity, for ten minutes.
    """
    context, asked = app_context(request), await json_body(request, ExternalCredentials)
    cookies, origin = uses_cookies(request, page=asked.page), attempt_origin(request, asked.device_secret)
    exchanged = await _exchange_counted_code(context, provider, asked.code, origin)
    async with _keep_after_refusal(context, exchanged):
        find = partial(find_linked_account, provider=provider, subject=exchanged.subject)
        account = await context.database.read(find)
        opened = await context.part(Authenticator).open_with_identity(
            account, asked.device, origin, asked.totp, page=asked.page
        )
    return token_response(*opened, cookies=cookies)


async def _exchange_counted_code(context: AppContext, provider: str, code: str, origin: AttemptOrigin) -> ExchangedCode:
    """Exchanges the code of a stranger. Only a wrong code counts as a failed attempt of the address.

    Raises NotFound, InvalidCredentials, ProviderUnavailable, TooManySignInAttempts.
    """
    _require_provider(context, provider)
    sign_in = context.part(Authenticator)
    tries = await sign_in.count_code_attempt(origin)
    try:
        exchanged = await _exchange_code(context, provider, code, origin.network.address)
    except ProviderUnavailable:
        await sign_in.undo_attempt(tries)
        raise
    await sign_in.undo_attempt(tries)
    return exchanged


async def _exchange_code(context: AppContext, provider: str, code: str, address: str) -> ExchangedCode:
    """Finds out whose code this is: from an earlier request of this client that was refused, else from the provider.

    Raises NotFound, InvalidCredentials, ProviderUnavailable.
    """
    there, digest = _require_provider(context, provider), hash_token(f"code {provider} {address} {code}")
    known = await context.database.transact(partial(take_exchanged_code, digest=digest, now=context.clock()))
    if known is not None:
        return known
    return ExchangedCode(provider, await there.fetch_subject(code), digest, context.clock())


@asynccontextmanager
async def _keep_after_refusal(context: AppContext, exchanged: ExchangedCode) -> AsyncGenerator[None]:
    """Keeps an exchanged code for another request if the use of its identity is refused."""
    try:
        yield
    except Refusal:
        await context.database.transact(partial(keep_exchanged_code, exchanged=exchanged))
        raise


@get("/me/identities", opt={"action": "me"})
async def list_own_identities(request: AnyRequest) -> IdentityList:
    """Lists the identities of other providers that are linked to one's account."""
    context, username = app_context(request), current_person(request).username
    return await context.database.read(
        partial(_identity_list, username=username, providers=sorted(context.part(IdentityProviders)))
    )


@post("/me/identities/{provider:str}", opt={"action": "me", "body": IdentityToLink}, status_code=200)
async def link_own_identity(request: AnyRequest, provider: FromPath[str]) -> IdentityView:
    """Links the identity behind a provider's code to the caller's account, for sign-in without the password.

    403 `auth.confirm_needed` without `password` or `totp`: a stolen token alone must not create lasting access. The
    code may be the one of a sign-in that was refused with `auth.not_linked`, for ten minutes and from the same client.
    """
    context, username, asked = (
        app_context(request),
        current_person(request).username,
        await json_body(request, IdentityToLink),
    )
    _require_provider(context, provider)
    address = client_address(request)
    proof = await context.part(Authenticator).reauthenticate(
        read_token(request), username, asked.password, asked.totp, address
    )  # before the provider's code is used, which is valid once
    exchanged = await _exchange_code(context, provider, asked.code, address)
    wanted = ExternalIdentity(provider, exchanged.subject, username, context.clock())
    action, facts = partial(link_identity, wanted=wanted, proof=proof), {"provider": provider}
    async with _keep_after_refusal(context, exchanged):
        made = await context.log.transact(action, Event.IDENTITY_LINKED, current_caller(request), username, facts)
    return IdentityView(made.provider, made.linked_at)


@post("/me/identities/{provider:str}/remove", opt={"action": "me"}, status_code=204)
async def unlink_own_identity(request: AnyRequest, provider: FromPath[str]) -> None:
    """Removes the link to an identity of another provider."""
    username = current_person(request).username
    action = partial(unlink_identity, username=username, provider=provider)
    await app_context(request).log.transact(action, Event.IDENTITY_UNLINKED, current_caller(request), username)


@get("/people/{username:str}/identities", opt={"action": "rights.manage"})
async def list_person_identities(request: AnyRequest, username: FromPath[str]) -> IdentityList:
    """Lists the identities of other providers that are linked to a person's account."""
    context, reach = app_context(request), scope(current_person(request), "rights.manage")

    def ask(repository: Repository) -> IdentityList:
        find_managed_person(repository, reach, username)
        return _identity_list(repository, username, sorted(context.part(IdentityProviders)))

    return await context.database.read(ask)


@post("/people/{username:str}/identities/{provider:str}/remove", opt={"action": "rights.manage"}, status_code=204)
async def unlink_person_identity(request: AnyRequest, username: FromPath[str], provider: FromPath[str]) -> None:
    """Unlinks an identity of an account. Its sessions stay; `POST /people/{username}/devices/revoke` ends both."""
    reach = scope(current_person(request), "rights.manage")
    action = partial(unlink_identity_as_admin, reach=reach, username=username, provider=provider)
    await app_context(request).log.transact(action, Event.IDENTITY_UNLINKED, current_caller(request), username)


def _identity_list(repository: Repository, username: str, providers: list[str]) -> IdentityList:
    items = [IdentityView(each.provider, each.linked_at) for each in repository.identities(username)]
    return IdentityList(items, providers)


def _require_provider(context: AppContext, name: str) -> IdentityProvider:
    """Returns the configured provider of this name. Raises NotFound."""
    if name not in context.part(IdentityProviders):
        raise NotFound("provider")
    return context.part(IdentityProviders)[name]


ROUTES = [
    external_login,
    list_own_identities,
    link_own_identity,
    unlink_own_identity,
    list_person_identities,
    unlink_person_identity,
]
