"""Query parameters from the fields of a Struct, so that each is declared once, and the pages of short lists."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from litestar.constants import RESERVED_KWARGS
from litestar.di import Provide
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from api.http.bodies import AnyRequest
from inspections.errors import InvalidInput

T = TypeVar("T")

LIST_LIMIT = 500
"""The most items of one answer."""
PageLimit = Annotated[int, QueryParameter(ge=1, le=LIST_LIMIT)]
PageCursor = FromQuery[str | None]
_POSITIONAL, _NAMED = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY


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
