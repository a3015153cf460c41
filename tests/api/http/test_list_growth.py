"""The answer of a list and its statements do not grow with the office: lists come in pages, and pages by cursor."""

from contextlib import closing

import pytest

from tests.builders.api import on_both
from tests.builders.growth import GrowingOffice, StatementCounter

LISTS = [
    ("officer", "/hazards"),
    ("officer", "/hazards?limit=500"),
    ("officer", "/hazards?q=absent"),
    ("officer", "/hazards?flagged=true"),
    ("supervisor", "/decisions?count=true"),
    ("officer", "/inbox"),
    ("officer", "/inbox?limit=500"),
    ("officer", "/inbox?unread=false"),
    ("admin", "/deliveries"),
    ("admin", "/deliveries?state=failing"),
    ("officer", "/alerts"),
    ("officer", "/alerts?open=true"),
    ("officer", "/devices"),
    ("officer", "/devices/outages"),
    ("officer", "/devices/outages?open=true"),
    ("admin", "/security/events"),
    ("admin", "/security/events?person=officer"),
    ("officer", "/sync"),
    ("admin", "/people"),
    ("analyst", "/statistics/communities"),
    ("analyst", "/statistics/summary"),
    ("analyst", "/statistics/trend"),
    ("analyst", "/statistics/alerts"),
    ("analyst", "/statistics/briefing"),
    ("analyst", "/statistics/briefings"),
]
MOST_STATEMENTS = 10
"""Statements of one read, whatever the number of items in its page."""


def measure_lists(api, counter):
    """The bytes and the statements of each list."""
    measured = {}
    for who, path in LISTS:
        answer = api.get(who, path)
        assert answer.status_code == 200, (path, answer.text)
        measured[path] = len(answer.content), counter.last
    return measured


def check_growth(api, monkeypatch, small, large):
    """Checks that `large` records of each kind make no answer longer, and need no more statements, than `small`."""
    counter = StatementCounter(monkeypatch, api.client.app.state.context.database)
    with closing(GrowingOffice(api)) as office:
        office.fill(small)
        before = measure_lists(api, counter)
        office.fill(large)
        after = measure_lists(api, counter)
    for path, (size, statements) in after.items():
        assert size < 1.2 * before[path][0] + 1000, path
        assert statements <= MOST_STATEMENTS, path


@on_both
def test_no_list_grows_with_the_office(api, monkeypatch):
    check_growth(api, monkeypatch, 1200, 2400)


@pytest.mark.drill
@on_both
def test_no_list_grows_with_an_office_of_100_000(api, monkeypatch):
    check_growth(api, monkeypatch, 1200, 100_000)


@on_both
@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("officer", "/hazards"),
        ("officer", "/inbox"),
        ("officer", "/alerts"),
        ("officer", "/devices"),
        ("officer", "/devices/outages"),
    ],
)
def test_the_pages_of_a_list_hold_every_item_once(api, who, path):
    with closing(GrowingOffice(api)) as office:
        office.fill(120)
        found, cursor, pages = [], None, 0
        while pages == 0 or cursor:
            page = api.get(who, path, params={"limit": 25, **({"cursor": cursor} if cursor else {})}).json()
            found += [each["id"] for each in page["items"]]
            cursor, pages = page.get("next_cursor"), pages + 1
    assert (len(found), len(set(found)), pages) == (len(found), len(found), 5)
    assert len(found) in {121, 122}  # the report itself has put a notice into the inbox
