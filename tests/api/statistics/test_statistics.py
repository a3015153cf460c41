"""The statistics are the same in every form, and each figure has its meaning and its hazards."""

import csv
import io
import json
import zipfile
from contextlib import closing
from uuid import UUID

import pytest
from python_calamine import CalamineWorkbook

from inspections.statistics.metrics import COUNT_NAMES, RATES
from tests.builders.api import HERE, THERE, on_both, problem
from tests.builders.day_of_cases import create_cases, get_statistics, list_cases
from tests.builders.external_identities import check_identities
from tests.builders.waiting import poll_until

DAY = {"from": "2026-11-23", "to": "2026-11-23"}


@on_both
def test_every_number_lists_exactly_its_hazards(api):
    create_cases(api)
    api.clock.advance(days=3)
    api.sign_in_again()
    for query in ({}, DAY, {"category": "EB-02"}, {"group": "电动车充电", "to": "2026-11-25"}, {"severity": "major"}):
        figures = {each["metric"]: each for each in get_statistics(api, "summary", **query)["items"]}
        row = api.counts(**query)["total"]
        for name in COUNT_NAMES:
            found = list_cases(api, figures[name]["cases"])
            value = {
                "quantity_found": lambda each: each["quantity"],
                "quantity_done": lambda each: each["quantity_done"],
                "score_total": lambda each: each["evaluation"]["score"],
            }.get(name, lambda _: 1)
            assert sum(map(value, found)) == figures[name]["value"] == row[name], name
        for name in RATES:
            assert (figures[name]["value"], figures[name]["cases"]) == (row[name], None)
            assert figures[name]["denominator"] == row[f"{name}_denominator"]
    figures = {each["metric"]: each["value"] for each in get_statistics(api, "summary")["items"]}
    assert (figures["overdue"], figures["rejected"], figures["fixed"], figures["quantity_done"]) == (1, 1, 1, 3)


@on_both
def test_two_analysts_with_different_scopes_get_their_own_totals(api):
    create_cases(api)
    mine, theirs = get_statistics(api, "communities"), get_statistics(api, "communities", who="officer2")
    assert (mine["total"]["received"], theirs["total"]["received"]) == (4, 1)
    assert {row["community"] for row in mine["items"]}.isdisjoint(row["community"] for row in theirs["items"])
    for who, found in (("analyst", mine), ("officer2", theirs)):
        check_identities(found)
        assert get_statistics(api, "categories", who=who)["total"] == found["total"]
        assert (
            len(list_cases(api, get_statistics(api, "summary", who=who)["items"][0]["cases"], who))
            == found["total"]["received"]
        )


@on_both
def test_categories_and_groups_add_up(api):
    create_cases(api)
    found = get_statistics(api, "categories")
    check_identities({**found, "items": found["items"]})
    assert sum(row["received"] for row in found["groups"]) == found["total"]["received"] == 4
    codes = {row["category"]: row for row in found["items"]}
    assert codes["EB-02"]["on_time"] == 1
    assert "EL-05" not in codes  # an alert check is an alarm, no hazard
    assert codes["WN-03"]["received"] == 0
    assert len(list_cases(api, codes["EB-02"]["cases"])) == 1
    group = next(row for row in found["groups"] if row["group"] == "电动车充电")
    assert len(list_cases(api, group["cases"])) == group["received"]
    assert [row["category"] for row in get_statistics(api, "categories", category="EB-02")["items"]] == ["EB-02"]


@on_both
def test_every_clock_counts_late_hazards_by_their_delay(api):
    waiting, _, assigned, _ = create_cases(api)
    at_once = {each["clock"]: each for each in get_statistics(api, "deadlines")["items"]}
    assert (at_once["accept"]["on_time"], at_once["fix"]["on_time"], at_once["start"]["on_time"]) == (1, 1, 1)
    api.clock.advance(days=2, minutes=1)  # a day past the 24 hours of EB-02
    api.sign_in_again()
    later = {each["clock"]: each for each in get_statistics(api, "deadlines")["items"]}
    assert (later["accept"]["overdue"], later["accept"]["overdue_3d"]) == (1, 1)
    assert (later["fix"]["overdue"], later["fix"]["overdue_1d"], later["fix"]["overdue_3d"]) == (1, 0, 1)
    assert [each["id"] for each in list_cases(api, later["fix"]["cases"])] == [assigned["id"]]
    assert [each["id"] for each in list_cases(api, later["accept"]["cases"])] == [waiting["id"]]
    nothing = get_statistics(api, "deadlines", **{"from": "2026-11-24"})["items"]
    assert all(each["on_time"] == each["overdue"] == 0 for each in nothing)


