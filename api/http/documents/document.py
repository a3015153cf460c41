"""The OpenAPI document: what the framework knows, completed with bodies, tags, sign-in and problems."""

import asyncio
import hashlib
from collections.abc import Callable
from copy import deepcopy
from inspect import cleandoc
from typing import Any

import msgspec
from litestar import Litestar, Router
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Contact, License, Server

from api.http.documents.answers import RecordedAnswers, example_bodies, recorded_answers
from api.http.documents.components import COMPONENTS, make_reference
from api.http.documents.descriptions import describe_parameters, describe_schemas
from api.http.documents.patterns import simplify_parameter, translate_schemas
from api.http.documents.statuses import ANY_TIME, add_header_statuses, problem_statuses
from api.http.documents.subjects import SUBJECTS, find_subject
from api.http.responses import Content
from api.http.tables import MEDIA_TYPES, TableFormat
from inspections.accounts.policy import BY_LINK, PUBLIC
from inspections.errors import InvalidInput
from inspections.statistics.metrics import COLUMN_TYPES

_ABOUT = (
    "The safety inspection of a 街道 office: hazards (隐患) with photos, their steps from report to evaluation, "
    "deadlines, alarms, statistics and the ledger (台账). Times are RFC 3339 with an offset; days are days of "
    "Asia/Shanghai. Errors are problems (RFC 9457) with a stable `code`; their words are Chinese, or English for "
    "clients that prefer it."
)
_PAGES = "/f/"
"""The prefix of pages for browsers; programs ask for JSON there."""
_FORMS = {"/api/v1/hazards": "ReportForm", "/api/v1/photos": "PhotoForm"}
"""The schemas of forms by path, for POST."""
_ANY_PROBLEM = {
    "description": f"A problem that any request may get: {', '.join(map(str, ANY_TIME))}.",
    "content": {"application/problem+json": {"schema": make_reference("Problem")}},
}
_LANGUAGE = {
    "name": "Accept-Language",
    "in": "header",
    "required": False,
    "description": "The language of words for people (RFC 9110): zh-CN, or en where English is preferred.",
    "schema": {"type": "string"},
}
_EMPTY = {"application/json": {"schema": {"type": "null"}}}
"""What the framework says of an answer without a body."""
_BEARER = {"type": "http", "scheme": "bearer", "description": "access_token of /api/v1/auth/login"}

Json = dict[str, Any]


