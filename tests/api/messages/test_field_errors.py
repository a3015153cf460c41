"""Proves that a bad body names all its errors at once, each with its path and Chinese words."""

import json
import uuid
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from api.http.bodies import decode_body
from api.messages.field_errors import MAX_ERRORS
from api.remediation.steps import StepBatchItem
from inspections.errors import InvalidInput
from inspections.remediation.steps import Report, Step
from tests.builders.api import body, problem

MISSING, UNKNOWN = "缺少此项", "没有这个字段"
UUID_EXAMPLE = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b"
STEP = {"id": str(uuid.uuid4()), "version": 1}


def errors_of(sent, kind):
    raw = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    with pytest.raises(InvalidInput) as refused:
        decode_body(raw, kind)
    return [tuple(each) for each in refused.value.facts["errors"]]


def test_an_empty_report_names_every_missing_field():
    needed = ("id", "community", "category", "description", "place", "found_at")
    assert errors_of({}, Report) == [(field, MISSING) for field in needed]


def test_errors_of_several_kinds_are_named_together():
    bad = body(quantity=0, point={"lat": 91, "lon": "x", "crs": "utm"}, surprise=1)
    bad["photos"] = [{"sha256": "xyz", "stage": "before"}, 3, {"sha256": "0" * 64, "stage": "before", "x": 1}]
    bad["responsible_party"] = {"kind": "owner"}
    del bad["place"]
    assert errors_of(bad, Report) == [
        ("place", MISSING),
        ("quantity", "不得小于 1"),
        ("point.lat", "不得大于 90.0"),
        ("point.lon", "不是数字，如 -180"),
        ("point.crs", "不在可选值之内，可选：bd09、gcj02、wgs84"),
        ("photos[0].sha256", "含有不允许的字符或格式不正确"),
        ("photos[1]", "应为对象"),
        ("photos[2].x", UNKNOWN),
        ("responsible_party.name", MISSING),
        ("surprise", UNKNOWN),
    ]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"step": "reject"}, {"reason", "id", "version"}),
        ({"step": "recheck", "result": "perhaps", "id": 1, "x": 1}, {"result", "id", "version", "x"}),
        ({"step": "fly"}, {"step"}),
        ({}, {"step"}),
        ({"step": 3, "reason": ""}, {"step"}),
        (
            {**STEP, "step": "recheck", "result": "pass", "reason": "无", "quantity_done": 1},
            {"reason", "quantity_done"},
        ),
    ],
)
def test_a_step_is_judged_by_its_own_fields(sent, expected):
    assert {field for field, _ in errors_of(sent, Step)} == expected


def test_errors_of_a_nested_step_have_the_path_to_it():
    found = errors_of({"hazard": "x", "step": {**STEP, "step": "reject"}}, StepBatchItem)
    assert found == [("hazard", f"不是有效的 UUID，如 {UUID_EXAMPLE}"), ("step.reason", MISSING)]


def test_at_most_twenty_errors_are_named():
    assert len(errors_of(body(photos=[{}] * 30), Report)) == MAX_ERRORS == 20
    assert len(errors_of(body(**{f"x{at}": 1 for at in range(50)}), Report)) == MAX_ERRORS


def test_a_list_that_is_too_long_is_named_and_not_read():
    found = errors_of(body(photos=[{"sha256": "0" * 64}] * 31), Report)
    assert found == [("photos[0].stage", MISSING), ("photos", "长度最多为 30")]


def test_only_the_first_error_of_a_huge_body_is_named():
    assert len(errors_of(body(quantity=0, surprise="x" * 100_000), Report)) == 2
    assert errors_of(body(quantity=0, surprise="x" * 200_000), Report) == [("quantity", "不得小于 1")]


def test_a_body_of_another_kind_is_one_error():
    assert errors_of([], Report) == [("$", "应为对象")]
    assert errors_of(None, Report) == [("$", "不能为空")]


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"id": "x", then no JSON', "id"),
        (b'{"step": "note", "id": "x", "step": "note"}', "id"),
        (b'\n {"id": "x", "surprise": "\xff"}', "id"),
        (b'{"quantity": "x", "quantity": 1}', "quantity"),
    ],
)
def test_a_body_that_cannot_be_read_twice_keeps_its_first_error(raw, field):
    kind = Step if b"step" in raw else Report
    assert field in [named for named, _ in errors_of(raw, kind)]


class Leaf(Struct, forbid_unknown_fields=True, rename="camel"):
    whole_number: Annotated[int, Meta(ge=1)]
    text: str | None = None


class Tree(Struct, forbid_unknown_fields=True, tag="tree"):
    leaf: Leaf
    leaves: Annotated[tuple[Leaf, ...], Meta(min_length=1, max_length=3)]
    named: dict[str, Leaf] = {}
    flags: frozenset[int] = frozenset()


def test_names_of_a_map_tags_and_renamed_fields_are_in_the_path():
    bad = {"type": "bush", "leaf": {"text": 1}, "leaves": [], "named": {"a": {"wholeNumber": 0}}, "flags": [1, "x"]}
    assert [field for field, _ in errors_of(bad, Tree)] == [
        "leaf.wholeNumber",
        "leaf.text",
        "leaves",
        "named.a.wholeNumber",
        "flags[1]",
        "type",
    ]


JSON = st.recursive(
    st.none() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
LEAF = st.dictionaries(st.sampled_from(["wholeNumber", "text", "x"]), JSON, max_size=3)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "leaf": LEAF | JSON,
            "leaves": st.lists(LEAF | JSON, max_size=5),
            "named": st.dictionaries(st.text(max_size=2), LEAF, max_size=2),
            "other": JSON,
        },
    )
)
def test_what_msgspec_refuses_has_errors_and_the_first_is_among_them(sent):
    raw = msgspec.json.encode(sent)
    try:
        msgspec.json.decode(raw, type=Tree)
    except msgspec.ValidationError as error:
        found = errors_of(raw, Tree)
        assert 0 < len(found) <= MAX_ERRORS
        assert len(set(found)) == len(found)
        at = str(error).rpartition(" - at `$.")[2].split("`")[0] if " - at `$." in str(error) else ""
        if at and "[...]" not in at and len(found) < MAX_ERRORS:
            assert any(field.startswith(at) or at.startswith(field) for field, _ in found), (at, found)
    else:
        assert decode_body(raw, Tree)


def test_a_report_and_a_batch_answer_all_errors(api):
    refusal = problem(api.post("inspector", "/hazards", {}), 422, "step.needs")
    assert len(refusal["errors"]) == 6
    batch = {"items": [{"hazard": str(uuid.uuid4()), "step": {"step": "reject"}}]}
    (item,) = api.post("officer", "/hazards/steps", batch).json()["items"]
    assert [each["field"] for each in item["problem"]["errors"]] == ["step.reason", "step.id", "step.version"]
