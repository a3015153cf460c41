"""The OpenAPI document: what the framework knows, completed with bodies, sign-in and problems."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Litestar, Router
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Server

from api.http.responses import Content
from api.http.tables import MEDIA_TYPES, TableFormat
from inspections.accounts.policy import BY_LINK, PUBLIC

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
_DATASET = {
    "type": "object",
    "description": "`option.dataset` of ECharts, for `format=echarts`",
    "required": ["dataset"],
    "properties": {"dataset": {"type": "object"}},
}
_PAGES = "/f/"
"""The prefix of pages for browsers; programs ask for JSON there."""
_FORM_PATHS = {"/api/v1/hazards", "/api/v1/photos"}
_ANY_PROBLEM = {
    "description": "Problem",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_BEARER = {"type": "http", "scheme": "bearer", "description": "access_token of /api/v1/auth/login"}

Json = dict[str, Any]


def openapi_config(prefix: str) -> OpenAPIConfig:
    """`prefix`: the path of the public URL, to which the document's paths are relative."""
    return OpenAPIConfig(
        title="Anxun 安巡",
        version="1",
        servers=[Server(url=prefix or "/")],
        openapi_router=Router("/openapi", route_handlers=[], opt={"action": PUBLIC}, include_in_schema=False),
    )


class OpenAPIDocument:
    """The OpenAPI document of a server as JSON, built at the first request and kept."""

    def __init__(self, make: Callable[[], bytes]) -> None:
        self._make = make
        self._making = asyncio.Lock()
        self._made: Content | None = None
        self.tag = ""

    async def content(self) -> Content:
        async with self._making:
            if self._made is None:
                made = await asyncio.to_thread(self._make)
                self._made, self.tag = Content.from_bytes(made), hashlib.sha256(made).hexdigest()
        return self._made


def build_document(app: Litestar) -> bytes:
    """The whole document as JSON, the same for the same code. `app`: with `openapi_config` as its openapi_config."""
    schema = app.openapi_schema.to_schema()
    options = _route_options(app)
    bodies = [option["body"] for option in options.values() if option.get("body", bytes) is not bytes]
    described, components = msgspec.json.schema_components(bodies, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(map(id, bodies), described, strict=True))
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            option = options[path, method]
            _complete_operation(operation, _body_content(path, method, option, schema_of))
            if path.startswith(_PAGES):
                _add_html_answers(operation)
            operation["tags"] = [path.removeprefix("/api/v1").split("/")[1]]
            operation["security"] = [] if option["action"] in {PUBLIC, BY_LINK} else [{"bearer": []}]
    known = schema.setdefault("components", {})
    known.setdefault("schemas", {}).update({**components, "Problem": _PROBLEM})
    known["securitySchemes"] = {"bearer": _BEARER}
    return msgspec.json.format(msgspec.json.encode(schema, order="deterministic"), indent=1)


def _route_options(app: Litestar) -> dict[tuple[str, str], Json]:
    """(path, method) → `opt` of the handler."""
    return {
        (route.path_format, method.lower()): handler.opt
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        for method in handler.http_methods
    }


def _body_content(path: str, method: str, option: Json, schema_of: dict[int, Json]) -> Json:
    """The bodies that an operation takes, by media type."""
    content: Json = {}
    if id(option.get("body")) in schema_of:
        content["application/json"] = {"schema": schema_of[id(option["body"])]}
    if option.get("body") is bytes:
        content[option.get("takes", "image/*")] = {"schema": {"type": "string", "format": "binary"}}
    if method == "post" and path in _FORM_PATHS:
        content["multipart/form-data"] = {"schema": _FORM}
    return content


def _complete_operation(operation: Json, content: Json) -> None:
    """Adds the body, and replaces the framework's guesses at error responses with one problem."""
    if content:
        operation["requestBody"] = {"required": True, "content": content}
    answers = operation["responses"]
    for status in [status for status in answers if status.startswith(("4", "5"))]:
        del answers[status]
    if "201" in answers:
        answers.setdefault("200", {**answers["201"], "description": "The same again: it is there already"})
    if any(parameter["name"] == "format" for parameter in operation.get("parameters", [])):
        _add_table_formats(answers["200"]["content"])
    answers["default"] = _ANY_PROBLEM


def _add_table_formats(content: Json) -> None:
    """Adds the other formats to the JSON: CSV, XLSX, and the dataset of a chart."""
    own = content["application/json"]["schema"]
    content["application/json"] = {"schema": {"anyOf": [own, _DATASET]}}
    content[f"{MEDIA_TYPES[TableFormat.CSV]}; charset=utf-8"] = {"schema": {"type": "string"}}
    content[MEDIA_TYPES[TableFormat.XLSX]] = {"schema": {"type": "string", "format": "binary"}}


def _add_html_answers(operation: Json) -> None:
    """Adds HTML to every response, since any of them may be a page."""
    page = {"text/html": {"schema": {"type": "string"}}}
    operation["responses"] = {
        status: {**answer, "content": {**answer.get("content", {}), **page}}
        for status, answer in operation["responses"].items()
    }
