"""Proves over HTTP that no clock of a phone costs a report or a step, and that the history says what was sent."""

import uuid

from tests.builders.api import body, on_both, problem

CLOCKS = ["0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00Z", "2028-02-29T00:00:00+08:00", "9999-12-31T23:59:59-12:00"]


def history(api, hazard):
    answer = api.get("officer", f"/hazards/{hazard['id']}/history")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


@on_both
def test_a_report_with_any_clock_is_kept_and_can_be_sent_again(api):
    null = {"lat": 0, "lon": 0, "crs": "gcj02"}
    for moment in CLOCKS:
        photo = {"sha256": api.photo("inspector"), "stage": "before", "taken_at": moment, "point": null}
        sent = body(found_at=moment, point=null, photos=[photo])
        first = api.post("inspector", "/hazards", sent)
        assert first.status_code == 201, first.text
        hazard = first.json()["hazard"]
        assert hazard["found_at"] == ("1970-01-01T00:00:00Z" if "1970" in moment else "2026-11-23T01:00:00Z")
        assert (hazard["point"], hazard["photos"][0]["point"]) == (None, None)
        facts = history(api, hazard)[0]["facts"]
        assert facts.get("found_at_sent", facts["found_at"])[:10] == moment[:10]
        assert abs(facts["found_at_difference_s"]) > 300
        assert api.post("inspector", "/hazards", sent).status_code == 200
        assert api.post("inspector", "/hazards", sent | {"found_at": "2026-11-23T01:00:00Z"}).status_code == 409


@on_both
def test_a_step_with_any_clock_is_taken_and_can_be_sent_again(api):
    hazard = api.report("inspector")
    for moment in CLOCKS:
        step = {
            "id": str(uuid.uuid4()),
            "step": "note",
            "version": hazard["version"],
            "note": "看过",
            "made_at": moment,
        }
        first = api.post("officer", f"/hazards/{hazard['id']}/steps", step)
        assert first.status_code == 200, first.text
        hazard = first.json()
        assert api.post("officer", f"/hazards/{hazard['id']}/steps", step).json()["version"] == hazard["version"]
        assert abs(history(api, hazard)[-1]["facts"]["made_at_difference_s"]) > 300


def test_a_deadline_that_no_calendar_has_is_still_refused(api):
    due_at = "9999-01-01T00:00:00Z"
    answer = api.step("officer", api.submit_report(), "recheck", result="fail", reason="未整改", due_at=due_at)
    assert [each["field"] for each in problem(answer, 422, "step.needs")["errors"]] == ["due_at"]
