"""The OpenAPI document says what every operation, parameter and property means, in a dialect that all tools read."""

import json
import re
import subprocess
from collections import defaultdict

import jsonschema_rs
import pytest

from api.http.documents.descriptions import all_structs, field_descriptions
from api.http.documents.patterns import to_ecma
from inspections.field_types import LongText, ShortText
from tests.builders.contract import GOLDEN
from tests.builders.node_packages import NODE

DOCUMENT = json.loads(GOLDEN.read_text())
OPERATIONS = [
    pytest.param(operation, id=f"{method} {path}")
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]


def run_node(script, data):
    """Runs a script in node, which gets the data as JSON on standard input and prints JSON."""
    done = subprocess.run(
        [NODE, "-e", script],
        input=json.dumps(data),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def find_patterns(part):
    if isinstance(part, dict):
        if isinstance(part.get("pattern"), str):
            yield part["pattern"]
        for each in part.values():
            yield from find_patterns(each)
    elif isinstance(part, list):
        for each in part:
            yield from find_patterns(each)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_has_a_name_words_and_a_tag(operation):
    assert re.fullmatch(r"[a-z][A-Za-z]+", operation["operationId"])
    assert operation["summary"][-1] in ".:)"
    assert operation["description"].startswith(operation["summary"].rstrip(".:"))
    assert operation["tags"]
    for parameter in operation.get("parameters", []):
        assert parameter.get("description"), parameter["name"]


def test_every_operation_lies_in_the_tag_of_its_subject():
    used = {tag for each in OPERATIONS for tag in each.values[0]["tags"]}
    described = {each["name"]: each["description"] for each in DOCUMENT["tags"]}
    assert used == described.keys()
    assert all(described.values())


def test_no_two_structs_of_the_program_have_one_name():
    """Their schemas and their words would be mistaken for each other's."""
    modules = defaultdict(set)
    for kind in all_structs():
        modules[kind.__name__].add(kind.__module__)
    assert {name: found for name, found in modules.items() if len(found) > 1} == {}


def test_no_two_operations_have_one_name():
    names = [operation["operationId"] for operations in DOCUMENT["paths"].values() for operation in operations.values()]
    assert len(names) == len(set(names))


def test_every_property_says_what_it_means():
    silent = [
        f"{title}.{name}"
        for title, schema in DOCUMENT["components"]["schemas"].items()
        for name, part in schema.get("properties", {}).items()
        if not part.get("description")
    ]
    assert silent == []


UNIT = re.compile(
    r"\b(how many|how often|number|position|seconds?|minutes?|hours?|days?|metres?|degrees?|bytes|pixels|percent|units?"
    r"|year|HTTP status|each change|from 1)\b|[件之数]数|数（|之和|÷",
    re.IGNORECASE,
)
"""The words by which a number says what it is counted or measured in."""


def kinds_of(schema):
    """Yields the types of a schema and of its alternatives."""
    kind = schema.get("type")
    yield from kind if isinstance(kind, list) else [kind]
    for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from kinds_of(each)


def test_every_number_says_what_it_counts_or_its_unit():
    numbers = [
        (f"{title}.{name}", part["description"])
        for title, schema in DOCUMENT["components"]["schemas"].items()
        for name, part in schema.get("properties", {}).items()
        if {"integer", "number"} & {*kinds_of(part)} and "const" not in part
    ]
    numbers += [
        (f"{each.id} {parameter['name']}", parameter["description"])
        for each in OPERATIONS
        for parameter in each.values[0].get("parameters", [])
        if {"integer", "number"} & {*kinds_of(parameter["schema"])}
    ]
    assert len(numbers) > 200
    assert [each for each in numbers if not UNIT.search(each[1])] == []


def test_a_docstring_describes_the_fields_that_it_names():
    found = field_descriptions("A device. `secret`: shown once; `a`, `b` (optional): two. `c` is no field.")
    assert found == {"secret": "Shown once.", "a": "Two. `c` is no field.", "b": "Two. `c` is no field."}


TEXTS = [
    *("", " ", "a", "中文", "a\nb", "a\tb", "\n", "a\n", "\ta", "a\x00", "a\x7f", "\u3000", "x" * 300, "abc_1", "ABC"),
    *("330402009036", "33040200903", "330402009036\n", "a@b.cn", "a@b", "13912345678", "+86 (573) 123-456"),
    *("0" * 64, "0" * 63, "G" * 64),
]


def test_patterns_mean_in_javascript_what_they_mean_here():
    """Every pattern compiles with the flag `u`, and accepts and refuses the same texts."""
    ours = [r"\A[0-9]{12}\Z", r"\A\w+\Z", r"\A[0-9a-f]{64}\Z", r"\A[0-9+() -]{3,30}\Z"]
    ours += [meta.pattern for kind in (LongText, ShortText) for meta in kind.__metadata__ if meta.pattern]
    published = sorted(set(find_patterns(DOCUMENT)))
    assert published
    assert not [each for each in published if r"\A" in each or r"\Z" in each or "(?s)" in each]
    script = """
        const {patterns, texts} = JSON.parse(require("fs").readFileSync(0, "utf8"));
        console.log(JSON.stringify(patterns.map(p => texts.map(t => new RegExp(p, "u").test(t)))));
    """
    answers = run_node(script, {"patterns": [*map(to_ecma, ours), *published], "texts": TEXTS})
    for pattern, accepted in zip(ours, answers, strict=False):
        assert accepted == [re.search(pattern, text) is not None for text in TEXTS], pattern


def test_pairs_are_arrays_and_times_of_day_have_a_pattern():
    assert "prefixItems" not in GOLDEN.read_text()
    hours = DOCUMENT["components"]["schemas"]["Rules"]["properties"]["office_hours"]["items"]
    assert (hours["minItems"], hours["maxItems"], hours["items"]["type"]) == (2, 2, "string")
    allowed = re.compile(hours["items"]["pattern"])
    assert all(map(allowed.search, ("08:30:00", "23:59:59.5")))
    assert not any(map(allowed.search, ("08:30", "24:00:00", "08:30:60", "08:30:00Z")))


def examples():
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                content = answer.get("content", {}).get("application/json", {})
                if "example" in content:
                    yield pytest.param(content, id=f"{method} {path} {status}")


@pytest.mark.parametrize("content", [*examples()])
def test_an_example_is_an_answer_of_its_schema(content):
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    found = [str(error) for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(content["example"])]
    assert found == []


def test_most_operations_have_an_example_and_all_that_fail_name_their_problems():
    with_json = [
        operation
        for operations in DOCUMENT["paths"].values()
        for operation in operations.values()
        if any("application/json" in each.get("content", {}) for each in operation["responses"].values())
    ]
    shown = [each for each in with_json if "example" in json.dumps(each["responses"])]
    assert len(shown) / len(with_json) > 0.9
    signed_in = [
        operation
        for operations in DOCUMENT["paths"].values()
        for method, operation in operations.items()
        if operation["security"] and method != "head"  # whose problems have no body to be recorded
    ]
    assert [each["operationId"] for each in signed_in if "401" not in each["responses"]] == []