def openapi_config(prefix: str) -> OpenAPIConfig:
    """`prefix`: the path of the public URL, to which the document's paths are relative."""
    return OpenAPIConfig(
        title="Anxun 安巡",
        version="1",
        description=_ABOUT,
        contact=Contact(name="Anxun 安巡"),
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
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
    handlers = _handlers(app)
    options = {place: handler.opt for place, handler in handlers.items()}
    bodies = [option["body"] for option in options.values() if option.get("body", bytes) is not bytes]
    described, components = msgspec.json.schema_components(bodies, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(map(id, bodies), described, strict=True))
    for path, operations in schema["paths"].items():
        if "get" in operations:
            operations.pop("head", None)  # HEAD is answered wherever GET is (RFC 9110, 9.3.2)
        for method, operation in operations.items():
            option = options[path, method]
            body = _body_content(path, method, option, schema_of)
            _add_example_bodies(body, example_bodies().get(f"{method.upper()} {path}", {}))
            _complete_operation(operation, body, needs_body=option.get("needs_body", True))
            _describe_operation(operation, method, path, handlers[path, method])
            if path.startswith(_PAGES) and "/uploads" not in path:
                _add_html_answers(operation)
            operation["security"] = [] if option["action"] in {PUBLIC, BY_LINK} else [{"bearer": []}]
    known = schema.setdefault("components", {})
    known.setdefault("schemas", {}).update({**components, **COMPONENTS})
    known["securitySchemes"] = {"bearer": _BEARER}
    schema["tags"] = [{"name": name, "description": words} for name, words in SUBJECTS.items()]
    for row in ("CommunityRow", "CategoryRow"):  # `fields` chooses the metrics
        schema_of_row = known["schemas"][row]
        schema_of_row["required"] = [name for name in schema_of_row["required"] if name not in COLUMN_TYPES]
    describe_schemas(known["schemas"])
    translate_schemas(schema)
    return msgspec.json.format(msgspec.json.encode(schema, order="deterministic"), indent=1)


def _handlers(app: Litestar) -> dict[tuple[str, str], HTTPRouteHandler]:
    """(path, method) → the handler."""
    return {
        (route.path_format, method.lower()): handler
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
        content[option.get("takes", "application/octet-stream")] = {"schema": {"type": "string", "format": "binary"}}
    if method == "post" and path in _FORMS:
        content["multipart/form-data"] = {"schema": make_reference(_FORMS[path])}
    return content


def _complete_operation(operation: Json, content: Json, *, needs_body: bool) -> None:
    """Adds the body, and replaces the framework's guesses at error responses with one problem."""
    if content:
        operation["requestBody"] = {"required": needs_body, "content": content}
    answers = operation["responses"]
    for status in [status for status in answers if status.startswith(("4", "5"))]:
        del answers[status]
    if "201" in answers:
        answers.setdefault("200", {**answers["201"], "description": "The same again: it is there already"})
    if any(parameter["name"] == "format" for parameter in operation.get("parameters", [])):
        _add_table_formats(answers["200"]["content"])
    for answer in answers.values():
        if answer.get("content") == _EMPTY:
            del answer["content"]
    answers["default"] = _ANY_PROBLEM


def _describe_operation(operation: Json, method: str, path: str, handler: HTTPRouteHandler) -> None:
    """Adds name, words, header parameters, an example and problems to an operation."""
    operation["operationId"] = _operation_name(handler.handler_name.rpartition(".")[2], path)
    operation["tags"] = [find_subject(handler)]
    words = cleandoc(handler.fn.__doc__ or "").strip()
    summary, _, more = words.partition("\n\n")
    operation["summary"] = " ".join(summary.split())
    operation["description"] = "\n\n".join(" ".join(part.split()) for part in [summary, *more.split("\n\n")] if part)
    parameters = operation.setdefault("parameters", [])
    known = {parameter["name"].lower() for parameter in parameters}
    parameters += [
        {"name": header, "in": "header", "required": required, "description": meaning, "schema": {**schema}}
        for header, required, meaning, schema in handler.opt.get("headers", ())
        if header.lower() not in known
    ]
    parameters.append(deepcopy(_LANGUAGE))
    for parameter in parameters:
        simplify_parameter(parameter)
    describe_parameters(parameters)
    for status in problem_statuses(operation, path, handler.opt):
        operation["responses"][status] = {**_ANY_PROBLEM, "description": "Problem"}
    add_header_statuses(operation)
    _add_recorded_answers(operation, recorded_answers().get(f"{method.upper()} {path}"))


def _operation_name(handler_name: str, path: str) -> str:
    """`get_notice` → `getNotice`, and of the responsible party's pages `getPartyNotice`."""
    first, *rest = handler_name.split("_")
    if path.startswith(_PAGES) and "party" not in rest:
        rest.insert(-1, "party")
    return first + "".join(part.capitalize() for part in rest)


def _add_example_bodies(content: Json, examples: Json) -> None:
    """Adds one example to the JSON, or several by their names."""
    if len(examples) == 1:
        content["application/json"]["example"] = next(iter(examples.values()))
    elif examples:
        content["application/json"]["examples"] = {name: {"value": value} for name, value in examples.items()}


def _add_recorded_answers(operation: Json, recorded: RecordedAnswers | None) -> None:
    """Adds the example of a successful answer, and the problems by status with their codes."""
    answers = operation["responses"]
    answers["422"] = {**_ANY_PROBLEM, "description": f"A problem with the code {InvalidInput.code}."}
    if recorded is None:
        return
    for status in ("200", "201", "202"):
        content = answers.get(status, {}).get("content", {}).get("application/json")
        if content is not None and recorded.example is not None:
            content["example"] = recorded.example
            break
    for status, codes in sorted(recorded.problems.items()):
        answers[status] = {**_ANY_PROBLEM, "description": f"A problem with the code {' or '.join(codes)}."}


def _add_table_formats(content: Json) -> None:
    """Adds the other formats to the JSON: CSV, XLSX, and the dataset of a chart."""
    own = content["application/json"]["schema"]
    content["application/json"] = {"schema": {"anyOf": [own, make_reference("ChartDataset")]}}
    content[f"{MEDIA_TYPES[TableFormat.CSV]}; charset=utf-8"] = {"schema": {"type": "string"}}
    content[MEDIA_TYPES[TableFormat.XLSX]] = {"schema": {"type": "string", "format": "binary"}}


def _add_html_answers(operation: Json) -> None:
    """Adds HTML to every response, since any of them may be a page."""
    page = {"text/html": {"schema": {"type": "string"}}}
    operation["responses"] = {
        status: {**answer, "content": {**answer.get("content", {}), **page}}
        for status, answer in operation["responses"].items()
    }
