"""Inboxes, notice templates, digest notices and e-mail addresses work over HTTP."""

import hashlib
import uuid

import pytest

from tests.builders.api import THERE, on_both, problem
from tests.builders.pictures import png_of
from tests.builders.waiting import poll_until


def inbox(api, who, number=None, **query):
    """Waits for `number` notices in the inbox of `who` and returns all but the notice of the daily digest file."""

    def found():
        answer = api.get(who, "/inbox", params=query)
        assert answer.status_code == 200, answer.text
        items = [each for each in answer.json()["items"] if each["kind"] != "digest.history"]
        return {**answer.json(), "items": items} if number is None or len(items) >= number else None

    return poll_until(found)


@on_both
def test_an_assignment_is_found_in_the_handler_s_inbox_and_is_read_there(api):
    hazard = api.assign_report()
    (notice,) = inbox(api, "handler", 1)["items"]
    assert (notice["kind"], notice["hazard"]["number"], notice["read_at"]) == ("assign", hazard["number"], None)
    assert hazard["number"] in notice["text"]
    assert notice["title"] == "新派单"
    assert [each["kind"] for each in inbox(api, "officer", 1)["items"]] == ["report"]
    assert inbox(api, "supervisor")["items"] == []
    read = api.post("handler", f"/inbox/{notice['id']}/read", None)
    assert (read.status_code, read.json()["read_at"]) == (200, "2026-11-23T01:00:00Z")
    api.clock.advance(minutes=1)
    assert api.post("handler", f"/inbox/{notice['id']}/read", None).json() == read.json()
    assert inbox(api, "handler", unread=True) == {"items": [], "unread": 0, "next_cursor": None}
    assert len(inbox(api, "handler", unread=False)["items"]) == 1
    for who, entry in (("officer", notice["id"]), ("handler", str(uuid.uuid4()))):
        problem(api.post(who, f"/inbox/{entry}/read", None), 404, "notice.not_found")


@on_both
def test_an_inbox_is_read_page_by_page_the_newest_first(api):
    numbers = []
    for _ in range(3):
        numbers.append(api.report("inspector")["number"])
        api.clock.advance(minutes=1)
        inbox(api, "officer", len(numbers))
    first = api.get("officer", "/inbox", params={"limit": 2}).json()
    assert (len(first["items"]), first["unread"]) == (2, 3)
    rest = api.get("officer", "/inbox", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    found = [each["hazard"]["number"] for each in first["items"] + rest["items"]]
    assert (found, rest["next_cursor"]) == (numbers[::-1], None)


@pytest.mark.parametrize("query", ["cursor=x", "limit=0", "limit=501", "unread=perhaps", "who=officer", "cursor=W10="])
def test_an_invalid_inbox_query_is_refused(api, query):
    assert api.get("officer", f"/inbox?{query}").status_code == 422


def test_a_notice_about_a_hidden_hazard_shows_only_its_kind(api):
    hazard = api.assign_report()
    inbox(api, "handler", 1)
    api.take_step("handler", hazard, "return", reason="张三家的事不归我管")
    (notice,) = inbox(api, "handler", 1)["items"]
    assert (notice["hazard"], notice["text"], notice["title"]) == (None, None, "新派单")
    returned = next(each for each in inbox(api, "officer", 2)["items"] if each["kind"] == "return")
    assert "张三家的事不归我管" in returned["text"]
    erased = {"id": str(uuid.uuid4()), "fields": ["reason"], "reason": "当事人要求"}
    assert api.post("admin", f"/hazards/{hazard['id']}/erasures", erased).status_code == 201
    returned = next(each for each in inbox(api, "officer", 2)["items"] if each["kind"] == "return")
    assert "张三" not in returned["text"]


def test_officers_of_other_communities_get_no_notice(api):
    api.report("inspector")
    inbox(api, "officer", 1)
    assert inbox(api, "officer2")["items"] == []
    api.report("inspector2", community=THERE)
    assert len(inbox(api, "officer2", 1)["items"]) == 1


@on_both
def test_an_administrator_edits_a_template_and_unknown_fields_are_refused(api):
    listed = {each["kind"]: each for each in api.get("officer", "/notice-templates").json()["items"]}
    assert listed["assign"]["version"] == 0
    assert {"number", "place", "reason"} <= set(listed["assign"]["fields"])
    assert "fix.supervise" in listed
    own = {"version": 0, "title": "请看 {number}", "text": "地点 {place}，限 {due_at}"}
    edited = api.post("admin", "/notice-templates/assign", own)
    assert (edited.status_code, edited.json()["version"], edited.json()["edited_by"]) == (200, 1, "admin")
    assert api.post("admin", "/notice-templates/assign", own).json() == edited.json()
    wrong = {**own, "version": 1, "text": "{phone} 和 {place.real}"}
    refusal = problem(api.post("admin", "/notice-templates/assign", wrong), 422, "step.needs")
    assert [each["field"] for each in refusal["errors"]] == ["text", "text"]
    assert "phone" in refusal["errors"][0]["message"]
    assert "place.real" in refusal["errors"][1]["message"]
    problem(api.post("admin", "/notice-templates/assign", {**own, "title": "{"}), 409, "rules.stale")
    problem(api.post("admin", "/notice-templates/no.such", own), 404, "template.not_found")
    problem(api.post("officer", "/notice-templates/assign", own), 403, "role.forbidden")
    hazard = api.assign_report()
    (notice,) = inbox(api, "handler", 1)["items"]
    assert (notice["title"], notice["text"][:6]) == (f"请看 {hazard['number']}", "地点 3幢2")


def test_an_administrator_is_notified_of_the_daily_digest_file(api):
    items = poll_until(lambda: api.get("admin", "/inbox").json()["items"])
    assert [each["kind"] for each in items] == ["digest.history"]
    assert "2026-11-23.txt" in items[0]["text"]
    assert "sha256:" in items[0]["text"]


def test_the_sender_of_a_damaged_photo_is_notified(api):
    broken = png_of(b"garbage")
    digest = hashlib.sha256(broken).hexdigest()
    hazard = api.report("inspector", category="EV-03", photos=[{"sha256": digest, "stage": "before"}])
    assert api.photo("inspector", broken) == digest
    (notice,) = inbox(api, "inspector", 1)["items"]
    assert notice["kind"] == "photo.damaged"
    assert hazard["number"] in notice["text"]
    assert api.get("officer", f"/hazards/{hazard['id']}").json()["missing_photos"] == [digest]


def test_an_address_is_seen_by_administrators_and_erased_with_the_name(api):
    answer = api.post("admin", "/people/officer", {"version": 1, "email": "li@example.cn"})
    assert (answer.status_code, answer.json()["email"]) == (200, "li@example.cn")
    assert api.get("admin", "/people/officer").json()["email"] == "li@example.cn"
    assert {each["email"] for each in api.get("supervisor", "/people").json()["items"]} == {None}
    for wrong in (
        "li",
        "li@example.cn\r\nBcc: x@example.cn",
        "li@example.cn,x@example.cn",
        "<li@example.cn>",
        " @a.cn",
    ):
        assert api.post("admin", "/people/officer", {"version": 2, "email": wrong}).status_code == 422
    assert api.post("admin", "/people/officer", {"version": 2, "email": ""}).json()["email"] is None
    assert api.post("admin", "/people/officer", {"version": 3, "email": "li@example.cn"}).status_code == 200
    problem(
        api.post("admin", "/people/officer", {"version": 4, "erase": True, "email": "x@example.cn"}), 422, "step.needs"
    )
    assert api.post("admin", "/people/officer", {"version": 4, "erase": True}).json()["email"] is None