@on_both
def test_an_extension_keeps_both_deadlines_in_the_figures(api):
    hazard = api.assign_report(category="EB-02")
    due = "2026-11-30T10:00:00+08:00"
    hazard = api.take_step("handler", hazard, "request_extension", due_at=due, reason="等配件")
    hazard = api.take_step("supervisor", hazard, "decide_extension", granted=True, reason="同意")
    api.clock.advance(days=2)  # past the first deadline, within the second
    api.sign_in_again()
    late = api.counts()["total"]
    assert (late["overdue"], late["extended"], late["first_due_decided"], late["due_decided"]) == (0, 1, 1, 0)
    photos = [{"sha256": api.photo("handler"), "stage": "after"}]
    hazard = api.take_step("handler", hazard, "submit_fix", method="清理", quantity_done=1, photos=photos)
    api.take_step("officer", hazard, "recheck", result="pass", note="好")
    done = api.counts()["total"]
    assert (done["on_time_rate"], done["first_on_time_rate"]) == (1.0, 0.0)
    assert api.counts(**{"from": "2026-11-30", "to": "2026-11-30"})["total"]["due_met"] == 1
    assert api.counts(**{"from": "2026-11-24", "to": "2026-11-24"})["total"]["first_due_decided"] == 1


def test_every_form_has_the_same_figures(api):
    create_cases(api)
    found = get_statistics(api, "communities")
    sheet = api.get("analyst", "/statistics/communities?format=csv")
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert sheet.content.startswith(b"\xef\xbb\xbf")
    assert b"\r\n" in sheet.content
    head, *rows = csv.reader(io.StringIO(sheet.content.decode("utf-8-sig")))
    at = head.index("上报")
    assert [int(row[at]) for row in rows] == [*(row["received"] for row in found["items"]), 4]
    assert rows[-1][0] == "合计"
    charts = get_statistics(api, "communities", format="echarts")["dataset"]
    names = [each["name"] for each in charts["dimensions"]]
    assert [row[names.index("received")] for row in charts["source"]][:-1] == [
        row["received"] for row in found["items"]
    ]
    by_accept = api.get("analyst", "/statistics/communities", headers={"Accept": "text/csv"})
    assert by_accept.content == sheet.content
    book = api.get("analyst", "/statistics/communities?format=xlsx")
    assert book.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    cells = worksheet(book.content)
    assert cells[0][at] == "上报"
    assert [row[at] for row in cells[1:]] == [*(row["received"] for row in found["items"]), 4]


def test_a_row_has_only_the_requested_figures(api):
    create_cases(api)
    query = {"fields": "overdue,received,acceptance_rate"}
    asked_for = ["received", "overdue", "acceptance_rate", "acceptance_rate_numerator", "acceptance_rate_denominator"]
    for path, names in (("communities", ["community", "name"]), ("categories", ["category", "name", "group"])):
        whole, part = get_statistics(api, path), get_statistics(api, path, **query)
        assert [list(row) for row in part["items"]] == [[*names, *asked_for, "cases"]] * len(whole["items"])
        assert part["items"] == [{name: row[name] for name in [*names, *asked_for, "cases"]} for row in whole["items"]]
        assert part["total"] == {name: whole["total"][name] for name in asked_for}
        assert list(part["definitions"]) == ["received", "overdue", "acceptance_rate"]
        sheet = api.get("analyst", f"/statistics/{path}", params={**query, "format": "csv"}).content.decode("utf-8-sig")
        assert sheet.splitlines()[0].split(",")[len(names) :] == ["上报", "逾期", "受理率", "受理率分子", "受理率分母"]
    for unknown in ("", "number", "received,", "received_numerator"):
        answer = api.get("analyst", "/statistics/communities", params={"fields": unknown})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "fields"


def worksheet(content):
    with closing(zipfile.ZipFile(io.BytesIO(content))) as file:
        assert file.testzip() is None
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


