"""Supervisors decide the turns of the loop over HTTP, on every database."""

from datetime import timedelta

from tests.builders.api import MONDAY, on_both, problem
from tests.builders.main_job import sign_in

FAR = "2900-01-01T00:00:00+08:00"


def days(number):
    return (MONDAY + timedelta(days=number)).isoformat()


@on_both
def test_a_hazard_passes_every_decision_of_a_supervisor(api):
    hazard = api.take_step("handler", api.assign_report(category="FF-01", quantity=2), "start")
    hazard = api.take_step("handler", hazard, "request_extension", due_at=days(20), reason="配件未到")
    problem(api.step("officer", hazard, "decide_extension", granted=True), 403, "role.forbidden")
    longer = api.take_step("supervisor", hazard, "decide_extension", granted=True)
    assert (longer["original_due_at"], longer["times_extended"]) == (hazard["due_at"], 1)
    facts = {"reason": "产权争议", "measures": "断电", "review_at": days(30)}
    stands = api.take_step("supervisor", longer, "suspend", **facts)
    assert (stands["state"], stands["due_at"], stands["suspension"]["left"]["unit"]) == ("suspended", None, "min")
    problem(api.step("handler", stands, "start"), 409, "hazard.state")
    again = api.take_step("supervisor", stands, "resume")
    assert (again["state"], again["due_at"]) == ("rectifying", longer["due_at"])
    proposed = api.take_step("officer", again, "propose_major", basis="合用场所住人")
    major = api.take_step("supervisor", proposed, "confirm_major", authority="街道", document="新街〔2026〕1号")
    assert (major["severity"], major["due_at"]) == ("major", again["due_at"])
    problem(api.step("supervisor", major, "supervise", level="district", document="2号"), 422, "step.needs")
    five = {"responsible": "张三", "measures": "值守", "time_limit": days(9), "funds": "五万元", "plan": "预案"}
    watched = api.take_step("supervisor", major, "supervise", level="district", document="2号", arrangements=five)
    assert watched["supervision"]["arrangements"]["funds"] == "五万元"
    away = api.take_step("supervisor", watched, "transfer", to="区住建局", reason="职责所在")
    back = api.take_step("supervisor", away, "transfer_reply", result="returned", receipt="回执1")
    assert (back["state"], back["transfer"]["receipt"], back["lead"]) == ("accepted", "回执1", None)
    ended = api.take_step("supervisor", back, "cancel", reason="重复登记")
    lines = api.get("officer", f"/hazards/{ended['id']}/history").json()["items"]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert lines[5]["clocks"]["deadline_number"] == 2
    seen = api.get("analyst", f"/hazards/{ended['id']}").json()
    assert [seen[name] for name in ("supervision", "suspension", "transfer", "major")] == [None] * 4


@on_both
def test_a_far_deadline_can_be_suspended_and_resumed(api):
    hazard = api.take_step("officer", api.submit_report(), "recheck", result="fail", reason="不彻底", due_at=FAR)
    stands = api.take_step("supervisor", hazard, "suspend", reason="争议", measures="值守", review_at=days(20))
    assert api.get("officer", f"/hazards/{hazard['id']}").json()["suspension"] == stands["suspension"]
    assert api.take_step("supervisor", stands, "resume")["due_at"] == hazard["due_at"]


@on_both
def test_a_closed_hazard_is_evaluated_and_reopened(api):
    closed = api.close_report(category="EV-03")
    assert closed["look_back_due_at"]
    valued = api.take_step("inspector", closed, "evaluate", score=5, words="及时")
    assert valued["evaluation"]["score"] == 5
    problem(api.step("officer", valued, "evaluate", score=1), 403, "role.forbidden")
    opened = api.take_step("supervisor", valued, "reopen", reason="复发", due_at=days(9))
    assert (opened["state"], opened["outcome"], opened["times_reopened"]) == ("accepted", None, 1)
    assert api.counts()["total"]["open"] == 1


@on_both
def test_a_look_back_falls_due_when_its_category_plans_it(api):
    closed = api.close_report(category="EV-03")

    def planned():
        return [each["id"] for each in api.get("inspector", "/hazards", params={"look_back_due": True}).json()["items"]]

    assert planned() == []
    api.clock.advance(days=31)
    api.tokens["inspector"] = sign_in(api, "inspector")
    assert planned() == [closed["id"]]
    api.take_step("inspector", closed, "look_back", result="holds")
    assert planned() == []
