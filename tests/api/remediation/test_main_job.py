"""The main job works end to end: 王 inspects, 李 accepts and re-checks, 赵 fixes, the office counts."""

import json
import time
import uuid

import pytest

from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import HERE, MONDAY, THERE, body, on_both, problem
from tests.builders.main_job import sign_in
from tests.builders.waiting import poll_until

pytestmark = on_both


def test_a_reported_hazard_is_fixed_closed_and_counted(api):
    before = api.counts()["total"]
    hazard = api.close_report()
    assert (hazard["state"], hazard["outcome"], hazard["missing_photos"]) == ("closed", "fixed", [])
    history = api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"]
    assert [line["step"] for line in history] == ["report", "accept", "assign", "submit_fix", "recheck.pass"]
    assert [line["by"] for line in history] == ["inspector", "officer", "officer", "handler", "officer"]
    after = api.counts()
    here = next(row for row in after["items"] if row["community"] == HERE)
    for name in ("received", "accepted", "closed", "fixed", "quantity_found", "quantity_done"):
        assert after["total"][name] - before[name] == here[name] == 1, name
    assert here["open"] == 0
    assert (here["acceptance_rate"], here["completion_rate"], here["fix_rate"]) == (1.0, 1.0, 1.0)


def test_the_deadline_comes_from_the_category(api):
    hazard = api.take_step("officer", api.report("inspector", category="EB-01"), "accept")
    assert hazard["due_at"] == "2026-11-24T01:00:00Z"  # 24 h
    hazard = api.take_step("officer", api.report("inspector", category="EV-03"), "accept")
    assert hazard["due_at"] == "2026-11-26T16:00:00Z"  # three working days, at 24:00
    assert not hazard["due_provisional"]
    api.clock.advance(days=37)  # 30 December: the year after is not published
    api.tokens["inspector"] = sign_in(api, "inspector")
    api.tokens["officer"] = sign_in(api, "officer")
    assert api.take_step("officer", api.report("inspector", category="EB-04"), "accept")["due_provisional"]


