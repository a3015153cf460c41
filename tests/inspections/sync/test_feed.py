from datetime import date, timedelta

from inspections.accounts.people import Role
from inspections.sync.actions import trim_feed
from inspections.sync.change_feed import HAZARDS, RETENTION, Cursor, Feed, HazardChange, scope_fingerprint
from tests.builders.office import THERE, Office, li, new_id, person

DAY = 20_000
TODAY = date(1970, 1, 1) + timedelta(days=DAY)


def test_changes_older_than_any_sign_in_are_trimmed():
    office = Office()
    days = (DAY - RETENTION.days - 1, DAY - RETENTION.days - 1, DAY - RETENTION.days, DAY)
    changes = [HazardChange(at, 700 + at, day, new_id(), ()) for at, day in enumerate(days, 1)]
    office.keep(Feed(HAZARDS, "e"), *changes)
    assert office.do(trim_feed, TODAY, 1) == 1
    assert office.feed().trim_cursor == Cursor(701, 1)
    assert office.do(trim_feed, TODAY, 9) == 1
    assert office.do(trim_feed, TODAY, 9) == 0
    assert office.feed().trim_cursor == Cursor(702, 2)
    assert office.all(HazardChange) == changes[2:]


def test_a_scope_fingerprint_is_equal_only_for_equal_scopes():
    assert scope_fingerprint(li) == scope_fingerprint(person("li", Role.OFFICER))
    others = [person("li", Role.OFFICER, scope=THERE.code), person("li", Role.ANALYST), person("qian", Role.OFFICER)]
    assert len({scope_fingerprint(each) for each in (li, *others)}) == 4
