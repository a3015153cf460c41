"""The page at the root of the server, which says what runs here, and its icon."""

from importlib.metadata import version

from litestar import Response, get

from api.http.bodies import AnyRequest
from api.http.context import app_context
from api.http.pages import render_page
from api.http.responses import Content, local_link, serve_content
from inspections.accounts.policy import PUBLIC

_ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><path d="M32 3 8 12v18c0 16 10 26 24 31 14-5 24-15'
    b' 24-31V12z" fill="#0b6e4f"/><path d="m19 32 9 10 18-20" fill="none" stroke="#fff" stroke-width="7"/></svg>'
)
_WEEK = {"Cache-Control": "public, max-age=604800"}


@get("/", opt={"action": PUBLIC}, include_in_schema=False)
async def get_landing_page(request: AnyRequest) -> Response[str]:
    """Shows what runs here, with links to the documents and to the state of the server."""
    docs = app_context(request).settings.docs
    return render_page("landing.html", base=local_link(request, ""), docs=docs, version=version("anxun"))


@get(["/favicon.svg", "/favicon.ico"], opt={"action": PUBLIC}, include_in_schema=False)
async def get_icon(request: AnyRequest) -> Response[bytes]:
    """Returns the icon of the pages, which browsers ask for by either name."""
    return await serve_content(request, Content.from_bytes(_ICON), "icon-1", "image/svg+xml", _WEEK)


ROUTES = [get_landing_page, get_icon]