def test_a_retried_report_returns_the_same_hazard(api):
    sent = body()
    first = api.post("inspector", "/hazards", sent)
    again = api.post("inspector", "/hazards", sent | {"found_at": "2026-11-23T01:00:00Z"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["hazard"] == first.json()["hazard"]
    other = api.post("inspector", "/hazards", sent | {"description": "别的", "quantity": 3})
    assert problem(other, 409, "id.conflict")["fields"] == ["description", "quantity"]
    assert "fields" not in problem(api.post("officer", "/hazards", sent), 409, "id.taken")
    assert "fields" not in problem(api.post("inspector2", "/hazards", sent | {"community": THERE}), 409, "id.taken")


def test_a_report_sent_before_its_photo_lists_the_missing_photo(api):
    picture = draw_sample_photo("late", "EB-01", MONDAY)
    digest = api.photo("inspector2", picture)  # another person's photo: to know a digest gives no access
    answer = api.post("inspector", "/hazards", body(photos=[{"sha256": digest, "stage": "before"}])).json()
    assert answer["missing_photos"] == [digest]
    assert api.get("inspector", f"/photos/{digest}").status_code == 404
    assert api.photo("inspector", picture) == digest
    hazard = api.get("officer", f"/hazards/{answer['hazard']['id']}").json()
    assert hazard["missing_photos"] == []
    assert api.get("officer", f"/photos/{digest}?size=320").status_code == 200


def test_a_mini_program_sends_report_and_photos_in_one_request(api):
    sent = body()
    del sent["photos"]
    pictures = [draw_sample_photo(name, "EB-01", MONDAY) for name in ("one", "two", "three")]
    files = [("photo", ("../../evil.exe", picture, "text/plain")) for picture in pictures]
    first = api.call("inspector", "POST", "/hazards", data={"report": json.dumps(sent)}, files=files)
    again = api.call("inspector", "POST", "/hazards", data={"report": json.dumps(sent)}, files=files)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["missing_photos"] == []
    assert [photo["stage"] for photo in first.json()["hazard"]["photos"]] == ["before"] * 3
    assert again.json()["hazard"]["id"] == first.json()["hazard"]["id"] == sent["id"]


def test_a_hazard_passes_every_turn_of_the_loop(api):
    """The hazard is returned, assigned again, fixed in part, failed, and passed in the end."""
    hazard = api.assign_report(quantity=3)
    hazard = api.take_step("handler", hazard, "return", reason="非本单位")
    assert (hazard["state"], hazard["times_returned"], hazard["lead"]) == ("accepted", 1, None)
    assert api.get("handler", f"/hazards/{hazard['id']}").status_code == 404
    hazard = api.take_step("officer", hazard, "assign", lead="handler")
    hazard = api.take_step("handler", hazard, "start")
    for done, result in ((1, {"result": "partial", "quantity_done": 1}), (3, {"result": "fail", "reason": "不彻底"})):
        photos = [{"sha256": api.photo("handler"), "stage": "after"}]
        hazard = api.take_step("handler", hazard, "submit_fix", method="拆除", quantity_done=done, photos=photos)
        more = {"due_at": "2026-11-30T00:00:00+08:00"} if result["result"] == "fail" else {}
        hazard = api.take_step("officer", hazard, "recheck", **result, **more)
        assert hazard["state"] == "rectifying"
    assert (hazard["times_reworked"], hazard["quantity_done"]) == (1, 1)
    photos = [{"sha256": api.photo("handler"), "stage": "after"}]
    facts = {"method": "拆除", "quantity_done": 3, "outcome": "removed", "photos": photos}
    hazard = api.take_step("handler", hazard, "submit_fix", **facts)
    hazard = api.take_step("officer", hazard, "recheck", result="pass", note="已整改")
    assert (hazard["state"], hazard["quantity_done"], hazard["fix_outcome"]) == ("closed", 3, "removed")


def test_a_fix_on_the_spot_is_rechecked_or_closed_at_once(api):
    photos = [{"sha256": api.photo("inspector"), "stage": stage} for stage in ("before", "after")]
    spot = {"method": "当场清理", "quantity_done": 1}
    urgent = api.report("inspector", photos=photos, fixed_on_spot=spot)
    assert urgent["state"] == "pending_recheck"
    problem(api.step("inspector", urgent, "recheck", result="pass", note="…"), 403, "recheck.own_fix")
    assert api.take_step("officer", urgent, "recheck", result="pass", note="已整改")["state"] == "closed"
    others = [api.report("inspector", category="EV-03", photos=photos, fixed_on_spot=spot) for _ in range(12)]
    assert "closed" in {hazard["state"] for hazard in others}


def test_hazards_end_without_a_fix(api):
    assert api.take_step("officer", api.report("inspector"), "reject", reason="非隐患")["state"] == "rejected"
    master = api.report("inspector")
    merged = api.take_step("officer", api.report("inspector"), "merge", into=master["id"])
    assert (merged["state"], merged["merged_into"]) == ("duplicate", master["id"])
    verified = api.take_step("inspector", api.assign_report(), "verify", outcome="unfounded", note="无此情况")
    assert (verified["state"], verified["outcome"]) == ("closed", "unfounded")
    total = api.counts()["total"]
    assert (total["received"], total["rejected"], total["duplicate"], total["closed"], total["fixed"]) == (
        4,
        1,
        1,
        1,
        0,
    )
    assert total["open"] == 1


def test_notes_and_photos_are_added_in_any_state(api):
    hazard = api.close_report()
    hazard = api.take_step("supervisor", hazard, "note", note="已阅")
    photos = [{"sha256": api.photo("handler"), "stage": "after"}]
    hazard = api.take_step("handler", hazard, "attach", photos=photos)
    assert len(hazard["photos"]) == 3


def test_a_retried_step_is_answered_and_not_repeated(api):
    hazard = api.assign_report()
    sent = {"id": str(uuid.uuid4()), "step": "return", "version": hazard["version"], "reason": "非本单位"}
    path = f"/hazards/{hazard['id']}/steps"
    first, again = api.post("handler", path, sent), api.post("handler", path, sent)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json()["version"] == first.json()["version"]
    assert again.json()["description"] is None  # no longer theirs to read
    assert again.json()["photos"] == []
    assert problem(api.post("handler", path, sent | {"reason": "…"}), 409, "id.conflict")["fields"] == ["reason"]


def test_an_overdue_hazard_is_escalated_once_and_counted(api):
    hazard = api.take_step("officer", api.report("inspector"), "accept")
    assert not hazard["overdue"]
    api.clock.advance(hours=24, seconds=1)
    api.tokens["officer"], api.tokens["analyst"] = sign_in(api, "officer"), sign_in(api, "analyst")
    lines = poll_until(lambda: [line for line in history(api, hazard) if line["step"] == "escalate"])
    assert {line["by"] for line in lines} == {"system"}
    time.sleep(0.3)  # several more ticks
    lines = [line for line in history(api, hazard) if line["step"] == "escalate"]
    assert [line["facts"]["rung"] for line in lines] == ["fix.reminder", "fix.overdue"]
    seen = api.get("officer", f"/hazards/{hazard['id']}").json()
    assert seen["overdue"]
    assert seen["version"] == hazard["version"]
    total = api.counts()["total"]
    assert (total["overdue"], total["on_time"], total["open"]) == (1, 0, 1)
    listed = api.get("officer", "/hazards", params={"overdue": True}).json()["items"]
    assert [each["id"] for each in listed] == [hazard["id"]]


def history(api, hazard):
    return api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"]


def test_a_photo_is_processed_after_its_response(api):
    digest = api.photo("inspector")
    poll_until(lambda: api.get("inspector", f"/photos/{digest}?size=320").headers["anxun-photo-state"] == "developed")
    assert (api.folder / "photos" / digest[:2] / f"{digest}.320.jpg").exists()


def test_real_phone_pictures_are_stored_and_processed(api, samples):
    for name in ("Apple_iPhone_5.jpg", "Motorola_XT1068_Moto_G.jpg", "HTC_One.jpg"):
        original = (samples / "photos" / name).read_bytes()
        digest = api.photo("inspector", original)
        hazard = api.report("inspector", photos=[{"sha256": digest, "stage": "before"}])
        assert hazard["missing_photos"] == []
        small = api.get("officer", f"/photos/{digest}?size=320")
        assert (small.headers["content-type"], b"Exif" in small.content) == ("image/jpeg", False)
        assert api.get("officer", f"/photos/{digest}").content == original


@pytest.mark.parametrize("result", ["holds", "rebound"])
def test_a_look_back_confirms_the_fix_or_opens_a_new_hazard(api, result):
    hazard = api.close_report()
    photos = {"photos": [{"sha256": api.photo("inspector"), "stage": "before"}]} if result == "rebound" else {}
    hazard = api.take_step("inspector", hazard, "look_back", result=result, **photos)
    new = api.get("officer", "/hazards", params={"source": "look_back"}).json()["items"]
    assert [each["recurrence_of"] for each in new] == ([hazard["id"]] if result == "rebound" else [])
    assert [hazard["rebounded_as"]] == ([new[0]["id"]] if new else [None])
    assert api.counts()["total"]["rebounded"] == len(new)
