"""The OpenAPI document names the values of a parameter where the server refuses others, and no others."""

import json

import pytest

from tests.builders.contract import GOLDEN

DOCUMENT = json.loads(GOLDEN.read_text())
READERS = ("officer", "admin", "analyst", "supervisor")
LEFT_OUT = {"/api/v1/live"}
"""A stream has no end."""
OPAQUE = {"cursor"}
"""What an earlier answer gave."""


def find_parameters():
    """Yields path, name and schema of the query parameters of lists and numbers."""
    for path, operations in DOCUMENT["paths"].items():
        if "get" not in operations or "{" in path or path in LEFT_OUT:
            continue
        for parameter in operations["get"].get("parameters", []):
            if parameter["in"] == "query" and parameter["name"] not in OPAQUE:
                yield path, parameter["name"], resolve(parameter["schema"])


def resolve(schema):
    """The schema of one value: that of an item, without references and unions of one."""
    if "$ref" in schema:
        return resolve(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if schema.get("type") == "array":
        return resolve(schema["items"])
    return schema


def ask(api, path, name, value):
    """Sends the parameter as somebody who may read there."""
    for reader in READERS:
        answer = api.get(reader, path, root=True, params={name: value})
        if answer.status_code != 403:
            return answer
    pytest.fail(f"nobody may read {path}")


def refuses(answer, name):
    return answer.status_code == 422 and name in {each["field"] for each in answer.json()["errors"]}


def test_every_value_that_the_document_names_is_understood_and_no_other(api):
    named = {(path, name): schema["enum"] for path, name, schema in find_parameters() if "enum" in schema}
    assert len(named) > 20
    known = set()
    for (path, name), values in named.items():
        assert refuses(ask(api, path, name, "no_such_value"), name), (path, name)
        for value in sorted({*values} - known):  # what one route understands, the next does too
            known.add(value)
            assert not refuses(ask(api, path, name, value), name), (path, name, value)


def test_a_text_without_named_values_may_be_any(api):
    free = {
        name: path
        for path, name, schema in find_parameters()
        if schema.get("type") == "string" and not schema.keys() & {"enum", "pattern", "format"}
    }
    assert len(free) > 8
    assert [name for name, path in free.items() if refuses(ask(api, path, name, "no_such_value"), name)] == []


def test_a_number_names_its_bounds(api):
    whole = [(path, name, schema) for path, name, schema in find_parameters() if schema.get("type") == "integer"]
    assert len(whole) > 10
    for path, name, schema in whole:
        for bound, beyond in (("minimum", -1), ("maximum", 1)):
            assert not refuses(ask(api, path, name, schema[bound]), name), (path, name)
            assert refuses(ask(api, path, name, schema[bound] + beyond), name), (path, name)
