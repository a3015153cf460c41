"""Serves the pages at `/m`, `/board`, `/dashboard` and `/admin` with their files, and says where they are not built."""

import shutil

from litestar import Response, get
from litestar.params import FromPath

from api.http.bodies import AnyRequest
from api.http.context import app_context
from api.http.exchange.compression import find_compression
from api.http.headers import request_header
from api.http.pages import render_page
from api.http.problems import UnknownRoute
from api.http.responses import local_link, serve_content
from api.pages.built import BuiltFile, read_asset, read_page
from inspections.accounts.policy import PUBLIC

_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "worker-src 'self' blob:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing inline and no other host. `blob:` is for pictures that are on the phone only, and the reader of codes."""
_FRESH = {"Cache-Control": "no-cache"}
_FOR_GOOD = {"Cache-Control": "public, immutable, max-age=31536000", "Vary": "Accept-Encoding"}
"""The name of an asset contains its digest."""
_TYPES = {
    "js": "text/javascript",
    "css": "text/css",
    "svg": "image/svg+xml",
    "txt": "text/plain",
}
_UNBUILT = "页面还没有构建"


@get("/m", opt={"action": PUBLIC, "any_query": True}, include_in_schema=False)
async def get_phone_page(request: AnyRequest) -> Response[str] | Response[bytes]:
    """Shows the page for inspectors and handlers. An identity provider may bring its code as a query parameter."""
    return await serve_page(request, "phone.html", _CONTENT_SECURITY_POLICY)


@get("/board", opt={"action": PUBLIC}, include_in_schema=False)
async def get_board_page(request: AnyRequest) -> Response[str] | Response[bytes]:
    """Shows the page for officers and supervisors. Its filters stand behind `#`, which no server sees."""
    return await serve_page(request, "board.html", _CONTENT_SECURITY_POLICY)


@get("/dashboard", opt={"action": PUBLIC, "any_query": True}, include_in_schema=False)
async def get_dashboard_page(request: AnyRequest) -> Response[str] | Response[bytes]:
    """Shows the page with the numbers for leaders; its files are among those of `/m`."""
    return await serve_page(request, "dashboard.html", _CONTENT_SECURITY_POLICY)


@get("/admin", opt={"action": PUBLIC}, include_in_schema=False)
async def get_admin_page(request: AnyRequest) -> Response[str] | Response[bytes]:
    """Shows the page for administrators and supervisors: accounts, rules, machines."""
    return await serve_page(request, "admin.html", _CONTENT_SECURITY_POLICY)


@get("/m/worker.js", opt={"action": PUBLIC}, include_in_schema=False)
async def get_phone_worker(request: AnyRequest) -> Response[bytes]:
    """Returns the service worker, which keeps the page for reloads without a network; it may control `/m` itself."""
    worker = read_page("worker.js", local_link(request, ""))
    if worker is None:
        raise UnknownRoute
    scope = local_link(request, "/m")
    headers = {**_FRESH, "Content-Security-Policy": _CONTENT_SECURITY_POLICY, "Service-Worker-Allowed": scope}
    return await serve_content(request, worker.content, worker.tag, _TYPES["js"], headers)


@get("/m/assets/{name:str}", opt={"action": PUBLIC}, include_in_schema=False)
async def get_asset(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    return await serve_asset(request, read_asset("assets", name), name)


async def serve_page(request: AnyRequest, name: str, policy: str) -> Response[str] | Response[bytes]:
    """Serves a built page under a content security policy, or says what to do where it is not built."""
    page = read_page(name, local_link(request, ""))
    if page is None:
        building = shutil.which("npm") is not None
        document = local_link(request, "/schema/openapi.json") if app_context(request).settings.docs else ""
        return render_page("unbuilt.html", status=503, title=_UNBUILT, building=building, document=document)
    headers = {**_FRESH, "Content-Security-Policy": policy}
    return await serve_content(request, page.content, page.tag, "text/html", headers)


async def serve_asset(request: AnyRequest, asset: BuiltFile | None, name: str) -> Response[bytes]:
    """Serves a file whose name changes with its content, packed where the client takes that. Raises UnknownRoute."""
    media_type = _TYPES.get(name.rpartition(".")[2])
    if asset is None or media_type is None:
        raise UnknownRoute
    accepted = request_header(request.scope, b"accept-encoding")
    if asset.packed and accepted and find_compression(accepted.encode("latin-1"), ("gzip",)):
        headers = {**_FOR_GOOD, "Content-Encoding": "gzip"}
        return await serve_content(request, asset.packed, f"{asset.tag}-gzip", media_type, headers)
    return await serve_content(request, asset.content, asset.tag, media_type, _FOR_GOOD)


PAGES = [get_phone_page, get_board_page, get_dashboard_page, get_admin_page, get_phone_worker, get_asset]
