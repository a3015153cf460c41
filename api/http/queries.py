"""Query parameters: those of a route and what is understood in them, from the fields of a Struct, and short lists."""

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, TypeVar, cast
from urllib.parse import parse_qsl, urlencode

import msgspec
import msgspec.inspect as types
from litestar.constants import RESERVED_KWARGS
from litestar.di import Provide
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from api.http.bodies import AnyRequest
from api.messages.type_words import TYPE_WORDS
from inspections.calendar import shanghai_date
from inspections.errors import InvalidInput

T = TypeVar("T")

LIST_LIMIT = 500
"""The most items of one answer."""
PageLimit = Annotated[int, QueryParameter(ge=1, le=LIST_LIMIT)]
PageCursor = FromQuery[str | None]
_POSITIONAL, _NAMED = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS = re.compile(r"[0-9]{12,14}\Z")
"""Milliseconds since 1970 of the years 1973 to 5138. Fewer digits may be seconds or a day."""
_NUMBER = re.compile(r"[-+0-9.eE]+\Z")
_NULL = "null"
"""The types would take this word for a parameter that is not there, and drop a filter or a cursor in silence."""
_PLUS_AS_SPACE = re.compile(r"(:[0-9]{2}(?:\.[0-9]+)?) ([0-9]{2}:[0-9]{2})\Z")
"""The end of an instant whose `+` was not escaped: a query has a space for it."""


class QueryParameters:
    """The query parameters of a route. `names`: argument → name in the query; `kinds`: name → declared type.

    `any_query`: others are allowed. A parameter declared as a tuple may come several times; any of its values matches.
    """

    def __init__(self, names: Mapping[str, str], declared: Mapping[str, Any], *, any_query: bool) -> None:
        self.names = names
        self.kinds = {names[argument]: _without_null(types.type_info(kind)) for argument, kind in declared.items()}
        self._any_query = any_query

    def rewrite(self, query: bytes) -> bytes:
        """The query in the forms that the types accept: days for the instants of dashboards.

        Raises InvalidInput for unknown parameters, NUL, `null`, a second value where only one makes sense, an empty
        filter, and a number for an instant.
        """
        return _rewrite(self, query)

    def find_errors(self, given: Sequence[tuple[str, str]]) -> Iterable[tuple[str, str]]:
        """The first kind of error found, as names and messages."""
        times = Counter(name for name, _ in given)
        several = {name for name in times if isinstance(self.kinds.get(name), types.VarTupleType)}
        kinds_of_errors = (
            (times.keys() - self.kinds.keys() if not self._any_query else (), "没有这个查询参数"),
            ({name for name, value in given if "\0" in value}, "含有不允许的字符"),
            ({name for name in self.kinds if times[name] > 1} - several, "只能给一个值"),
            ({name for name, value in given if name in several and not value}, "不能为空"),
            ({name for name, value in given if name in self.kinds and value.lower() == _NULL}, "不能为空"),
            (self._bare_numbers(given), TYPE_WORDS[types.DateTimeType]),
        )
        return next(([(name, words) for name in sorted(names)] for names, words in kinds_of_errors if names), ())

    def _bare_numbers(self, given: Sequence[tuple[str, str]]) -> set[str]:
        """The names of instants that are given as numbers but not as milliseconds: the type would take seconds."""
        instants = {name for name, kind in self.kinds.items() if isinstance(kind, types.DateTimeType)}
        numbers = {name for name, value in given if name in instants and _NUMBER.match(value)}
        return numbers - {name for name, value in given if _MILLISECONDS.match(value)}


@lru_cache(maxsize=256)
def _rewrite(parameters: QueryParameters, query: bytes) -> bytes:
    given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    if wrong := parameters.find_errors(given):
        raise InvalidInput(*wrong)
    understood = [(name, _rewrite_value(parameters.kinds.get(name), value)) for name, value in given]
    return query if understood == given else urlencode(understood).encode()


def _rewrite_value(kind: types.Type | None, value: str) -> str:
    """A value as its type accepts it: a day for an instant, and an instant for milliseconds since 1970.

    Dashboards send such instants as the bounds of their periods: the Shanghai day of the instant is meant.
    """
    if not isinstance(kind, types.DateType | types.DateTimeType):
        return value
    text = _PLUS_AS_SPACE.sub(r"\1+\2", value)
    try:
        if _MILLISECONDS.match(text):
            moment = _EPOCH + timedelta(milliseconds=int(text))
        elif isinstance(kind, types.DateTimeType) or "T" not in text:
            return text
        else:
            moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return text
        return moment.isoformat() if isinstance(kind, types.DateTimeType) else shanghai_date(moment).isoformat()
    except (ValueError, OverflowError):  # the type refuses it
        return value


def _without_null(kind: types.Type) -> types.Type:
    if isinstance(kind, types.UnionType):
        (kind,) = (each for each in kind.types if not isinstance(each, types.NoneType))
    return _without_null(kind.type) if isinstance(kind, types.Metadata) else kind


def fields_from_query(read: Callable[..., Any], kind: type[Struct], special: Mapping[str, QueryParameter]) -> Provide:
    """A dependency that calls `read(request, **fields)` with those fields of `kind` that have a default.

    Litestar and the OpenAPI document see each as a query parameter of the same name and type; `special`: the parameters
    with another name or a bound.
    """
    fields = {_argument_name(field.name): field for field in msgspec.structs.fields(kind) if not field.required}
    types = {
        argument: Annotated[field.type, special.get(field.name, QueryParameter(name=field.name))]
        for argument, field in fields.items()
    }

    def read_fields(request: Any, **values: Any) -> Any:
        return read(request, **{fields[argument].name: value for argument, value in values.items()})

    asked = [
        inspect.Parameter("request", _POSITIONAL, annotation=AnyRequest),
        *(inspect.Parameter(name, _NAMED, annotation=types[name], default=fields[name].default) for name in fields),
    ]
    read_fields.__annotations__ = {"request": AnyRequest, **types, "return": kind}
    read_fields.__dict__["__signature__"] = inspect.Signature(asked, return_annotation=kind)
    return Provide(read_fields, sync_to_thread=False)


def describe_values(names: Iterable[str]) -> dict[str, Any]:
    """Returns what the document says of a filter whose values are these names, beside its type."""
    return {"items": {"type": "string", "enum": list(names)}}


def sort_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with the values of each filter sorted and once: their order means nothing."""
    return {name: _sort_value(value) for name, value in given.items()}


def _sort_value(value: Any) -> Any:
    return tuple(sorted(set(cast("tuple[Any, ...]", value)))) if isinstance(value, tuple) else value


def _argument_name(name: str) -> str:
    """The argument's name: Litestar reserves some names, such as `state`."""
    return f"{name}_" if name in RESERVED_KWARGS else name


def cut_page(
    items: Sequence[T], key: Callable[[T], object], limit: int, cursor: str | None
) -> tuple[Sequence[T], str | None]:
    """Returns the items that follow the one named by `cursor`, at most `limit`, and the cursor of the next page.

    For lists that are read as a whole because they are short in any office. `key`: names an item as in its answer.
    Raises InvalidInput for a cursor that names no item of the list.
    """
    start = 0
    if cursor is not None:
        start = next((at for at, item in enumerate(items, 1) if str(key(item)) == cursor), 0)
        if not start:
            raise InvalidInput(("cursor", "游标无效，请从第一页开始"))
    page = items[start : start + limit]
    return page, str(key(page[-1])) if start + limit < len(items) else None
