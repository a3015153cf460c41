"""Writes patterns, pairs, unions and times as JSON Schema asks for and generators of clients read them."""

from typing import Any, cast

_PYTHON_TO_ECMA = ((r"\A", "^"), (r"\Z", "$"), (r"\w", r"[\p{L}\p{N}_]"))
"""The flag `u` is implied (ECMA-262, 22.2.1): without it `\\p` and lone surrogates mean something else."""
_LONE_SURROGATES = r"\ud800-\udfff"
"""Left out: validators that read UTF-8 know no lone surrogates, and refuse a pattern that names them."""
_TIME_OF_DAY = r"^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?$"
_BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}


def to_ecma(pattern: str) -> str:
    """Translates the patterns of this program, which use little that ECMA-262 writes in another way."""
    pattern = pattern.replace(_LONE_SURROGATES, "")
    for python, ecma in _PYTHON_TO_ECMA:
        pattern = pattern.replace(python, ecma)
    return pattern


def translate_schemas(part: Any) -> None:
    """Translates all schemas within a part of the document, in place."""
    if isinstance(part, list):
        for each in cast("list[Any]", part):
            translate_schemas(each)
    elif isinstance(part, dict):
        schema = cast("dict[str, Any]", part)
        _translate_schema(schema)
        for name, each in schema.items():
            if name not in {"example", "examples"}:
                translate_schemas(each)


def _translate_schema(schema: dict[str, Any]) -> None:
    if isinstance(schema.get("pattern"), str):
        schema["pattern"] = to_ecma(schema["pattern"])
    if schema.get("format") == "partial-time":  # which no list of formats has
        schema["pattern"] = _TIME_OF_DAY
        del schema["format"]
    if "prefixItems" in schema:
        kinds: list[Any] = []
        for kind in schema.pop("prefixItems"):
            kinds += [] if kind in kinds else [kind]
        schema["items"] = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    if isinstance(schema.get("oneOf"), list) and len(schema["oneOf"]) == 1:
        schema.update(schema.pop("oneOf")[0])
    if isinstance(schema.get("enum"), list) and len(schema["enum"]) == 1:
        schema["const"] = schema.pop("enum")[0]
    for bound in _BOUNDS & schema.keys():
        if isinstance(schema[bound], float) and schema[bound].is_integer():
            schema[bound] = int(schema[bound])


def simplify_parameter(parameter: dict[str, Any]) -> None:
    """Removes null from the values of a parameter, which nobody can send, and what says nothing."""
    schema = parameter["schema"]
    if "oneOf" in schema:
        schema["oneOf"] = [each for each in schema["oneOf"] if each != {"type": "null"}]
    for name in ("allowEmptyValue", "allowReserved", "deprecated"):
        if parameter.get(name) is False:
            del parameter[name]
