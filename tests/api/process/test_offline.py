"""A day without a signal: what was done on the phone arrives late and out of order."""

import uuid

from tests.builders.api import PASSWORD, on_both, problem
from tests.builders.main_job import wait_for
from tests.builders.people import signed_in


def made(step, version, **facts):
    return {"id": str(uuid.uuid4()), "step": step, "version": version, "made_at": "2026-11-23T10:00:00+08:00", **facts}


def steps_of(api, hazard):
    lines = api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"]
    return [line["step"] for line in lines]


def pass_(api, **delta):
    """A time goes by after which everybody signs in again."""
    api.clock.pass_(**delta)
    for who in ("handler", "officer"):
        signed_in(api, who, PASSWORD)


@on_both
def test_what_arrives_out_of_order_is_answered_with_the_present_and_fits_once_its_turn_has_come(api):
    hazard = api.assigned()
    path = f"/hazards/{hazard['id']}/steps"
    digest = api.photo("handler")
    fixed = {"method": "清理", "quantity_done": 1, "photos": [{"sha256": digest, "stage": "after"}]}
    start, fix = made("start", 3), made("submit_fix", 4, **fixed)
    pass_(api, hours=9)
    said = problem(api.post("handler", path, fix), 409, "hazard.stale")
    assert said["hazard"] == api.get("handler", f"/hazards/{hazard['id']}").json()
    assert (said["sent"], said["current"]) == (4, 3)
    for sent in (start, fix, start, fix):
        assert api.post("handler", path, sent).status_code == 200
    taken = [step for step in steps_of(api, hazard) if step != "escalate"]
    assert taken == ["report", "accept", "assign", "start", "submit_fix"]
    lines = api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"]
    assert lines[-1]["facts"]["made_at"] == "2026-11-23T10:00:00+08:00"
    assert lines[-1]["at"] == "2026-11-23T10:00:00Z", "the server's time governs"


@on_both
def test_what_does_not_fit_any_more_changes_nothing_and_shows_what_is(api):
    hazard = api.assigned()
    path = f"/hazards/{hazard['id']}/steps"
    late, later = made("start", 3), made("start", 4)
    cancelled = api.taken("supervisor", hazard, "cancel", reason="重复登记")
    for sent, code in ((late, "hazard.stale"), (later, "hazard.state")):
        said = problem(api.post("handler", path, sent), 409, code)
        assert (said["hazard"]["state"], said["hazard"]["version"]) == ("cancelled", cancelled["version"])
    assert steps_of(api, hazard) == ["report", "accept", "assign", "cancel"]


@on_both
def test_a_day_is_sent_at_once_and_each_item_says_what_became_of_it(api):
    mine, theirs = api.assigned(), api.assigned()
    api.taken("handler", theirs, "return", reason="不归我管")
    day = [made("start", 3), made("note", 4, note="材料已到"), made("note", 4, note="同一版本"), made("start", 3)]
    hazards = [mine, mine, mine, theirs]
    items = [{"hazard": hazard["id"], "step": step} for hazard, step in zip(hazards, day, strict=True)]
    answers = api.post("handler", "/hazards/steps", {"items": items}).json()["items"]
    assert [each["status"] for each in answers] == [200, 200, 409, 404]
    assert answers[2]["problem"]["hazard"]["version"] == answers[1]["hazard"]["version"]
    assert "hazard" not in answers[3]["problem"]


@on_both
def test_a_rung_of_the_ladder_does_not_put_a_step_out_that_was_made_before_it(api):
    hazard = api.assigned()
    start = made("start", 3)
    pass_(api, days=1)
    wait_for(lambda: "escalate" in steps_of(api, hazard))
    assert api.post("handler", f"/hazards/{hazard['id']}/steps", start).status_code == 200


@on_both
def test_what_was_made_at_no_time_that_can_be_is_refused(api):
    hazard = api.assigned()
    sent = made("start", 3) | {"made_at": "0001-01-01T00:00:00+08:00"}
    said = problem(api.post("handler", f"/hazards/{hazard['id']}/steps", sent), 422, "step.needs")
    assert said["errors"][0]["field"] == "made_at"
