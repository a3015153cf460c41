"""A list shows each hazard as it is now, although what has not changed is not rendered again."""

import hashlib

from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY, on_both
from tests.builders.waiting import poll_until

PARTY = {"kind": "merchant", "name": "某店", "phone": "0573-1234567"}
READERS = ("inspector", "officer", "handler", "supervisor")


def check_lists(api):
    """Each reader's list and feed show the same as a read of each hazard, when background work has ended."""
    for who in READERS:
        for path in ("/hazards?limit=500", "/sync?limit=500"):
            poll_until(lambda who=who, path=path: shows_present_hazards(api, who, path), lambda path=path: path)


def shows_present_hazards(api, who, path):
    answer = api.get(who, path)
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    return items == [api.get(who, f"/hazards/{item['id']}").json() for item in items]


@on_both
def test_a_list_follows_every_change(api):
    late = draw_sample_photo("late", "EB-01", MONDAY)
    mention = {"sha256": hashlib.sha256(late).hexdigest(), "stage": "before"}
    shown = {"sha256": api.photo("inspector"), "stage": "before"}
    hazards = [
        api.report("inspector", photos=[shown, mention]),
        api.report("inspector", photos=[shown], place="5幢"),
        api.report(
            "officer", photos=[shown], responsible_party={"kind": "merchant", "name": "某店", "phone": "0573-1"}
        ),
    ]
    check_lists(api)

    assert api.call("inspector", "PUT", f"/photos/{mention['sha256']}", content=late).status_code == 201
    check_lists(api)
    accepted = api.take_step("officer", hazards[0], "accept", priority="high")
    check_lists(api)
    assigned = api.take_step("officer", accepted, "assign", lead="handler")
    check_lists(api)
    api.take_step("officer", hazards[1], "merge", into=hazards[0]["id"])
    check_lists(api)
    api.clock.advance(days=30)  # the fixing clock of the first hazard expires
    api.sign_in_again()
    check_lists(api)
    assert api.get("officer", f"/hazards/{assigned['id']}").json()["overdue"]
