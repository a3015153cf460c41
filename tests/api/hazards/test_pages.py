"""Proves that no answer grows without end: histories and lists come in pages, on both databases."""

import re
import uuid
from datetime import timedelta

import pytest

from inspections.accounts.sessions import Session
from inspections.change import Change
from inspections.hazards.history import NewEntry, append_history
from inspections.monitoring.rejections import RejectionCount
from inspections.remediation.dispatch_rules import DispatchRule
from inspections.remediation.steps import MAX_HAZARD_PHOTOS
from tests.builders.api import HERE, MONDAY, on_both, problem
from tests.builders.shops import SHOP
from tests.builders.statements import ReadCounter

NOTES = 4_000
BESIDE = 40
"""Background work reads beside a request, such as notices that wait; far less than a history."""
WORDS = "楼道里的电动车还没有搬走。" * 70  # 2.7 kB


def add_notes(api, hazard, number):
    """Adds notes to the history of a hazard, in one transaction; returns the hazard."""
    by = "officer"

    def write(repository):
        before = after = repository.hazard(uuid.UUID(hazard["id"]))
        lines = []
        for _ in range(number):
            entry = NewEntry(repository.new_id(), "note", by, MONDAY, {"note": WORDS})
            after, line = append_history(repository, after, after, entry)
            lines.append(line)
        return Change(None, tuple(lines), ((before, after),))

    api.client.blocking_portal.call(api.client.app.state.context.database.transact, write)
    return api.get(by, f"/hazards/{hazard['id']}").json()


def history_pages(api, hazard, **query):
    """The pages of a history, as a client that follows their cursors gets them."""
    pages, cursor = [], {}
    while True:
        answer = api.get("officer", f"/hazards/{hazard['id']}/history", params={**query, **cursor})
        assert answer.status_code == 200, answer.text
        pages.append(answer)
        if answer.json()["next_cursor"] is None:
            return pages
        cursor = {"cursor": answer.json()["next_cursor"]}


@on_both
def test_a_history_of_thousands_of_notes_comes_in_pages_of_which_each_is_cheap(api, monkeypatch):
    short = api.report("inspector")
    long = add_notes(api, api.report("inspector"), NOTES)
    assert long["history_length"] == NOTES + 1
    reads = ReadCounter(monkeypatch)
    _, (few, _) = reads.measure(lambda: history_pages(api, short))
    page, (statements, rows) = reads.measure(lambda: api.get("officer", f"/hazards/{long['id']}/history"))
    assert len(page.json()["items"]) == 100
    assert len(page.content) < 100 * (len(WORDS.encode()) + 1_000)
    assert statements <= few + BESIDE
    assert rows <= 101 + BESIDE
    biggest = api.get("officer", f"/hazards/{long['id']}/history?limit=500&cursor=3000")
    assert [line["seq"] for line in biggest.json()["items"]] == list(range(3001, 3501))


@on_both
def test_a_client_checks_the_chain_of_a_history_page_by_page(api):
    hazard = add_notes(api, api.report("inspector"), 1_200)
    pages = history_pages(api, hazard, limit=500)
    lines = [line for page in pages for line in page.json()["items"]]
    assert [len(page.json()["items"]) for page in pages] == [500, 500, 201]
    assert [line["seq"] for line in lines] == list(range(1, hazard["history_length"] + 1))
    assert lines[-1]["digest"] == hazard["history_head"]
    newest = [line for page in history_pages(api, hazard, limit=500, sort="-seq") for line in page.json()["items"]]
    assert newest == lines[::-1]


def test_lines_that_come_between_two_pages_are_neither_lost_nor_repeated(api):
    hazard = add_notes(api, api.report("inspector"), 10)
    path = f"/hazards/{hazard['id']}/history"
    first = api.get("officer", path, params={"limit": 6}).json()
    newest = api.get("officer", path, params={"limit": 6, "sort": "-seq"}).json()
    add_notes(api, hazard, 3)
    rest = api.get("officer", path, params={"cursor": first["next_cursor"]}).json()
    assert [line["seq"] for line in (*first["items"], *rest["items"])] == list(range(1, 15))
    older = api.get("officer", path, params={"cursor": newest["next_cursor"], "sort": "-seq"}).json()
    assert [line["seq"] for line in (*newest["items"], *older["items"])] == list(range(11, 0, -1))
    last = api.get("officer", path, params={"cursor": "14"}).json()
    assert last == {"items": [], "next_cursor": None}


@on_both
@pytest.mark.parametrize("query", ["cursor=x", "cursor=-1", "cursor=", "cursor=9999999999", "cursor=%C2%B2", "limit=0",
                                   "limit=501", "sort=at", "order=desc"])  # fmt: skip
