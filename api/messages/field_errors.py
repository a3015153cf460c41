"""The errors of a request body, all of them, with the path of each field and a Chinese message.

msgspec stops at the first error of a body. Only then is the body read again, part by part, for the others: a good body
is decoded once, as before.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import chain, islice
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import fields as fields_of

from api.messages.type_words import MISSING_WORDS, UNKNOWN_WORDS, find_types, merge_choices, translate_message
from inspections.errors import FieldError, InvalidFields

MAX_ERRORS = 20
"""The most errors that are listed for a body."""
MAX_REREAD_BYTES = 128 * 1024
"""Larger than any body without a mistake: to read a megabyte again would hold up other requests."""
_OWN = re.compile(r"([\w.\[\]]+)：(.+)\Z")  # messages of a Struct's own checks: field：words
_NAMED = re.compile(r"(?:missing required|contains unknown) field `([^`]*)")
_AT = " - at `"
_MESSAGE_CHARACTERS = 300
"""The most characters that are read of a message, which may quote a megabyte of the body."""


def to_field_error(error: msgspec.ValidationError, kind: Any, body: Any = None) -> FieldError:
    """The path of the field and a Chinese message, from msgspec's English message about a body of this kind.

    `body`: as decoded without a type, for a union of kinds.
    """
    message, at, path = str(error).rpartition(_AT)
    if not at:
        message, path = path, ""
    message = message[:_MESSAGE_CHARACTERS]
    path = path.removesuffix("`")[:_MESSAGE_CHARACTERS]
    kinds = [] if path.startswith("key in ") else merge_choices(find_types(kind, path, body))
    path = path.removeprefix("key in ").removeprefix("$").removeprefix(".")
    if own := _OWN.match(message):
        named, words = own.groups()
    else:
        named = name.group(1) if (name := _NAMED.search(message)) else ""
        words = translate_message(message, kinds)
    return FieldError(_join(path, named) or "$", words)


def find_field_errors(
    raw: bytes | bytearray, kind: Any, first: msgspec.ValidationError, *, strict: bool = True
) -> list[FieldError]:
    """Returns all errors of a body that is not a `kind`, at most MAX_ERRORS; unknown fields come last.

    `first`: the error that msgspec raised. It stays alone if what follows it is no JSON, and for a body larger than
    MAX_REREAD_BYTES. `strict`: False for texts of a form. An object's own check, which compares its fields, is made
    once each of them is right.
    """
    told = to_field_error(first, kind, _decode_any_json(raw))
    if len(raw) > MAX_REREAD_BYTES:
        return [told]
    found: list[FieldError] = []
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = list(islice(_find_errors(bytes(raw).strip(), kind, "", strict), MAX_ERRORS))
    if "[...]" not in told.field and all(each.field != told.field for each in found):
        found = [told, *found][:MAX_ERRORS]  # such as the first of two values of one name, which is not read again
    return found or [told]


def _decode_any_json(raw: bytes | bytearray) -> Any:
    """The body without a type; None where the part after the first error is not JSON."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


@cache
def _decoder(kind: Any, strict: bool) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=strict)


def _find_errors(raw: bytes, kind: Any, path: str, strict: bool) -> Iterator[FieldError]:
    """Yields the errors of a part of a body: of what is in it, or else of the part itself."""
    own = _find_own_errors(raw, kind, path, strict)
    if own:
        inner = _find_inner_errors(raw, kind, path, strict)
        one = next(inner, None)
        yield from own if one is None else chain((one,), inner)


def _find_own_errors(raw: bytes, kind: Any, path: str, strict: bool) -> list[FieldError]:
    """Returns what msgspec says of this part alone: nothing, the first error, or all of an object's own check."""
    try:
        _decoder(kind, strict).decode(raw)
    except msgspec.ValidationError as error:
        checked = error.__cause__
        found = (
            checked.errors
            if isinstance(checked, InvalidFields)
            else [to_field_error(error, kind, _decode_any_json(raw))]
        )
        return [FieldError(path or "$" if field == "$" else _join(path, field), words) for field, words in found]
    return []


def _find_inner_errors(raw: bytes, kind: Any, path: str, strict: bool) -> Iterator[FieldError]:
    for each in _alternatives(kind, raw):
        bare, limits = _without_annotation(each)
        origin, inner = get_origin(bare), get_args(bare)
        if raw.startswith(b"{") and _is_struct(bare):
            yield from _find_object_errors(raw, bare, path, strict)
        elif raw.startswith(b"{") and origin is dict:
            for name, part in _parts(raw, dict[str, Raw]).items():
                yield from _find_errors(bytes(part), inner[1], _join(path, name), strict)
        elif raw.startswith(b"[") and origin in {list, tuple, set, frozenset}:
            # A list with too many parts is not read further: a body has room for hundreds of thousands.
            if too_long := _find_own_errors(raw, Annotated[list[Raw], *limits] if limits else list[Raw], path, strict):
                yield from too_long
                continue
            for at, part in enumerate(_parts(raw, list[Raw])):
                yield from _find_errors(bytes(part), inner[0], f"{path}[{at}]", strict)


def _find_object_errors(raw: bytes, kind: type[Struct], path: str, strict: bool) -> Iterator[FieldError]:
    parts, config = _parts(raw, dict[str, Raw]), kind.__struct_config__
    for field in fields_of(kind):
        if (part := parts.pop(field.encode_name, None)) is not None:
            yield from _find_errors(bytes(part), field.type, _join(path, field.encode_name), strict)
        elif field.required:
            yield FieldError(_join(path, field.encode_name), MISSING_WORDS)
    if config.tag_field and (tag := parts.pop(config.tag_field, None)) is not None:
        yield from _find_errors(bytes(tag), Literal[config.tag], _join(path, config.tag_field), strict)
    if config.forbid_unknown_fields:
        for name in parts:
            yield FieldError(_join(path, name[:_MESSAGE_CHARACTERS]), UNKNOWN_WORDS)


def _alternatives(kind: Any, raw: bytes) -> list[Any]:
    """Returns the types of a part: the type alone, or those of a union. Several Structs differ by their tags."""
    bare, _ = _without_annotation(kind)
    if get_origin(bare) not in {Union, UnionType}:
        return [kind]
    types = [each for each in get_args(bare) if each is not NoneType]
    if sum(map(_is_struct, types)) > 1 and raw.startswith(b"{"):
        return [each for each in types if not _is_struct(each) or _has_tag(raw, each)]
    return types


def _without_annotation(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    return (kind.__origin__, kind.__metadata__) if get_origin(kind) is Annotated else (kind, ())


def _is_struct(kind: Any) -> TypeGuard[type[Struct]]:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _has_tag(raw: bytes, kind: type[Struct]) -> bool:
    config = kind.__struct_config__
    tag = _parts(raw, dict[str, Raw]).get(config.tag_field or "")
    return tag is not None and msgspec.json.decode(tag) == config.tag


def _parts(raw: bytes, kind: Any) -> Any:
    return _decoder(kind, strict=True).decode(raw)


def _join(path: str, name: str) -> str:
    if not path or not name or name.startswith("["):
        return path + name
    return f"{path}.{name}"
