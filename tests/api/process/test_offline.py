"""Proves that steps made without a signal may arrive late and out of order."""

import uuid

from tests.builders.api import PASSWORD, on_both, problem
from tests.builders.people import sign_in_as
from tests.builders.waiting import poll_until


def make_step(step, version, **facts):
    return {"id": str(uuid.uuid4()), "step": step, "version": version, "made_at": "2026-11-23T10:00:00+08:00", **facts}


def steps_of(api, hazard):
    lines = api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"]
    return [line["step"] for line in lines]


def pass_time(api, **delta):
    """Let time pass, then sign everybody in again."""
    api.clock.advance(**delta)
    for who in ("handler", "officer"):
        sign_in_as(api, who, PASSWORD)


@on_both
def test_an_early_step_gets_the_current_state_and_succeeds_once_its_turn_has_come(api):
    hazard = api.assign_report()
    path = f"/hazards/{hazard['id']}/steps"
    digest = api.photo("handler")
    fixed = {"method": "清理", "quantity_done": 1, "photos": [{"sha256": digest, "stage": "after"}]}
    start, fix = make_step("start", 3), make_step("submit_fix", 4, **fixed)
    pass_time(api, hours=9)
    before = api.get("handler", f"/hazards/{hazard['id']}").json()
    refusal = problem(api.post("handler", path, fix), 409, "hazard.stale")
    after = api.get("handler", f"/hazards/{hazard['id']}").json()
    assert refusal["hazard"] in (before, after)  # a deadline that has passed is recorded at any moment
    assert (refusal["sent"], refusal["current"]) == (4, 3)
    for sent in (start, fix, start, fix):
        assert api.post("handler", path, sent).status_code == 200
    taken = [step for step in steps_of(api, hazard) if step != "escalate"]
    assert taken == ["report", "accept", "assign", "start", "submit_fix"]
    lines = api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"]
    assert lines[-1]["facts"]["made_at"] == "2026-11-23T10:00:00+08:00"
    assert lines[-1]["at"] == "2026-11-23T10:00:00Z", "the server's time governs"


@on_both
def test_an_outdated_step_changes_nothing_and_gets_the_current_state(api):
    hazard = api.assign_report()
    path = f"/hazards/{hazard['id']}/steps"
    late, later = make_step("start", 3), make_step("start", 4)
    cancelled = api.take_step("supervisor", hazard, "cancel", reason="重复登记")
    for sent, code in ((late, "hazard.stale"), (later, "hazard.state")):
        refusal = problem(api.post("handler", path, sent), 409, code)
        assert (refusal["hazard"]["state"], refusal["hazard"]["version"]) == ("cancelled", cancelled["version"])
    assert steps_of(api, hazard) == ["report", "accept", "assign", "cancel"]


@on_both
def test_each_step_of_a_batch_gets_its_own_result(api):
    mine, theirs = api.assign_report(), api.assign_report()
    api.take_step("handler", theirs, "return", reason="不归我管")
    day = [
        make_step("start", 3),
        make_step("note", 4, note="材料已到"),
        make_step("note", 4, note="同一版本"),
        make_step("start", 3),
    ]
    hazards = [mine, mine, mine, theirs]
    items = [{"hazard": hazard["id"], "step": step} for hazard, step in zip(hazards, day, strict=True)]
    answers = api.post("handler", "/hazards/steps", {"items": items}).json()["items"]
    assert [each["status"] for each in answers] == [200, 200, 409, 404]
    assert answers[2]["problem"]["hazard"]["version"] == answers[1]["hazard"]["version"]
    assert "hazard" not in answers[3]["problem"]


@on_both
def test_an_escalation_does_not_outdate_a_step_made_before_it(api):
    hazard = api.assign_report()
    start = make_step("start", 3)
    pass_time(api, days=1)
    poll_until(lambda: "escalate" in steps_of(api, hazard))
    assert api.post("handler", f"/hazards/{hazard['id']}/steps", start).status_code == 200


@on_both
def test_a_step_made_at_an_impossible_time_is_taken_and_noted(api):
    hazard = api.assign_report()
    sent = make_step("start", 3) | {"made_at": "0001-01-01T00:00:00+08:00"}
    assert api.post("handler", f"/hazards/{hazard['id']}/steps", sent).status_code == 200
    last = api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"][-1]
    assert (last["step"], last["facts"]["made_at"]) == ("start", "2026-11-23T01:00:00Z")
    assert last["facts"]["made_at_sent"].startswith("0001-01-01T00:00:00")
