"""Routes about the server itself: health, the OpenAPI description, and pages that need no foreign host."""

import importlib.util
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, MediaType, Request, Response, Router, get
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import FromPath

from api.bodies import AnyRequest
from api.house import house
from api.problems import UnknownRoute
from api.serving import serve_file
from inspections.policy import PUBLIC

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `code` is stable; `title` and `detail` are Chinese words for people.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
_FORM = {
    "type": "object",
    "properties": {
        "report": {"type": "string", "description": "the JSON of a Report; its `photos` may be left out"},
        "photo": {"type": "array", "items": {"type": "string", "format": "binary"}},
    },
}
_FORM_PATHS = {"/api/v1/hazards", "/api/v1/photos"}


@get("/health/live", opt={"action": PUBLIC})
async def live() -> dict[str, str]:
    return {"status": "live"}


@get("/health/ready", opt={"action": PUBLIC})
async def ready(request: AnyRequest) -> dict[str, str]:
    """200 when a request can be answered: the database answers. Else 503."""
    await house(request).database.read(lambda register: register.due(house(request).clock(), 1))
    return {"status": "ready"}


# The files of the package, without importing it: its import reads 38 MB of pages we do not show.
_PACKAGE = importlib.util.find_spec("offapi")
_FOLDER = Path(_PACKAGE.origin).parent if _PACKAGE and _PACKAGE.origin else Path()
_FILES = {
    "swagger_bundle.js": "text/javascript",
    "swagger_preset.js": "text/javascript",
    "swagger_style.css": "text/css",
}
_PAGE = """<!DOCTYPE html>
<html lang="zh-CN">
<head><meta charset="utf-8"><title>安巡 API</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger_style.css"></head>
<body><div id="swagger-ui"></div>
<script src="/docs/swagger_bundle.js"></script><script src="/docs/swagger_preset.js"></script>
<script>SwaggerUIBundle({url: "/schema/openapi.json", dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset], layout: "StandaloneLayout"})</script>
</body></html>"""


@get("/docs", opt={"action": PUBLIC}, include_in_schema=False, media_type=MediaType.HTML, sync_to_thread=False)
def docs() -> str:
    return _PAGE


@get("/docs/{name:str}", opt={"action": PUBLIC}, include_in_schema=False)
async def docs_file(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    if name not in _FILES:
        raise UnknownRoute
    return await serve_file(request, _FOLDER / name, name, _FILES[name], {})


class Description(JsonRenderPlugin):
    """/schema/openapi.json as `description` makes it."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002
        return description(request.app)


SCHEMA = OpenAPIConfig(
    title="Anxun 安巡",
    version="1",
    render_plugins=[Description()],
    openapi_router=Router("/schema", route_handlers=[], opt={"action": PUBLIC}, include_in_schema=False),
)


def description(app: Litestar) -> bytes:
    """The OpenAPI document, with the bodies that handlers decode themselves and the problems that all may answer."""
    schema = app.openapi_schema.to_schema()
    kinds = [(route.path_format, handler) for route in app.routes for handler in getattr(route, "route_handlers", [])]
    bodies = {
        (path, method.lower()): handler.opt["body"]
        for path, handler in kinds
        for method in handler.http_methods
        if "body" in handler.opt
    }
    json_kinds = [body for body in bodies.values() if body is not bytes]
    described, components = msgspec.json.schema_components(json_kinds, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(map(id, json_kinds), described, strict=True))
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            body = bodies.get((path, method))
            content = {"application/json": {"schema": schema_of[id(body)]}} if id(body) in schema_of else {}
            if body is bytes:
                content = {"image/*": {"schema": {"type": "string", "format": "binary"}}}
            if method == "post" and path in _FORM_PATHS:
                content |= {"multipart/form-data": {"schema": _FORM}}
            if content:
                operation["requestBody"] = {"required": True, "content": content}
            for status in [status for status in operation["responses"] if status.startswith(("4", "5"))]:
                del operation["responses"][status]
            operation["responses"]["default"] = {
                "description": "Problem",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }
    schema.setdefault("components", {}).setdefault("schemas", {}).update({**components, "Problem": _PROBLEM})
    return msgspec.json.format(msgspec.json.encode(schema, order="deterministic"), indent=1)


ROUTES = [live, ready, docs, docs_file]
