"""An id of another person or office, in a body, a filter, a cursor or a header, looks exactly like one of nothing.

test_access_matrix.py tries the ids in paths.
"""

import base64
import uuid

import pytest

from inspections.accounts.people import Role
from storage.engine.unit_of_work import UnitOfWork
from tests.builders.api import HERE, PASSWORD, THERE, body, on_both, problem
from tests.builders.decision_links import store_link
from tests.builders.people import sign_in_stranger
from tests.builders.signed_alerts import ALARM, register_device, send_alerts

NOWHERE = "01900000-0000-7000-8000-000000000000"
NO_PHOTO = "0" * 64


@pytest.fixture
def office(api):
    """Add people and things of the other office; return the API."""
    sign_in_stranger(api, "handler2", Role.HANDLER)
    sign_in_stranger(api, "supervisor2", Role.SUPERVISOR)
    photo = api.photo("inspector2")
    api.foreign = api.report("inspector2", community=THERE, photos=[{"sha256": photo, "stage": "before"}])
    api.foreign_photo = photo
    return api


def seen(answer, *ids):
    """Return what a client sees of an answer, without the ids that it named itself."""
    text = answer.text
    for each in ids:
        text = text.replace(each, "·")
    return answer.status_code, sorted(answer.headers.keys()), len(text), text


def assert_alike(ask, foreign, nothing):
    """Assert that two requests are answered alike; return the status."""
    one, other = ask(foreign), ask(nothing)
    assert seen(one, foreign, nothing) == seen(other, foreign, nothing)
    return one.status_code


@on_both
def test_a_step_that_names_foreign_people_hazards_or_photos_is_answered_as_if_they_did_not_exist(office):
    hazard = office.take_step("officer", office.report("inspector"), "accept")

    def step(who, name, **facts):
        sent = {"id": str(uuid.uuid4()), "step": name, "version": hazard["version"], **facts}
        return office.post(who, f"/hazards/{hazard['id']}/steps", sent)

    assert assert_alike(lambda name: step("officer", "assign", lead=name), "handler2", "nobody99") == 422
    for ask, foreign, nobody in (
        (lambda name: step("officer", "assign", lead="handler", assisting=[name]), "handler2", "nobody99"),
        (lambda name: step("officer", "assign", lead="handler", assisting=[name]), "supervisor2", "nobody99999"),
    ):
        assert assert_alike(ask, foreign, nobody) == 422
    assert assert_alike(lambda into: step("officer", "merge", into=into), office.foreign["id"], NOWHERE) == 404


@on_both
def test_a_foreign_photo_is_as_missing_as_one_that_nobody_has_sent(office):
    def report(digest):
        answer = office.post("inspector", "/hazards", body(photos=[{"sha256": digest, "stage": "before"}]))
        kept = answer.json()["hazard"]
        return answer.status_code, answer.json()["missing_photos"] == [digest], kept["photos"][0]["state"]

    assert report(office.foreign_photo) == report(NO_PHOTO)

    def link(digest):
        return office.post("officer", "/photos/links", {"photos": [{"sha256": digest}]})

    assert assert_alike(link, office.foreign_photo, NO_PHOTO) == 200
    own = office.photo("inspector")
    by_hazard = f"/photos/{own}?size=320&watermark="
    assert assert_alike(lambda mark: office.get("inspector", by_hazard + mark), office.foreign["id"], NOWHERE) == 404


@on_both
def test_a_foreign_photo_costs_as_many_questions_as_one_that_nobody_has_sent(office, monkeypatch):
    """The holder of a picture could otherwise learn from the time of the answer that somebody has sent it."""
    asked, rows = [], UnitOfWork.rows
    monkeypatch.setattr(UnitOfWork, "rows", lambda *given: asked.append(str(given[1])) or rows(*given))

    def questions(digest):
        asked.clear()
        problem(office.get("officer", f"/photos/{digest}?size=320"), 404, "photo.not_found")
        return sorted(each for each in asked if "mentions" in each)

    assert questions(office.foreign_photo) == questions(NO_PHOTO) != []


@on_both
def test_the_name_of_a_foreign_account_may_be_written_like_any_other(office):
    """An account of this community may not: its owner would be barred from the re-check."""
    names = ("handler2", "某师傅", "inspector")
    statuses = []
    for name in names:
        hazard = office.assign_report()
        photos = [{"sha256": office.photo("officer"), "stage": "after"}]
        fix = {"method": "清理", "quantity_done": 1, "photos": photos, "on_behalf_of": name}
        statuses.append(office.step("officer", hazard, "submit_fix", **fix).status_code)
    assert statuses == [200, 200, 422]


