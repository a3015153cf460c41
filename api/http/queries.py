"""Query parameters from the fields of a Struct, so that each is declared once."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from litestar.constants import RESERVED_KWARGS
from litestar.di import Provide
from litestar.params import QueryParameter
from msgspec import Struct

from api.http.bodies import AnyRequest

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
