"""Cookies for the tokens of our own pages over https; scripts cannot read them, and other sites cannot use them.

A browser sends cookies with requests of any site. `__Host-` binds them to this host over https, and `SameSite=Strict`
excludes requests of other sites. Old WebViews on field phones support neither, so requests that change something must
also have an origin of ours (OWASP, Cross-Site Request Forgery Prevention).
"""

from typing import Any, cast

from litestar import Request
from litestar.datastructures import Cookie

from api.settings import Settings
from inspections.accounts.known_devices import KNOWN_DEVICE_LIFETIME
from inspections.accounts.sessions import ACCESS_LIFETIME, TokenPair
from inspections.errors import CrossSiteRequest, Unauthenticated

ACCESS_COOKIE, REFRESH_COOKIE = "__Host-anxun-access", "__Host-anxun-refresh"
DEVICE_COOKIE = "__Host-anxun-device"
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def uses_cookies(request: Request[Any, Any, Any], *, page: bool) -> bool:
    """Tells whether a sign-in gets its tokens as cookies: only for a page of ours over https.

    Raises CrossSiteRequest: otherwise another site could sign a visitor in to its own account and receive their
    reports.
    """
    if not page or request.scope["scheme"] != "https":
        return False
    _check_origin(request)
    return True


def cookie_token(request: Request[Any, Any, Any], cookie: str) -> str:
    """Reads a token from a cookie.

    Raises Unauthenticated without one, CrossSiteRequest if another site may have sent it.
    """
    token = request.cookies.get(cookie)
    if not token:
        raise Unauthenticated
    if request.method not in _SAFE_METHODS:
        _check_origin(request)
    return token


def _check_origin(request: Request[Any, Any, Any]) -> None:
    """Checks the Origin header, which browsers send with every unsafe request (Fetch, 3.2). Raises CrossSiteRequest.

    The Host header is only compared with it: a page of another site cannot choose the Host of its requests.
    """
    own = f"{request.scope['scheme']}://{request.headers.get('host', '')}"
    public = cast("Settings", request.app.state.context.settings).public_address.origin
    if request.headers.get("origin") not in {own, public or own}:
        raise CrossSiteRequest


def token_cookies(access: str, refresh: str, pair: TokenPair) -> list[Cookie]:
    """Creates the cookies of a token pair; each expires with its token."""
    idle = int((pair.refresh_expires_at - pair.issued_at).total_seconds())
    return [
        _cookie(ACCESS_COOKIE, access, int(ACCESS_LIFETIME.total_seconds())),
        _cookie(REFRESH_COOKIE, refresh, idle),
    ]


def device_cookie(secret: str) -> Cookie:
    """Creates the cookie by which this browser stays a known device, also after signing out."""
    return _cookie(DEVICE_COOKIE, secret, int(KNOWN_DEVICE_LIFETIME.total_seconds()))


def expired_cookies() -> list[Cookie]:
    return [_cookie(name, "", 0) for name in (ACCESS_COOKIE, REFRESH_COOKIE)]


def _cookie(name: str, value: str, seconds: int) -> Cookie:
    return Cookie(name, value=value, path="/", max_age=seconds, secure=True, httponly=True, samesite="strict")