def test_a_wrong_page_of_a_history_is_refused(api, query):
    hazard = api.report("inspector")
    problem(api.get("officer", f"/hazards/{hazard['id']}/history?{query}"), 422, "step.needs")


def test_the_page_of_a_fix_link_does_not_read_the_whole_history(api, monkeypatch):
    hazard = api.assign_report(responsible_party=SHOP)
    made = api.post("officer", f"/hazards/{hazard['id']}/links", {"id": str(uuid.uuid4())}).json()
    path = re.sub(r"^http://[^/]+", "", made["addresses"]["url"])
    reads = ReadCounter(monkeypatch)
    _, few = reads.measure(lambda: api.call(None, "GET", path, root=True))
    add_notes(api, hazard, 500)
    answer, many = reads.measure(lambda: api.call(None, "GET", path, root=True))
    assert answer.status_code == 200
    assert many[0] <= few[0] + BESIDE
    assert many[1] <= few[1] + BESIDE


def test_photos_are_attached_up_to_a_limit_that_stops_no_other_step(api):
    hazard = api.submit_report()
    for first in range(2, MAX_HAZARD_PHOTOS, 30):
        digests = [f"{at:064x}" for at in range(first, min(first + 30, MAX_HAZARD_PHOTOS))]
        photos = [{"sha256": digest, "stage": "after"} for digest in digests]
        hazard = api.take_step("officer", hazard, "attach", photos=photos)
    assert len(hazard["photos"]) == MAX_HAZARD_PHOTOS
    more = [{"sha256": "f" * 64, "stage": "after"}]
    refusal = problem(api.step("officer", hazard, "attach", photos=more), 422, "step.needs")
    assert [error["field"] for error in refusal["errors"]] == ["photos"]
    later = (MONDAY + timedelta(days=9)).isoformat()
    failed = api.take_step("officer", hazard, "recheck", result="fail", reason="不彻底", due_at=later, photos=more)
    assert len(failed["photos"]) == MAX_HAZARD_PHOTOS + 1


# lists of an office ---------------------------------------------------------------------------------------------


def _store(api, *records):
    database = api.client.app.state.context.database
    api.client.blocking_portal.call(database.transact, lambda _: Change(None, records))


def _fill_lists(api):
    """Three items more for each list that was without a limit."""
    far = MONDAY.replace(year=2027)
    hazard = api.assign_report(responsible_party=SHOP)
    for at in range(3):
        new = {"id": str(uuid.uuid4())}
        api.post("officer", f"/hazards/{hazard['id']}/links", new)
        api.post("admin", "/keys", {**new, "name": f"大屏{at}", "scope": HERE, "expires_at": far.isoformat()})
        lent = {"to": "officer", "since": MONDAY.replace(month=12).isoformat(), "until": "2026-12-25T00:00:00Z"}
        api.post("supervisor", "/delegations", {**new, **lent, "reason": "出差"})
        place = {"community": HERE, "place": "1幢", "kind": "mains"}
        api.post("admin", "/devices", {"id": f"M-{at}", "name": "总箱", **place})
        rule = DispatchRule(
            uuid.uuid4(), HERE, category=None, group=f"组{at}", lead="handler", assisting=(), accepts=False
        )
        refused = RejectionCount(MONDAY.date(), "http", f"reason {at}", 1, MONDAY, MONDAY, "", "")
        _store(api, rule, refused, Session(uuid.uuid4(), "officer", f"手机{at}", MONDAY, far, MONDAY))
    return [
        ("officer", f"/hazards/{hazard['id']}/links"),
        ("admin", "/keys"),
        ("supervisor", "/delegations"),
        ("officer", "/devices"),
        ("admin", "/dispatch-rules"),
        ("officer", "/me/devices"),
        ("admin", "/alerts/refusals"),
        ("admin", "/people/officer/devices"),
        ("admin", "/people"),
    ]


@on_both
def test_every_list_of_an_office_comes_in_pages(api):
    for who, path in _fill_lists(api):
        whole = api.get(who, path).json()
        assert set(whole) == {"items"}, path
        assert len(whole["items"]) >= 3, path
        paged, cursor = [], {}
        while True:
            page = api.get(who, path, params={"limit": 2, **cursor}).json()
            paged += page["items"]
            if "next_cursor" not in page:
                break
            assert len(page["items"]) == 2
            cursor = {"cursor": page["next_cursor"]}
        assert paged == whole["items"], path
        if path != "/devices":  # whose cursor is an id, and any text may be one
            problem(api.get(who, path, params={"cursor": "none"}), 422, "step.needs")
        problem(api.get(who, path, params={"limit": 501}), 422, "step.needs")