@on_both
def test_ids_in_other_bodies_tell_nothing_of_the_other_office(office):
    def rule(name):
        wanted = {"id": str(uuid.uuid4()), "community": HERE, "category": "WN-03", "lead": name}
        return office.post("admin", "/dispatch-rules", wanted)

    assert assert_alike(rule, "handler2", "nobody99") == 422
    hazard = office.report("inspector")

    def erase(entry):
        wanted = {"id": str(uuid.uuid4()), "fields": ["description"], "reason": "…", "entries": [entry]}
        return office.post("admin", f"/hazards/{hazard['id']}/erasures", wanted)

    assert assert_alike(erase, office.foreign["id"], NOWHERE) == 422  # a report's line has the id of its hazard
    party = {"kind": "merchant", "name": "某店"}
    named = office.report("inspector2", community=THERE, responsible_party=party)
    named = office.take_step("officer2", named, "accept")
    link = office.post("officer2", f"/hazards/{named['id']}/links", {"id": str(uuid.uuid4())}).json()["link"]["id"]
    path = f"/hazards/{hazard['id']}/links"
    assert assert_alike(lambda each: office.post("officer", f"{path}/{each}/revoke", None), link, NOWHERE) == 404
    step = {"id": NOWHERE, "step": "note", "version": 1, "note": "…"}
    items = [{"hazard": each, "step": step} for each in (named["id"], NOWHERE)]
    one, other = office.post("officer", "/hazards/steps", {"items": items}).json()["items"]
    assert one == other


@on_both
def test_filters_that_name_foreign_things_find_nothing(office):
    secret = register_device(office)
    send_alerts(office, secret, ALARM)
    for path, foreign, nothing in (
        ("/hazards?merged_into={}", office.foreign["id"], NOWHERE),
        ("/hazards?assignee={}", "officer2", "nobody99"),
        ("/hazards?community={}", THERE, "999999999999"),
        ("/hazards?q={}", office.foreign["number"], "XJ-2026-999999"),
        ("/security/events?person={}", "officer2", "nobody99"),
        ("/people?community={}", THERE, "999999999999"),
    ):
        who = "admin" if path.startswith(("/security", "/people")) else "officer"
        assert_alike(lambda each, who=who, path=path: office.get(who, path.format(each)), foreign, nothing)
    sign_in_stranger(office, "officer3", Role.OFFICER)
    assert_alike(lambda each: office.get("officer3", f"/alerts?device={each}"), "A-1", "Z-9")


@on_both
def test_cursors_of_another_person_show_ones_own_things_only(office):
    for _ in range(3):
        office.report("inspector")
        office.report("inspector2", community=THERE)
    mine = {each["id"] for each in office.get("officer", "/hazards?limit=500").json()["items"]}
    cursor = office.get("officer2", "/hazards?limit=1").json()["next_cursor"]
    items = office.get("officer", f"/hazards?limit=500&cursor={cursor}").json()["items"]
    assert {each["id"] for each in items} <= mine
    feed = office.get("officer2", "/sync").json()["cursor"]
    epoch = base64.urlsafe_b64encode(b'["0000000000000000","x",0,0,null]').decode()
    for header in (feed, epoch):
        problem(office.get("officer", "/live", headers={"Last-Event-ID": header}), 410, "sync.restart")
        problem(office.get("officer", "/sync", params={"cursor": header}), 410, "sync.restart")
    for path in ("/alerts", "/devices/outages"):
        assert_alike(lambda each, path=path: office.get("officer", f"{path}?cursor={each}"), str(uuid.uuid4()), NOWHERE)


@on_both
def test_no_token_of_one_kind_is_taken_for_another(office):
    """A fix link, a decision link, a device's secret, a renewal token, a key, a signed address open one door each."""
    hazard = office.report("inspector", responsible_party={"kind": "merchant", "name": "某店"})
    hazard = office.take_step("officer", hazard, "accept")
    made = office.post("officer", f"/hazards/{hazard['id']}/links", {"id": str(uuid.uuid4())}).json()
    link = made["addresses"]["url"].rpartition("/")[2]
    secret = register_device(office)
    pair = office.post(None, "/auth/login", {"username": "officer", "password": PASSWORD}).json()
    wanted = {"id": str(uuid.uuid4()), "name": "大屏", "scope": HERE, "expires_at": "2027-01-31T00:00:00Z"}
    key = office.post("admin", "/keys", wanted).json()["token"]
    signed = office.post("officer", "/photos/links", {"photos": [{"sha256": hazard["photos"][0]["sha256"]}]})
    signature = signed.json()["links"][0]["url"].partition("signed=")[2]
    decision = store_link(office, "supervisor", hazard, "confirm_major", "a-token-of-a-decision").rpartition("/")[2]
    nonsense = seen(office.call(None, "GET", "/hazards", headers={"Authorization": "Bearer nonsense"}))
    for token in (link, decision, secret, pair["refresh_token"], signature):
        for path in ("/hazards", "/me", "/live", f"/hazards/{hazard['id']}"):
            answer = office.call(None, "GET", path, headers={"Authorization": f"Bearer {token}"})
            assert seen(answer) == nonsense, path
    for token in (link, decision, secret, pair["access_token"], key, signature):
        problem(office.post(None, "/auth/refresh", {"refresh_token": token}), 401, "auth.required")
    others = (secret, pair["access_token"], pair["refresh_token"], key, signature)
    for token in (link, *others):
        assert office.call(None, "GET", f"/d/{token}", root=True).status_code == 404
    for token in (decision, *others):
        assert office.call(None, "GET", f"/f/{token}", root=True).status_code == 404
        assert office.call(None, "GET", f"/f/{token}/qr.svg", root=True).status_code == 404
    office.tokens["key"] = key
    note = {"id": str(uuid.uuid4()), "step": "note", "version": 2, "note": "…"}
    for method, path, sent in (
        ("POST", f"/hazards/{hazard['id']}/steps", note),
        ("POST", "/hazards", body()),
        ("GET", "/me/data", None),
    ):
        assert office.call("key", method, path, json=sent).status_code in {403, 404}, path
