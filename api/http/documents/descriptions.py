"""Describes schemas, their properties and parameters: by the docstrings of the Structs, else by one list of words."""

import re
from collections.abc import Iterator
from functools import cache
from inspect import cleandoc
from typing import Any

from msgspec import Struct

from api.http.documents.hazard_words import WORDS as HAZARD_WORDS
from api.http.documents.office_words import WORDS as OFFICE_WORDS
from inspections.monitoring.alert_metrics import METRICS as ALERT_METRICS
from inspections.statistics.metrics import METRICS, MetricDefinition

WORDS = {**OFFICE_WORDS, **HAZARD_WORDS}
_FIELD = re.compile(r"(?:^|(?<=[.;:)]) )((?:`\w+`(?:, | and )?)+)(?: \([^)]{1,40}\))?: ")
_NAME = re.compile(r"`(\w+)`")
_PARTS = (("_numerator", "The number above the line of"), ("_denominator", "The number below the line of"))

Json = dict[str, Any]


@cache
def array_titles() -> frozenset[str]:
    """The names of Structs that are written as arrays of their fields."""
    return frozenset(kind.__name__ for kind in all_structs() if kind.__struct_config__.array_like)


def _array_of_fields(schema: Json) -> Json:
    fields = list(schema.get("properties", {}).values())
    return {"type": "array", "minItems": len(fields), "maxItems": len(fields), "items": {"anyOf": fields}}


@cache
def struct_docstrings() -> dict[str, str]:
    """Name of each Struct → its docstring on one line."""
    found: dict[str, str] = {}
    for kind in all_structs():
        own = kind.__doc__ or ""
        if not own.startswith("Struct("):
            found[kind.__name__] = " ".join(cleandoc(own).split())
    return found


def all_structs(kind: type[Any] = Struct) -> Iterator[type[Any]]:
    """Yields the Structs of the program that are loaded."""
    for each in kind.__subclasses__():
        if each.__module__.startswith(("api.", "inspections.")):
            yield each
        yield from all_structs(each)


def field_descriptions(docstring: str) -> dict[str, str]:
    """Returns what a docstring says about single fields, as in "`a`: words. `b`, `c`: words."."""
    found: dict[str, str] = {}
    matches = list(_FIELD.finditer(docstring))
    ends = [*(match.start() for match in matches[1:]), None]
    for match, end in zip(matches, ends, strict=False):
        text = docstring[match.end() : end].strip().rstrip(";")
        for name in _NAME.findall(match[1]):
            found[name] = text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
    return found


def describe_name(name: str) -> str | None:
    """The words for a property or parameter of this name; None if there are none."""
    if name in WORDS:
        return WORDS[name]
    if metric := _find_metric(name):
        return f"{metric.title}: {metric.meaning}。"
    for ending, words in _PARTS:
        whole = name.removesuffix(ending)
        if whole != name and (metric := _find_metric(whole)):
            return f"{words} {whole} ({metric.title})."
    return None


def _find_metric(name: str) -> MetricDefinition | None:
    return METRICS.get(name) or ALERT_METRICS.get(name)


def describe_schemas(schemas: dict[str, Json]) -> None:
    """Adds descriptions to schemas and properties that have none, in place."""
    documented = struct_docstrings()
    for title in array_titles() & schemas.keys():
        schemas[title] = _array_of_fields(schemas[title])
    for title, schema in schemas.items():
        docstring = documented.get(title)
        if docstring:
            schema["description"] = docstring
        own = field_descriptions(docstring) if docstring else {}
        for name, part in schema.get("properties", {}).items():
            words = own.get(name) or describe_name(name)
            if words and not part.get("description"):
                part["description"] = words


def describe_parameters(parameters: list[Json]) -> None:
    for parameter in parameters:
        words = describe_name(parameter["name"])
        if words and not parameter.get("description"):
            parameter["description"] = words
