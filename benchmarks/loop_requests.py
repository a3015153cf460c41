"""Creates the costliest requests for each operation of the OpenAPI document: wide, long, large or repetitive."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

BODY_BYTES = 990_000
QUERY_BYTES = 16_000
HEADER_BYTES = 60_000
MAX_ITEMS = 20_000
"""The most items in an array without its own bound, as far as they fit into a body."""
PARAMETERS = 500

LEFT_OUT = {"post /api/v1/auth/logout", "post /api/v1/me/devices/revoke", "get /api/v1/live"}
"""The first two would sign the benchmark out; the third response never ends."""

_WIDE = {"from": "0001-01-01", "to": "9999-12-31", "limit": "500", "format": "xlsx", "interval": "day"}
"""Parameters that request as much data as possible; all others narrow the result."""
_TEXTS = {"uuid": "01900000-0000-7000-8000-000000000000", "date": "2026-11-23", "date-time": "2026-11-23T01:00:00Z"}
_PATTERNED = {
    r"\A[0-9]{12}\Z": "330402009036",
    r"\A[0-9]{0,12}\Z": "330402009036",
    r"\A([0-9]{6}|[0-9]{9}|[0-9]{12})\Z": "330402009036",
    r"\A([A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+)?\Z": "someone@example.org",
    r"\A[0-9+() -]{3,30}\Z": "0573-82000000",
    r"\A[0-9a-f]{64}\Z": "0" * 64,
}
_PARTS = 64


class CostlyRequest(NamedTuple):
    """A request and a description of what makes it costly (`shape`)."""

    shape: str
    method: str
    path: str
    query: str = ""
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def costly_requests(document: Any, label: str, things: dict[str, str]) -> Iterator[CostlyRequest]:
    """Yields the requests of one operation. `label`: its method and path; `things`: values for the path."""
    method, path = label.split(" ", 1)
    operation = document["paths"][path][method]
    known = {each["name"]: each["schema"] for each in operation.get("parameters", ()) if each["in"] == "query"}
    for name, filling in things.items():
        path = path.replace(f"{{{name}}}", filling)
    asked = CostlyRequest("plain", method.upper(), path, headers=_headers(label))
    yield asked
    wide = [(name, wanted) for name, wanted in _WIDE.items() if name in known]
    yield asked._replace(shape="as wide as it goes", query=_query(wide))
    yield asked._replace(shape="a query of 500 parameters", query=_query([("x", "1")] * PARAMETERS))
    for name in known:
        for words, filling in (("1", "1"), ("letters", "a"), ("characters", "，"), ("commas", ",")):
            long = quote(filling, safe=",") * (QUERY_BYTES // len(quote(filling, safe=",")) - 10)
            yield asked._replace(shape=f"{name}: {words}", query=f"{name}={long}")
        yield asked._replace(shape=f"{name} again and again", query=_query([(name, "1")] * PARAMETERS))
    for name, value in _long_headers():
        yield asked._replace(shape=f"a long {name}", headers=((name, value), *asked.headers))
    content = operation.get("requestBody", {}).get("content", {})
    for kind, media in content.items():
        for shape, body in _bodies(document, kind, media.get("schema", {})):
            sent = kind + ("; boundary=x" if kind.startswith("multipart") else "")
            yield asked._replace(shape=shape, body=body, headers=(*asked.headers, ("content-type", sent)))


def _query(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={quote(value)}" for name, value in pairs)


def _headers(label: str) -> tuple[tuple[str, str], ...]:
    if "/uploads" not in label:
        return ()
    return ("tus-resumable", "1.0.0"), ("upload-length", "9"), ("upload-offset", "0")


def _long_headers() -> Iterator[tuple[str, str]]:
    def repeat(piece: str) -> str:
        return piece * (HEADER_BYTES // len(piece))

    yield "authorization", "Bearer " + repeat("a")
    yield "if-none-match", repeat('"a", ')
    yield "range", "bytes=" + repeat("0-0,")
    yield "accept", repeat("a/b;q=0.1, ")
    yield "upload-metadata", repeat("a YQ==,")
    yield "cookie", "a=1; " * 800


def _bodies(document: Any, kind: str, schema: Any) -> Iterator[tuple[str, bytes]]:
    if kind == "application/json":
        yield from _json_bodies(document, schema)
    elif kind.startswith("multipart"):
        yield "many parts", b"".join(_part("report", b"x" * 15_000) for _ in range(_PARTS)) + b"--x--\r\n"
        yield "nearly boundaries", _part("report", b"\r\n--x" * (BODY_BYTES // 6)) + b"--x--\r\n"
        yield "a long head of a part", _part("a" * BODY_BYTES, b"") + b"--x--\r\n"
        yield "a report of commas", _part("report", b"[" + b"," * BODY_BYTES) + b"--x--\r\n"
    else:
        yield "zeros", bytes(BODY_BYTES)
        yield "lines", b"a,b\r\n" * (BODY_BYTES // 5)
        yield "one long line", b"," * BODY_BYTES
        yield "brackets", b"[" * BODY_BYTES


def _part(name: str, content: bytes) -> bytes:
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n"


def _json_bodies(document: Any, schema: Any) -> Iterator[tuple[str, bytes]]:
    yield "brackets", b"[" * (BODY_BYTES // 2) + b"]" * (BODY_BYTES // 2)
    yield "braces", b'{"a":' * (BODY_BYTES // 6) + b"1" + b"}" * (BODY_BYTES // 6)
    yield "unknown names", b"{" + b",".join(b'"%d":0' % number for number in range(BODY_BYTES // 10)) + b"}"
    yield "an endless number", b'{"version":' + b"9" * BODY_BYTES + b"}"
    yield "escapes", b'{"name":"' + rb"\u0041" * (BODY_BYTES // 6) + b'"}'
    for form in _object_schemas(document, schema):
        names = [name for name in form.get("properties", {}) if name]
        fitting = _valid_value(document, form, 1)
        yield "fits", json.dumps(fitting).encode()
        for name in names:
            kind = _resolve_schema(document, form["properties"][name])
            if kind.get("type") == "array":
                one = _valid_value(document, kind["items"], 1)
                most = min(kind.get("maxItems", MAX_ITEMS), BODY_BYTES // (len(json.dumps(one)) + 2))
                many = [{**one, "id": str(uuid4())} if isinstance(one, dict) and "id" in one else one] * most
                yield f"{name}: {most} items", json.dumps({**fitting, name: many}).encode()
            elif kind.get("type") == "object":
                given = {str(number): 0 for number in range(BODY_BYTES // 12)}
                yield f"{name}: many names", json.dumps({**fitting, name: given}).encode()
            elif kind.get("type") == "string":
                most = min(kind.get("maxLength", BODY_BYTES // 3), BODY_BYTES // 3)
                yield (
                    f"{name}: {most} characters",
                    json.dumps({**fitting, name: "，" * most}, ensure_ascii=False).encode(),
                )
                yield f"{name}: too long", json.dumps({**fitting, name: " " * (BODY_BYTES - 10_000)}).encode()


def _object_schemas(document: Any, schema: Any) -> list[Any]:
    """Returns the schemas of objects that a body may be."""
    found = _resolve_schema(document, schema)
    several = found.get("anyOf") or found.get("oneOf")
    return [form for each in several for form in _object_schemas(document, each)] if several else [found]


def _resolve_schema(document: Any, schema: Any) -> Any:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    several = [each for each in schema.get("oneOf", ()) if each.get("type") != "null"]
    return _resolve_schema(document, several[0]) if len(several) == 1 else schema


def _valid_value(document: Any, schema: Any, depth: int) -> Any:
    """Returns a valid value with all required fields and, at the top level, all optional ones."""
    found = _resolve_schema(document, schema)
    if choices := found.get("anyOf") or found.get("oneOf"):
        return _valid_value(document, choices[0], depth)
    if values := found.get("const") or found.get("enum"):
        return values[0] if isinstance(values, list) else values
    if found.get("type") == "object":
        wanted = found.get("properties", {})
        names = wanted if depth else found.get("required", ())
        return {name: _valid_value(document, wanted[name], 0) for name in names if name in wanted}
    text = _TEXTS.get(found.get("format", "")) or _PATTERNED.get(found.get("pattern", ""))
    plain = {
        "array": [_valid_value(document, found["items"], 0)] if found.get("minItems") else [],
        "integer": found.get("minimum", 1),
        "number": found.get("minimum", 1),
        "boolean": True,
        "string": text or "some-text" * (1 + found.get("minLength", 1) // 9),
    }
    return plain.get(found.get("type"))
