"""Sign-in routes: /auth/login, /auth/refresh, /auth/password, /auth/logout, /me."""

from litestar import get, post

from api.auth import Tokens, bearer
from api.bodies import AnyRequest, json_body
from api.house import house, person_of
from api.link_door import address_of
from api.schemas import Credentials, PasswordChange, PersonView, RefreshToken, TokenView, person_view
from api.security_log import caller_of
from inspections.actions.sign_in import SignedIn
from inspections.policy import PUBLIC
from inspections.sessions import ACCESS_LASTS


@post("/auth/login", opt={"action": PUBLIC, "body": Credentials}, status_code=200)
async def log_in(request: AnyRequest) -> TokenView:
    asked: Credentials = await json_body(request, Credentials)
    opened = await house(request).sign_in.open(
        asked.username, asked.password, asked.device, address_of(request), asked.totp
    )
    return _view(*opened)


@post("/auth/refresh", opt={"action": PUBLIC, "body": RefreshToken}, status_code=200)
async def refresh(request: AnyRequest) -> TokenView:
    asked: RefreshToken = await json_body(request, RefreshToken)
    return _view(*await house(request).sign_in.refresh(asked.refresh_token, address_of(request)))


@post("/auth/password", opt={"action": "me", "body": PasswordChange}, status_code=204)
async def change_password(request: AnyRequest) -> None:
    """One's own. Every other device is signed out; this one stays."""
    asked: PasswordChange = await json_body(request, PasswordChange)
    username, address = person_of(request).username, address_of(request)
    sign_in = house(request).sign_in
    await sign_in.change_password(bearer(request), username, asked.password, asked.new_password, address)


@post("/auth/logout", opt={"action": "me"}, status_code=204)
async def log_out(request: AnyRequest) -> None:
    await house(request).sign_in.close(bearer(request), caller_of(request))


@get("/me", opt={"action": "me"})
async def me(request: AnyRequest) -> PersonView:
    return person_view(person_of(request))


def _view(signed_in: SignedIn, tokens: Tokens) -> TokenView:
    return TokenView(tokens.access, tokens.refresh, int(ACCESS_LASTS.total_seconds()), person_view(signed_in.person))


ROUTES = [log_in, refresh, change_password, log_out, me]
