"""Requests that cost the most, made for each operation of the OpenAPI document: wide, long, large, repeated."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

BODY_BYTES = 990_000
QUERY_BYTES = 16_000
HEADER_BYTES = 60_000
ITEMS = 20_000
"""In an array that has no bound of its own; as many as fit into a body."""
PARAMETERS = 500

LEFT_OUT = {"post /api/v1/auth/logout", "post /api/v1/me/devices/revoke", "get /api/v1/live"}
"""Two would sign the benchmark out; the third has no end."""

_WIDE = {"from": "0001-01-01", "to": "9999-12-31", "limit": "500", "format": "xlsx", "interval": "day"}
"""What asks for as much as there is; any other parameter narrows."""
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


class Asked(NamedTuple):
    """A request, and the words for what is costly about it."""

    shape: str
    method: str
    path: str
    query: str = ""
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def costly_requests(document: Any, label: str, things: dict[str, str]) -> Iterator[Asked]:
    """Of one operation, `label` being its method and path; `things` fill in the path."""
    method, path = label.split(" ", 1)
    operation = document["paths"][path][method]
    known = {each["name"]: each["schema"] for each in operation.get("parameters", ()) if each["in"] == "query"}
    for name, filling in things.items():
        path = path.replace(f"{{{name}}}", filling)
    asked = Asked("plain", method.upper(), path, headers=_headers(label))
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
    def filled(piece: str) -> str:
        return piece * (HEADER_BYTES // len(piece))

    yield "authorization", "Bearer " + filled("a")
    yield "if-none-match", filled('"a", ')
    yield "range", "bytes=" + filled("0-0,")
    yield "accept", filled("a/b;q=0.1, ")
    yield "upload-metadata", filled("a YQ==,")
    yield "cookie", "a=1; " * 800


def _bodies(document: Any, kind: str, schema: Any) -> Iterator[tuple[str, bytes]]:
    if kind == "application/json":
        yield from _documents(document, schema)
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


def _documents(document: Any, schema: Any) -> Iterator[tuple[str, bytes]]:
    yield "brackets", b"[" * (BODY_BYTES // 2) + b"]" * (BODY_BYTES // 2)
    yield "braces", b'{"a":' * (BODY_BYTES // 6) + b"1" + b"}" * (BODY_BYTES // 6)
    yield "unknown names", b"{" + b",".join(b'"%d":0' % number for number in range(BODY_BYTES // 10)) + b"}"
    yield "an endless number", b'{"version":' + b"9" * BODY_BYTES + b"}"
    yield "escapes", b'{"name":"' + rb"\u0041" * (BODY_BYTES // 6) + b'"}'
    for form in _forms(document, schema):
        names = [name for name in form.get("properties", {}) if name]
        fitting = _fitting(document, form, 1)
        yield "fits", json.dumps(fitting).encode()
        for name in names:
            kind = _resolved(document, form["properties"][name])
            if kind.get("type") == "array":
                one = _fitting(document, kind["items"], 1)
                most = min(kind.get("maxItems", ITEMS), BODY_BYTES // (len(json.dumps(one)) + 2))
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


def _forms(document: Any, schema: Any) -> list[Any]:
    """The objects that a body may be."""
    found = _resolved(document, schema)
    several = found.get("anyOf") or found.get("oneOf")
    return [form for each in several for form in _forms(document, each)] if several else [found]


def _resolved(document: Any, schema: Any) -> Any:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    several = [each for each in schema.get("oneOf", ()) if each.get("type") != "null"]
    return _resolved(document, several[0]) if len(several) == 1 else schema


def _fitting(document: Any, schema: Any, depth: int) -> Any:
    """A value that the schema allows, with what it requires and, at the top, all that it allows."""
    found = _resolved(document, schema)
    if choices := found.get("anyOf") or found.get("oneOf"):
        return _fitting(document, choices[0], depth)
    if said := found.get("const") or found.get("enum"):
        return said[0] if isinstance(said, list) else said
    if found.get("type") == "object":
        wanted = found.get("properties", {})
        names = wanted if depth else found.get("required", ())
        return {name: _fitting(document, wanted[name], 0) for name in names if name in wanted}
    text = _TEXTS.get(found.get("format", "")) or _PATTERNED.get(found.get("pattern", ""))
    plain = {
        "array": [_fitting(document, found["items"], 0)] if found.get("minItems") else [],
        "integer": found.get("minimum", 1),
        "number": found.get("minimum", 1),
        "boolean": True,
        "string": text or "some-text" * (1 + found.get("minLength", 1) // 9),
    }
    return plain.get(found.get("type"))
