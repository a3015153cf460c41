"""Checks and cleans the texts of a request by the types of its fields, and compares repeated requests.

A name, code or template with an invisible character is refused. In free words such characters are removed. Actions do
this after they have recognised a repeated request, so that a request accepted earlier gets the same answer again.
"""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar, cast

from msgspec import Struct, inspect
from msgspec.structs import replace

from inspections.errors import InvalidInput
from inspections.field_types import TextKind
from inspections.text import clean_line, clean_text, has_invisible, name_key

T = TypeVar("T", bound=Struct)
INVISIBLE_WORDS = "含有看不见的字符，请删去后重新输入"
MISSING_WORDS = "缺少此项"


class _TextField(NamedTuple):
    """A field with texts. `kind` is None for a Struct that has texts, and for a tuple of such Structs."""

    name: str
    kind: TextKind | None
    optional: bool


def clean_texts(body: T, stored: Collection[str | None] = ()) -> T:
    """Returns the request with clean words; optional words of which nothing is left become None.

    `stored`: texts of the record that the request replaces, which may stay as they are. Raises InvalidInput for a name
    or template with invisible characters, and for required words without any other.
    """
    cleaned, errors = check_texts(body, stored)
    if errors:
        raise InvalidInput(*errors)
    return cleaned


def check_texts(body: T, stored: Collection[str | None] = ()) -> tuple[T, list[tuple[str, str]]]:
    """Returns the request with clean words, and an error for each text that `clean_texts` refuses, which it keeps."""
    errors: list[tuple[str, str]] = []
    changed: dict[str, Any] = {}
    for field in _text_fields(type(body)):
        value = getattr(body, field.name)
        if value is None or (isinstance(value, str) and (value.isascii() or not has_invisible(value))):
            continue  # most texts; of ASCII the patterns refuse the controls
        if isinstance(value, tuple):
            parts = cast("Sequence[Any]", value)
            after = tuple(
                _check_value(f"{field.name}[{at}]", each, field, stored, errors) for at, each in enumerate(parts)
            )
        else:
            after = _check_value(field.name, value, field, stored, errors)
        if after != value:
            changed[field.name] = after
    return replace(body, **changed) if changed else body, errors


def _check_value(
    path: str, value: Any, field: _TextField, stored: Collection[str | None], errors: list[tuple[str, str]]
) -> Any:
    if field.kind is None:
        cleaned, inner = check_texts(value, stored)
        errors += [(f"{path}.{name}", words) for name, words in inner]
        return cleaned
    if value in stored or not has_invisible(value):
        return value
    cleaned = _clean(field.kind, value)
    if field.kind is TextKind.NAME or (field.kind is TextKind.TEMPLATE and cleaned != value):
        errors.append((path, INVISIBLE_WORDS))
        return value
    if cleaned or field.optional:
        return cleaned or None
    errors.append((path, MISSING_WORDS))
    return value


def _clean(kind: TextKind, text: str) -> str:
    return clean_line(text) if kind is TextKind.LINE else clean_text(text)


@cache
def _text_fields(kind: type[Struct]) -> tuple[_TextField, ...]:
    info = cast("inspect.StructType", inspect.type_info(kind))
    found = [_text_field(each.name, each.type) for each in info.fields]
    return tuple(each for each in found if each)


def _text_field(name: str, kind: inspect.Type) -> _TextField | None:
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    for each in kinds:
        inner = each.item_type if isinstance(each, inspect.VarTupleType) else each
        extra = cast("dict[str, Any]", inner.extra or {}) if isinstance(inner, inspect.Metadata) else {}  # pyright: ignore[reportUnknownMemberType]
        if "text" in extra:
            return _TextField(name, extra["text"], len(kinds) > 1)
        if isinstance(inner, inspect.StructType) and _text_fields(inner.cls):
            return _TextField(name, None, len(kinds) > 1)
    return None


def differing_fields(one: object, other: Struct, fields: Sequence[str]) -> list[str]:
    """The names of `fields` in which a stored body and a request differ (api.md, "Same again": compared as parsed).

    Words are equal if they are equal once cleaned, and names if their composed forms are.
    """
    found = [field for field in fields if getattr(one, field) != getattr(other, field)]
    kinds = {field.name: field.kind for field in _text_fields(type(other))} if found else {}
    return [
        name
        for name in found
        if _comparable(getattr(one, name), kinds.get(name)) != _comparable(getattr(other, name), kinds.get(name))
    ]


def _comparable(value: Any, kind: TextKind | None) -> Any:
    if isinstance(value, str):
        if kind is TextKind.LINE or kind is TextKind.WORDS:
            return _clean(kind, value) or None
        return name_key(value)
    if isinstance(value, tuple):
        parts = cast("Sequence[Any]", value)
        return tuple(_comparable(each, kind) for each in parts)
    if isinstance(value, Struct):
        kinds = {field.name: field.kind for field in _text_fields(type(value))}
        return tuple(_comparable(getattr(value, name), kinds.get(name)) for name in value.__struct_fields__)
    return value
