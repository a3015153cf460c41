"""Pages of ours over https keep their tokens in cookies that no script reads, and that only our own pages may use.

A browser sends a cookie along whoever asks. `__Host-` ties it to this host over https, `SameSite=Strict` keeps it from
requests of other sites; and because neither is as old as the oldest WebView on field phones, whatever changes
something must also come from an origin of ours (OWASP, Cross-Site Request Forgery Prevention).
"""

from typing import Any, cast
from urllib.parse import urlsplit

from litestar import Request
from litestar.datastructures import Cookie

from api.settings import Settings
from inspections.accounts.sessions import ACCESS_LASTS, TokenPair
from inspections.errors import CrossSite, Unauthenticated

ACCESS_COOKIE, REFRESH_COOKIE = "__Host-anxun-access", "__Host-anxun-refresh"
_ONLY_READING = {"GET", "HEAD", "OPTIONS"}


def takes_cookies(request: Request[Any, Any, Any], *, page: bool) -> bool:
    """Whether who signs in gets cookies: a page of ours over https.

    Raises CrossSite: another site could otherwise sign somebody in as itself, and be sent what they report.
    """
    if not page or request.scope["scheme"] != "https":
        return False
    _check_origin(request)
    return True


def page_token(request: Request[Any, Any, Any], cookie: str) -> str:
    """Raises Unauthenticated where there is no such cookie, CrossSite where another site's page may be asking."""
    token = request.cookies.get(cookie)
    if not token:
        raise Unauthenticated
    if request.method not in _ONLY_READING:
        _check_origin(request)
    return token


def _check_origin(request: Request[Any, Any, Any]) -> None:
    """Every browser sends the origin with what changes something (Fetch, 3.2). Raises CrossSite."""
    own = f"{request.scope['scheme']}://{request.headers.get('host', '')}"
    public = urlsplit(cast("Settings", request.app.state.context.settings).public_url)
    if request.headers.get("origin") not in {own, f"{public.scheme}://{public.netloc}"}:
        raise CrossSite


def page_cookies(access: str, refresh: str, pair: TokenPair) -> list[Cookie]:
    """Each lives as long as its token."""
    idle = int((pair.refresh_expires_at - pair.issued_at).total_seconds())
    return [_cookie(ACCESS_COOKIE, access, int(ACCESS_LASTS.total_seconds())), _cookie(REFRESH_COOKIE, refresh, idle)]


def no_cookies() -> list[Cookie]:
    return [_cookie(name, "", 0) for name in (ACCESS_COOKIE, REFRESH_COOKIE)]


def _cookie(name: str, value: str, seconds: int) -> Cookie:
    return Cookie(name, value=value, path="/", max_age=seconds, secure=True, httponly=True, samesite="strict")