@pytest.mark.parametrize("path", ["communities", "categories", "summary", "trend", "compare", "deadlines"])
def test_every_table_comes_in_every_form_and_shows_zeros_without_matches(api, path):
    query = {"category": "HW-01", "source": "nobody", "from": "2026-01-01", "to": "2026-01-31"}
    found = get_statistics(api, path, **query)
    numbers = [value for row in found["items"] for value in row.values() if isinstance(value, int | float)]
    assert numbers
    assert not any(numbers)
    for form in ("csv", "xlsx", "echarts"):
        answer = api.get("analyst", f"/statistics/{path}", params={**query, "format": form})
        assert (answer.status_code, bool(answer.content)) == (200, True)


def wait_for_stable_statistics(api, hazard):
    """Waits until the statistics stop changing: a processed and compared photo still changes its hazard."""
    database = api.client.app.state.context.database

    def is_examined():
        shown = database.read_sync(lambda repository: repository.declared_photos([UUID(hazard["id"])]))
        return all(each.mention.examined for each in shown)

    poll_until(is_examined)
    return api.get("analyst", "/statistics/communities")


@on_both
def test_unchanged_statistics_answer_304_until_they_may_differ(api):
    hazard = api.assign_report(category="EB-02")
    first = wait_for_stable_statistics(api, hazard)
    tag = {"If-None-Match": first.headers["etag"]}
    assert first.headers["cache-control"] == "private, no-cache"
    assert {"Authorization", "Cookie", "Accept"} <= set(first.headers["vary"].replace(",", "").split())

    def again(path="/statistics/communities", who="analyst"):
        return api.get(who, path, headers=tag).status_code

    same = api.get("analyst", "/statistics/communities", headers=tag)
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
    assert again("/statistics/communities?format=csv") == 200
    assert again("/statistics/communities?category=EB-02") == 200
    assert again("/statistics/summary") == 200
    assert again(who="supervisor") == 200
    api.clock.advance(minutes=10)
    api.sign_in_again()
    assert again() == 304
    before = api.get("officer", f"/hazards/{hazard['id']}").json()["history_length"]
    api.clock.advance(hours=24)  # its deadline has passed, and so has midnight
    api.sign_in_again()
    poll_until(lambda: api.get("officer", f"/hazards/{hazard['id']}").json()["history_length"] > before)
    late = api.get("analyst", "/statistics/communities", headers=tag)
    assert (late.status_code, late.json()["total"]["overdue"]) == (200, 1)
    tag = {"If-None-Match": late.headers["etag"]}
    assert again() == 304
    api.take_step("officer", hazard, "note", note="已电话催办")
    assert again() == 200


@on_both
def test_counted_statistics_are_reused_only_while_they_hold(api):
    """A dashboard without If-None-Match pulls all day, and its statistics are counted once for each change."""
    hazard = api.assign_report(category="EB-02")
    first = wait_for_stable_statistics(api, hazard)

    def pull_statistics(who="analyst"):
        return api.get(who, "/statistics/communities").json()

    api.clock.advance(minutes=1)
    assert pull_statistics() == first.json(), "counted a minute ago"
    assert pull_statistics("officer")["as_of"] > first.json()["as_of"], "another scope or role is counted for itself"
    api.take_step("officer", hazard, "note", note="已电话催办")
    assert pull_statistics()["as_of"] > first.json()["as_of"]
    narrow = api.get("analyst", "/statistics/communities", params={"community": HERE}).json()
    assert len(narrow["items"]) == 1
    late = api.get("analyst", "/statistics/deadlines").json()["as_of"]
    api.clock.advance(minutes=1)
    assert api.get("analyst", "/statistics/deadlines").json()["as_of"] > late


def test_an_invalid_statistics_query_is_refused(api):
    problem(api.get("analyst", "/statistics/summary?format=pdf"), 422, "step.needs")
    problem(api.get("analyst", "/statistics/summary?severity=huge"), 422, "step.needs")
    problem(api.get("analyst", "/statistics/compare?from=2026-12-24"), 422, "step.needs")
    problem(api.get("analyst", "/statistics/trend?from=1990-01-01&to=2026-01-01"), 422, "step.needs")
    problem(api.get("analyst", "/hazards?counted_as=beauty"), 422, "step.needs")
    problem(api.get("analyst", "/hazards?clock=cuckoo"), 422, "step.needs")
    problem(api.get("analyst", f"/statistics/summary?community={THERE}"), 404, "community.not_found")
    assert json.loads(api.get("analyst", f"/statistics/summary?community={HERE}").content)["items"]
