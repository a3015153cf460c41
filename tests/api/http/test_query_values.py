"""Days, instants, numbers, ids and choices: what is understood, and the words about what is not."""

import re

import pytest

from tests.builders.api import body, problem

DAY_ROUTES = (
    "/statistics/summary?from={0}&to={0}",
    "/statistics/trend?from={0}&to={0}",
    "/statistics/briefing?from={0}&to={0}",
    "/hazards?reported_from={0}&reported_to={0}",
    "/hazards?counted_as=received&counted_from={0}&counted_to={0}",
)


@pytest.mark.parametrize(
    ("sent", "day"),
    [
        ("2026-11-23", "2026-11-23"),
        ("2026-11-23T00:00:00.000Z", "2026-11-23"),
        ("2026-11-22T16:00:00.000Z", "2026-11-23"),
        ("2026-11-22T15:59:59.999Z", "2026-11-22"),
        ("2026-11-23T00:00:00%2B08:00", "2026-11-23"),
        ("2026-11-23T00:00:00+08:00", "2026-11-23"),
        ("2026-11-22T23:00:00-05:00", "2026-11-23"),
        ("1795363200000", "2026-11-23"),
        ("1795363199999", "2026-11-22"),
    ],
)
def test_a_day_may_be_sent_as_an_instant_of_a_dashboard(api, sent, day):
    found = api.get("analyst", f"/statistics/compare?from={sent}&to={sent}").json()
    assert found["period"] == {"from": day, "to": day}
    for route in DAY_ROUTES:
        assert api.get("officer", route.format(sent)).status_code == 200, route
    assert (
        api.get("auditor" if "auditor" in api.tokens else "admin", f"/security/events?from={sent}").status_code == 200
    )
    assert api.get("officer", f"/devices/faults?from={sent}&to={sent}").status_code == 200


def test_a_day_sent_as_an_instant_selects_the_hazards_of_that_day(api):
    made = api.report("inspector")
    for day, ids in (
        ("2026-11-22T16:00:00Z", [made["id"]]),
        ("2026-11-22T15:59:59Z", []),
        ("1795363200000", [made["id"]]),
    ):
        found = api.get("officer", "/hazards", params={"reported_from": day, "reported_to": day}).json()["items"]
        assert [each["id"] for each in found] == ids, day


@pytest.mark.parametrize(
    "sent",
    ["2026-11-32", "2026-13-01", "23.11.2026", "20261123", "1795363200", "2026-11-23T00:00:00",
     "0001-01-01T00:00:00Z",
     "9999-12-31T23:59:59Z", "2026-11-23T25:00:00Z", "99999999999999999", "-1795363200000", "１７９５３６３２０００",
     "now", ""],
)  # fmt: skip
def test_what_is_no_day_is_refused_with_a_day_as_example(api, sent):
    for route in DAY_ROUTES:
        for error in problem(api.get("officer", route.format(sent)), 422, "step.needs")["errors"]:
            assert error["message"] in {"不是日期，如 2026-11-23", "时间超出范围"}, (route, error)


@pytest.mark.parametrize("path", ["/hazards?{}", "/alerts?{}", "/statistics/compare?{}"])
def test_null_is_no_value_and_drops_no_filter_in_silence(api, path):
    named = {"/hazards?{}": ("overdue", "cursor", "found_to", "q", "state"), "/alerts?{}": ("open", "cursor")}
    for name in named.get(path, ("from", "format")):
        for word in ("null", "Null"):
            found = problem(api.get("officer", path.format(f"{name}={word}")), 422, "step.needs")["errors"]
            assert [each["field"] for each in found] == [name]


@pytest.mark.parametrize("sent", ["0", "0.5", "1795363200", "-1", "1e9", "99999999999999999"])
def test_a_number_is_no_instant_unless_it_is_in_milliseconds(api, sent):
    for name in ("found_from", "found_to", "due_before", "updated_after"):
        (error,) = problem(api.get("officer", f"/hazards?{name}={sent}"), 422, "step.needs")["errors"]
        assert error == {"field": name, "message": "不是带时区的时间，如 2026-11-23T09:00:00+08:00"}
    assert api.get("officer", "/hazards?found_from=1795363200000").status_code == 200


QUERIES = (
    ("/statistics/summary?from={}", "from"),
    ("/hazards?found_from={}", "found_from"),
    ("/hazards?due_before={}", "due_before"),
    ("/hazards?limit={}", "limit"),
    ("/hazards?merged_into={}", "merged_into"),
    ("/hazards?overdue={}", "overdue"),
    ("/hazards?state={}", "state"),
    ("/hazards?sort={}", "sort"),
    ("/statistics/trend?interval={}", "interval"),
    ("/alerts?cursor={}", "cursor"),
    ("/people?role={}", "role"),
)


@pytest.mark.parametrize(("path", "field"), QUERIES)
def test_the_example_of_a_message_about_a_query_is_accepted(api, path, field):
    (error,) = problem(api.get("officer", path.format("wrong")), 422, "step.needs")["errors"]
    assert error["field"] == field
    for example in examples(error["message"]):
        assert api.get("officer", path.format(example)).status_code == 200, example


def examples(message):
    """The examples or choices that a message names."""
    named = re.search(r"(?:，如 |，可选：|应为 )(.+)\Z", message)
    assert named, message
    return re.split(r"、| 或 ", named.group(1))


BODIES = (
    ("id", "x"),
    ("found_at", "2026-11-23"),
    ("quantity", "x"),
    ("found_at", 5),
    ("photos", [{"sha256": "0" * 64, "stage": "x"}]),
    ("photos", [{"sha256": "0" * 64, "stage": "before", "taken_at": "23.11."}]),
    ("point", {"lat": "x", "lon": 120.7, "crs": "wgs84"}),
    ("point", {"lat": 30.7, "lon": 120.7, "crs": "x"}),
    ("responsible_party", {"kind": "x", "name": "张三"}),
)


@pytest.mark.parametrize(("name", "wrong"), BODIES)
def test_the_example_of_a_message_about_a_body_is_accepted(api, name, wrong):
    (error,) = problem(api.post("inspector", "/hazards", body(**{name: wrong})), 422, "step.needs")["errors"]
    for example in examples(error["message"]):
        sent = float(example) if "数字" in error["message"] else int(example) if "整数" in error["message"] else example
        made = api.post("inspector", "/hazards", body(**{name: put(wrong, error["field"], name, sent)}))
        assert made.status_code == 201, (example, made.text)


def put(value, path, name, example):
    """The value of the field `name` with the example at the path of the error."""
    if path == name:
        return example
    if isinstance(value, list):
        return [{**value[0], path.rpartition(".")[2]: example}]
    return {**value, path.rpartition(".")[2]: example}


def test_a_choice_names_only_the_values_of_its_own_step(api):
    hazard = api.report("inspector")
    answer = api.step("officer", hazard, "recheck", result="x")
    assert (
        problem(answer, 422, "step.needs")["errors"][0]["message"]
        == "不在可选值之内，可选：expired、fail、partial、pass、refused"
    )
    answer = api.step("officer", hazard, "fly")
    assert "accept、reject、merge" in problem(answer, 422, "step.needs")["errors"][0]["message"]


def test_a_list_or_an_object_is_asked_for_in_chinese(api):
    for name, wrong, words in (("photos", {}, "应为列表"), ("point", [], "应为对象"), ("place", 3, "应为文字")):
        (error,) = problem(api.post("inspector", "/hazards", body(**{name: wrong})), 422, "step.needs")["errors"]
        assert error == {"field": name, "message": words}
