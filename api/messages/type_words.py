"""The words for a value that is not of the declared type: in Chinese, with an example that is accepted."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, cast

from msgspec import inspect as types

MISSING_WORDS = "缺少此项"
UNKNOWN_WORDS = "没有这个字段"
_Words = tuple[tuple[re.Pattern[str], str], ...]


def _compile_words(*words: tuple[str, str]) -> _Words:
    return tuple((re.compile(pattern), chinese) for pattern, chinese in words)


_CONSTRAINT_WORDS = _compile_words(
    (r"missing required field", MISSING_WORDS),
    (r"contains unknown field", UNKNOWN_WORDS),
    (r"out of range", "数值或时间超出范围"),
    (r"Expected `(str|array|object|int|float)` of length >= (\d+)", r"长度至少为 \2"),
    (r"Expected `(str|array|object|int|float)` of length <= (\d+)", r"长度最多为 \2"),
    (r"Expected `(int|float)` >= ([-\d.]+)", r"不得小于 \2"),
    (r"Expected `(int|float)` <= ([-\d.]+)", r"不得大于 \2"),
    (r"matching regex", "含有不允许的字符或格式不正确"),
    (r"Expected `([^`]+)`, got `null`", "不能为空"),
)
"""Messages of msgspec about values of the right type."""
_OTHER_WORDS = _compile_words(
    (r"Invalid (enum )?value", "不在可选值之内"),
    (r"Expected `([^`]+)`, got `([^`]+)`", r"应为 \1，收到 \2"),
)
"""Messages about the type, where the declared type is not known or has no words of its own."""


TYPE_WORDS: dict[type[types.Type], str] = {
    types.DateType: "不是日期，如 2026-11-23",
    types.DateTimeType: "不是带时区的时间，如 2026-11-23T09:00:00+08:00",
    types.UUIDType: "不是有效的 UUID，如 0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b",
    types.BoolType: "应为 true 或 false",
    types.StrType: "应为文字",
    types.ListType: "应为列表",
    types.VarTupleType: "应为列表",
    types.DictType: "应为对象",
    types.StructType: "应为对象",
}
"""What is said about a value that is not of the declared type; the examples are accepted."""


def translate_message(message: str, kinds: Iterable[types.Type] = ()) -> str:
    """Chinese words for a message of msgspec about a value of one of these declared types."""
    if words := _match_words(_CONSTRAINT_WORDS, message):
        return words
    described = {_describe_type(each) for kind in kinds for each in _alternatives(kind)}
    only = described.pop() if len(described) == 1 else None
    return only or _match_words(_OTHER_WORDS, message) or message


def _match_words(table: _Words, message: str) -> str | None:
    return next((found.expand(words) for pattern, words in table if (found := pattern.search(message))), None)


def _alternatives(kind: types.Type) -> Iterator[types.Type]:
    """The members of a union but null; of another type only itself, without its metadata."""
    if isinstance(kind, types.Metadata):
        yield from _alternatives(kind.type)
    elif isinstance(kind, types.UnionType):
        for each in kind.types:
            yield from _alternatives(each)
    elif not isinstance(kind, types.NoneType):
        yield kind


def _describe_type(kind: types.Type) -> str | None:
    if isinstance(kind, types.EnumType):
        return _describe_choice(each.value for each in kind.cls)
    if isinstance(kind, types.LiteralType):
        return _describe_choice(kind.values)
    if isinstance(kind, types.IntType | types.FloatType):
        bounds = (kind.ge, None if kind.gt is None else kind.gt + 1, kind.le)
        example = next((each for each in bounds if each is not None), 1)
        return f"不是整数，如 {example}" if isinstance(kind, types.IntType) else f"不是数字，如 {example}"
    return TYPE_WORDS.get(type(kind))


def _describe_choice(values: Iterable[Any]) -> str:
    return f"不在可选值之内，可选：{'、'.join(map(str, values))}"


_PATH_PART = re.compile(r"\.([^.\[\]]+)|\[(?:[0-9]+|\.\.\.)\]")


@cache
def _declared_type(kind: Any) -> types.Type:
    return types.type_info(kind)


def find_types(kind: Any, path: str, body: Any) -> list[types.Type]:
    """The declared types at a path of msgspec, such as `$.photos[0].taken_at`, in a body of this kind.

    `body`: as decoded without a type; its tag tells which member of a union is meant.
    """
    found = [*_alternatives(_declared_type(kind))]
    if isinstance(body, dict):
        found = [each for each in found if _has_tag(each, cast("dict[Any, Any]", body))] or found
    for part in _PATH_PART.finditer(path):
        found = [
            each for inside in found for member in _members(inside, part.group(1)) for each in _alternatives(member)
        ]
    return found


def _has_tag(kind: types.Type, body: dict[Any, Any]) -> bool:
    return isinstance(kind, types.StructType) and body.get(kind.tag_field) == kind.tag


def _members(kind: types.Type, name: str | None) -> Iterator[types.Type]:
    """The types of the field `name` of an object, or (None) of the items of a list or dictionary."""
    match kind:
        case types.StructType() if name is not None:
            yield from (each.type for each in kind.fields if each.encode_name == name)
            if name == kind.tag_field:
                yield types.LiteralType((kind.tag,))
        case types.ListType() | types.VarTupleType() | types.SetType() | types.FrozenSetType():
            yield kind.item_type
        case types.DictType():
            yield kind.value_type
        case _:
            return


def merge_choices(found: list[types.Type]) -> list[types.Type]:
    """One choice instead of several, such as of the tags of a union."""
    chosen = [each for each in found if isinstance(each, types.LiteralType)]
    if len(chosen) != len(found) or not chosen:
        return found
    return [types.LiteralType(tuple(dict.fromkeys(value for each in chosen for value in each.values)))]
