"""Routes for sign-in: /auth/login, /auth/refresh, /auth/password, /auth/logout, /me."""

from litestar import Response, get, post
from msgspec import Struct

from api.accounts.authentication import SignIn, Tokens, shown_token
from api.accounts.cookies import ACCESS_COOKIE, REFRESH_COOKIE, no_cookies, page_cookies, page_token, takes_cookies
from api.accounts.security_log import caller_of
from api.accounts.views import Credentials, PasswordChange, PersonView, RefreshToken, TokenView, person_view
from api.http.bodies import AnyRequest, json_body
from api.http.client_address import address_of
from api.http.context import context_of, person_of
from inspections.accounts.actions.sign_in import SignedIn
from inspections.accounts.policy import PUBLIC
from inspections.accounts.sessions import ACCESS_LASTS


class Unlinked(Struct, frozen=True):
    """The providers whose identities were unlinked."""

    unlinked: list[str]


@post("/auth/login", opt={"action": PUBLIC, "body": Credentials}, status_code=200)
async def log_in(request: AnyRequest) -> Response[TokenView]:
    """Signs in by password. With `page`, over https, the tokens come as HttpOnly cookies instead of in the body.

    Over plain http a page gets them in the body, as other clients do.
    """
    asked: Credentials = await json_body(request, Credentials)
    cookies = takes_cookies(request, page=asked.page)
    opened = (
        await context_of(request)
        .part(SignIn)
        .open(asked.username, asked.password, asked.device, address_of(request), asked.totp, page=asked.page)
    )
    return signed_in_answer(*opened, cookies=cookies)


@post("/auth/refresh", opt={"action": PUBLIC, "body": RefreshToken}, status_code=200)
async def refresh(request: AnyRequest) -> Response[TokenView]:
    """Renews the tokens. A page that has its tokens in cookies sends `{}`."""
    asked: RefreshToken = await json_body(request, RefreshToken)
    token = asked.refresh_token or page_token(request, REFRESH_COOKIE)
    renewed = await context_of(request).part(SignIn).refresh(token, address_of(request))
    return signed_in_answer(*renewed, cookies=asked.refresh_token is None)


@post("/auth/password", opt={"action": "me", "body": PasswordChange}, status_code=200)
async def change_password(request: AnyRequest) -> Unlinked:
    """Changes the caller's password. Signs out all other devices and unlinks all identities."""
    asked: PasswordChange = await json_body(request, PasswordChange)
    username, address = person_of(request).username, address_of(request)
    sign_in = context_of(request).part(SignIn)
    ended = await sign_in.change_password(shown_token(request), username, asked.password, asked.new_password, address)
    return Unlinked(list(ended.providers))


@post("/auth/logout", opt={"action": "me"}, status_code=204)
async def log_out(request: AnyRequest) -> Response[None]:
    await context_of(request).part(SignIn).close(shown_token(request), caller_of(request))
    return Response(None, cookies=no_cookies() if ACCESS_COOKIE in request.cookies else None)


@get("/me", opt={"action": "me"})
async def me(request: AnyRequest) -> PersonView:
    return person_view(person_of(request))


def signed_in_answer(signed_in: SignedIn, tokens: Tokens, *, cookies: bool) -> Response[TokenView]:
    lasts, person = int(ACCESS_LASTS.total_seconds()), person_view(signed_in.person)
    if not cookies:
        return Response(TokenView(tokens.access, tokens.refresh, lasts, person))
    kept = page_cookies(tokens.access, tokens.refresh, signed_in.pair)
    return Response(TokenView(None, None, lasts, person, "Cookie"), cookies=kept)


ROUTES = [log_in, refresh, change_password, log_out, me]
