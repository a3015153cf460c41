"""Possible duplicates are shown to the reporter, merged by an officer and counted; foreign ones stay hidden."""

import uuid
from hashlib import sha256

from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY, THERE, body, on_both

HERE_POINT = {"lat": 30.7706, "lon": 120.7550, "crs": "wgs84"}
NEAR_POINT = {"lat": 30.7709, "lon": 120.7550, "crs": "wgs84"}  # 33 m north of it

pytestmark = on_both


def report_and_get_duplicates(api, who, **facts):
    answer = api.post(who, "/hazards", body(photos=[{"sha256": api.photo(who), "stage": "before"}], **facts))
    assert answer.status_code == 201, answer.text
    return answer.json()["possible_duplicates"]


def test_the_response_to_a_report_lists_nearby_hazards(api):
    first = api.report("inspector", place="3号楼 2单元", point=HERE_POINT)
    whole = {"id": first["id"], "number": first["number"], "state": "reported"}
    assert report_and_get_duplicates(api, "inspector", place="三幢2单元") == [
        {**whole, "distance_m": None, "same_place": True}
    ]
    other = report_and_get_duplicates(api, "inspector", place="东门", point=NEAR_POINT)
    assert other == [{**whole, "distance_m": 33, "same_place": False}]
    assert report_and_get_duplicates(api, "inspector", place="西门", category="EB-03", point=NEAR_POINT) == []
    api.clock.advance(hours=73)
    login = {"username": "inspector", "password": "a-password-for-Tests"}
    api.tokens["inspector"] = api.post(None, "/auth/login", login).json()["access_token"]
    assert report_and_get_duplicates(api, "inspector", place="三幢2单元", point=HERE_POINT) == []


def test_hazards_of_another_community_are_not_listed_as_duplicates(api):
    api.report("inspector", place="东门", point=HERE_POINT)
    assert report_and_get_duplicates(api, "inspector2", community=THERE, place="东门", point=NEAR_POINT) == []
    own = report_and_get_duplicates(api, "inspector2", community=THERE, place="桥头", point=NEAR_POINT)
    assert [each["distance_m"] for each in own] == [0]


def test_merging_moves_photos_and_reporters_to_the_master_and_is_counted(api):
    master = api.report("inspector")
    hazard = api.report("officer", place="3号楼2单元")
    merged = api.take_step("officer", hazard, "merge", into=master["id"])
    assert (merged["state"], merged["merged_into"]) == ("duplicate", master["id"])
    seen = api.get("officer", f"/hazards/{master['id']}").json()
    assert {photo["sha256"] for photo in seen["photos"]} == {
        photo["sha256"] for each in (master, hazard) for photo in each["photos"]
    }
    assert (seen["version"], seen["reporter"], seen["reporters"]) == (1, "inspector", ["officer"])
    (_, line) = api.get("officer", f"/hazards/{master['id']}/history").json()["items"]
    assert (line["step"], line["by"], line["seq"], line["version"]) == ("merged", "officer", 2, 1)
    assert (line["facts"]["number"], line["facts"]["reporter"]) == (hazard["number"], "officer")
    assert api.take_step("officer", master, "accept")["version"] == 2  # prepared before the merger, and it still fits
    total = api.counts()["total"]
    assert (total["received"], total["duplicate"], total["duplicate_rate"]) == (2, 1, 0.5)
    assert "duplicate_rate" in api.counts()["definitions"]
    assert api.get("analyst", f"/hazards/{master['id']}").json()["reporters"] == []


def test_the_duplicates_of_a_master_are_listed(api):
    master = api.report("inspector")
    merged = [api.take_step("officer", api.report("inspector"), "merge", into=master["id"])["id"] for _ in range(2)]
    api.report("inspector")

    def listed(who, master_id):
        answer = api.get(who, "/hazards", params={"merged_into": master_id}).json()
        return sorted(each["id"] for each in answer["items"])

    assert listed("officer", master["id"]) == sorted(merged)
    assert listed("inspector2", master["id"]) == []
    assert listed("officer", str(uuid.uuid4())) == []
    answer = api.get("officer", "/hazards", params={"merged_into": "nonsense"})
    assert 400 <= answer.status_code < 500


def test_a_late_photo_of_a_duplicate_appears_on_the_master(api):
    picture = draw_sample_photo("late", "EB-01", MONDAY)
    digest = sha256(picture).hexdigest()
    master = api.report("inspector")
    hazard = api.report("officer", photos=[{"sha256": digest, "stage": "before"}])
    api.take_step("officer", hazard, "merge", into=master["id"])
    seen = api.get("inspector", f"/hazards/{master['id']}").json()
    assert seen["missing_photos"] == []  # the master does not wait for the photos of a duplicate
    assert {photo["state"] for photo in seen["photos"] if photo["sha256"] == digest} == {"missing"}
    assert api.photo("officer", picture) == digest
    assert api.get("inspector", f"/photos/{digest}").content == picture
