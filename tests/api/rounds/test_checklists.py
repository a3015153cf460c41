"""Proves that a supervisor edits, publishes and passes on a checklist."""

import msgspec

from tests.builders.api import problem
from tests.builders.checklists import CHARGES, DRAFT, change_item

SHED = msgspec.to_builtins(DRAFT)


def test_a_supervisor_publishes_a_list_that_inspectors_then_see(api):
    assert api.post("supervisor", "/checklists", SHED).status_code == 201
    assert api.post("supervisor", "/checklists", SHED).status_code == 200, "the same again"
    edited = api.post("supervisor", "/checklists", {**SHED, "name": "电动自行车充电棚", "revision": 1}).json()
    assert (edited["version"], edited["revision"], edited["state"]) == (1, 2, "draft")
    published = api.post("supervisor", "/checklists/e-bike-shed/publish", {"version": 1}).json()
    seen = api.get("inspector", "/checklists/e-bike-shed").json()
    assert seen == published
    assert seen["sections"][0]["items"][1]["basis"] == "GB 51348-2019 13.5"
    lines = api.get("inspector", "/checklists", params={"state": "published"}).json()["items"]
    (line,) = [each for each in lines if each["code"] == "e-bike-shed"]
    assert (line["code"], line["name"], line["edited_by"]) == ("e-bike-shed", "电动自行车充电棚", "supervisor")
    events = api.get("admin", "/security/events?limit=500").json()["items"]
    assert {each["about"] for each in events if each["event"] == "rules.edited"} == {"checklist e-bike-shed"}


def test_a_list_travels_to_another_office_as_a_file(api):
    api.post("supervisor", "/checklists", SHED)
    answer = api.get("supervisor", "/checklists/e-bike-shed/file")
    assert "filename*=UTF-8''" in answer.headers["content-disposition"]
    file = answer.json()
    assert file["format"] == "anxun-checklist-1"
    sent = api.post("supervisor", "/checklists", {**file, "code": "e-bike-shed-2"})
    assert sent.status_code == 201
    assert sent.json()["sections"] == file["sections"]


def test_an_old_version_stays_readable(api):
    api.post("supervisor", "/checklists", SHED)
    api.post("supervisor", "/checklists/e-bike-shed/publish", {"version": 1})
    api.post("supervisor", "/checklists", {**SHED, "name": "新版"})
    assert api.get("inspector", "/checklists/e-bike-shed").json()["version"] == 1, "a draft is not used yet"
    api.post("supervisor", "/checklists/e-bike-shed/publish", {"version": 2})
    assert api.get("inspector", "/checklists/e-bike-shed").json()["name"] == "新版"
    old = api.get("inspector", "/checklists/e-bike-shed", params={"version": 1}).json()
    assert (old["name"], old["state"]) == (SHED["name"], "retired")
    items = api.get("inspector", "/checklists").json()["items"]
    assert [each["state"] for each in items if each["code"] == "e-bike-shed"] == ["published", "retired"]
    api.post("supervisor", "/checklists/e-bike-shed/retire", {"version": 2})
    left = api.get("inspector", "/checklists", params={"state": "published"}).json()["items"]
    assert "e-bike-shed" not in {each["code"] for each in left}


def test_refusals_say_which_item_is_wrong(api):
    circle = msgspec.to_builtins(change_item(CHARGES, shown_if={"item": "1.2", "answers": ["no"]}))
    refused = problem(api.post("supervisor", "/checklists", circle), 422, "step.needs")
    assert refused["errors"] == [{"field": "sections", "message": "检查项 1.1、1.2 的显示条件互相依赖"}]
    wrong = msgspec.to_builtins(change_item(CHARGES, kind="sound"))
    refused = problem(api.post("supervisor", "/checklists", wrong), 422, "step.needs")
    assert refused["errors"][0]["field"] == "sections[0].items[0].kind"
    problem(api.post("supervisor", "/checklists", {**SHED, "revision": 4}), 409, "checklist.stale")
    api.post("supervisor", "/checklists", SHED)
    problem(api.post("supervisor", "/checklists/e-bike-shed/retire", {"version": 1}), 409, "checklist.state")
    for step in ("publish", "retire"):
        api.post("supervisor", f"/checklists/e-bike-shed/{step}", {"version": 1})
        problem(api.post("supervisor", f"/checklists/none/{step}", {"version": 1}), 404, "checklist.not_found")
    problem(api.post("supervisor", "/checklists/e-bike-shed/publish", {"version": 1}), 409, "checklist.state")
    problem(api.get("inspector", "/checklists/e-bike-shed", params={"version": 9}), 404, "checklist.not_found")


def test_an_office_begins_with_lists_that_it_may_edit(api):
    found = api.get("inspector", "/checklists").json()["items"]
    assert {(each["state"], each["edited_by"]) for each in found} == {("published", None)}
    assert "small-premises-fire" in {each["code"] for each in found}
    file = api.get("supervisor", "/checklists/joint-check/file").json()
    edited = api.post("supervisor", "/checklists", {**file, "name": "本街道综合查一次"}).json()
    assert (edited["version"], edited["edited_by"]) == (2, "supervisor")
