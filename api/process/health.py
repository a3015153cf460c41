"""Routes for health checks, the OpenAPI document, and a documentation page that loads nothing from other hosts."""

import importlib.util
from datetime import timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path
from string import Template

from litestar import MediaType, Response, get
from litestar.params import FromPath

from api.http.bodies import AnyRequest
from api.http.context import app_context
from api.http.openapi import OpenAPIDocument
from api.http.problems import UnknownRoute
from api.http.responses import Content, local_link, serve_content
from inspections.accounts.policy import PUBLIC
from inspections.errors import Unavailable

_TOLERATED_TICKS = 3


class StalledSweep(Unavailable):
    code = "sweep.lags"
    title = "期限检查已停滞，请检查后台进程"


@get("/health/live", opt={"action": PUBLIC})
async def get_liveness() -> dict[str, str]:
    return {"status": "live"}


@get("/health/ready", opt={"action": PUBLIC})
async def get_readiness(request: AnyRequest) -> dict[str, str]:
    """Answers 200 if the database responds and a process watches deadlines, else 503.

    A deadline that has been due for three ticks without being processed shows that no process watches them.
    """
    context = app_context(request)
    since = context.clock() - _TOLERATED_TICKS * timedelta(seconds=context.settings.tick_seconds)
    if await context.database.read(lambda repository: repository.due_hazards(since, 1)):
        raise StalledSweep
    return {"status": "ready"}


# The package's files are used without importing it, because its import reads 38 MB of pages that we do not serve.
_PACKAGE = importlib.util.find_spec("offapi")
_FOLDER = Path(_PACKAGE.origin).parent if _PACKAGE and _PACKAGE.origin else Path()
_FILES = {
    "swagger_bundle.js": "text/javascript",
    "swagger_preset.js": "text/javascript",
    "swagger_style.css": "text/css",
}
_PAGE = Template("""<!DOCTYPE html>
<html lang="zh-CN">
<head><meta charset="utf-8"><title>安巡 API</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="$docs/swagger_style.css"></head>
<body><div id="swagger-ui"></div>
<script src="$docs/swagger_bundle.js"></script><script src="$docs/swagger_preset.js"></script>
<script>SwaggerUIBundle({url: "$document", dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset], layout: "StandaloneLayout"})</script>
</body></html>""")


_CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'"
)


@get("/docs", opt={"action": PUBLIC}, include_in_schema=False, media_type=MediaType.HTML, sync_to_thread=False)
def get_docs_page(request: AnyRequest) -> Response[str]:
    page = _PAGE.substitute(docs=local_link(request, "/docs"), document=local_link(request, "/schema/openapi.json"))
    return Response(page, headers={"Content-Security-Policy": _CONTENT_SECURITY_POLICY})


@get("/docs/{name:str}", opt={"action": PUBLIC}, include_in_schema=False)
async def get_docs_file(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    if name not in _FILES:
        raise UnknownRoute
    fresh = {"Cache-Control": "no-cache"}  # revalidated each time: an upgrade changes the files under the same names
    return await serve_content(request, _load_file(name), f"{name}-{version('offapi')}", _FILES[name], fresh)


@cache
def _load_file(name: str) -> Content:
    """Loads a file once for all requests."""
    return Content.from_bytes((_FOLDER / name).read_bytes())


@get("/schema/openapi.json", opt={"action": PUBLIC}, include_in_schema=False)
async def get_openapi_document(request: AnyRequest) -> Response[bytes]:
    document: OpenAPIDocument = request.app.state.document
    content = await document.content()
    return await serve_content(
        request, content, document.tag, "application/vnd.oai.openapi+json", {"Cache-Control": "no-cache"}
    )


ROUTES = [get_liveness, get_readiness]
DOCS = [get_docs_page, get_docs_file, get_openapi_document]
