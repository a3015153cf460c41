"""Routes for sign-in: /auth/login, /auth/refresh, /auth/password, /auth/logout, /me."""

from litestar import Response, get, post
from msgspec import Struct

from api.accounts.cookies import (
    ACCESS_COOKIE,
    DEVICE_COOKIE,
    REFRESH_COOKIE,
    cookie_token,
    device_cookie,
    expired_cookies,
    token_cookies,
    uses_cookies,
)
from api.accounts.guard import read_token
from api.accounts.security_log import current_caller
from api.accounts.sign_in.authentication import AttemptOrigin, Authenticator, Tokens
from api.accounts.views import Credentials, PasswordChange, PersonView, RefreshToken, TokenView, person_view
from api.http.bodies import AnyRequest, json_body
from api.http.client_address import client_address, client_network
from api.http.context import app_context, current_person
from inspections.accounts.actions.sign_in import AuthenticatedSession
from inspections.accounts.policy import PUBLIC
from inspections.accounts.sessions import ACCESS_LIFETIME


class UnlinkedProviders(Struct, frozen=True):
    """The providers whose identities were unlinked."""

    unlinked: list[str]


@post("/auth/login", opt={"action": PUBLIC, "body": Credentials, "secrets": True}, status_code=200)
async def login(request: AnyRequest) -> Response[TokenView]:
    """Signs in by password. With `page`, over https, the tokens come as HttpOnly cookies instead of in the body.

    Over plain http a page gets them in the body, as other clients do.
    """
    asked: Credentials = await json_body(request, Credentials)
    cookies = uses_cookies(request, page=asked.page)
    sign_in, origin = app_context(request).part(Authenticator), attempt_origin(request, asked.device_secret)
    opened = await sign_in.open_with_password(
        asked.username, asked.password, asked.device, origin, asked.totp, page=asked.page
    )
    return token_response(*opened, cookies=cookies)


@post("/auth/refresh", opt={"action": PUBLIC, "body": RefreshToken, "secrets": True}, status_code=200)
async def refresh_tokens(request: AnyRequest) -> Response[TokenView]:
    """Renews the tokens. A page that has its tokens in cookies sends `{}`."""
    asked: RefreshToken = await json_body(request, RefreshToken)
    token = asked.refresh_token or cookie_token(request, REFRESH_COOKIE)
    renewed = await app_context(request).part(Authenticator).refresh(token, client_address(request))
    return token_response(*renewed, cookies=asked.refresh_token is None)


@post("/auth/password", opt={"action": "me", "body": PasswordChange}, status_code=200)
async def change_password(request: AnyRequest) -> UnlinkedProviders:
    """Changes the caller's password. Signs out all other devices and unlinks all identities."""
    asked: PasswordChange = await json_body(request, PasswordChange)
    username, address = current_person(request).username, client_address(request)
    sign_in = app_context(request).part(Authenticator)
    ended = await sign_in.change_password(read_token(request), username, asked.password, asked.new_password, address)
    return UnlinkedProviders(list(ended.providers))


@post("/auth/logout", opt={"action": "me"}, status_code=204)
async def logout(request: AnyRequest) -> Response[None]:
    """Signs out this device. A browser also forgets the photos that it has cached, for the next person at it."""
    await app_context(request).part(Authenticator).close(read_token(request), current_caller(request))
    cookies = expired_cookies() if ACCESS_COOKIE in request.cookies else None
    return Response(None, cookies=cookies, headers={"Clear-Site-Data": '"cache"'})


@get("/me", opt={"action": "me"})
async def get_own_account(request: AnyRequest) -> PersonView:
    """Returns the signed-in person with the roles in effect."""
    return person_view(current_person(request))


def attempt_origin(request: AnyRequest, device_secret: str | None) -> AttemptOrigin:
    """Finds out where a sign-in comes from; a page of ours shows its device's secret in a cookie."""
    return AttemptOrigin(client_network(request), device_secret or request.cookies.get(DEVICE_COOKIE))


def token_response(signed_in: AuthenticatedSession, tokens: Tokens, *, cookies: bool) -> Response[TokenView]:
    lasts, person = int(ACCESS_LIFETIME.total_seconds()), person_view(signed_in.person)
    if not cookies:
        return Response(TokenView(tokens.access, tokens.refresh, lasts, person, device_secret=tokens.device))
    kept = token_cookies(tokens.access, tokens.refresh, signed_in.pair)
    if tokens.device is not None:
        kept.append(device_cookie(tokens.device))
    return Response(TokenView(None, None, lasts, person, "Cookie"), cookies=kept)


ROUTES = [login, refresh_tokens, change_password, logout, get_own_account]
