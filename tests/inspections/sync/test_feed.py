from datetime import date, timedelta

from inspections.accounts.people import Role
from inspections.sync.actions import forget
from inspections.sync.change_feed import HAZARDS, KEPT, Changed, Feed, Place, view_of
from tests.builders.office import THERE, Office, li, new_id, person

DAY = 20_000
TODAY = date(1970, 1, 1) + timedelta(days=DAY)


def test_what_is_older_than_any_sign_in_is_forgotten_from_the_front():
    office = Office()
    days = (DAY - KEPT.days - 1, DAY - KEPT.days - 1, DAY - KEPT.days, DAY)
    changes = [Changed(at, 700 + at, day, new_id(), ()) for at, day in enumerate(days, 1)]
    office.keep(Feed(HAZARDS, "e"), *changes)
    assert office.do(forget, TODAY, 1) == 1
    assert office.feed().forgotten == Place(701, 1)
    assert office.do(forget, TODAY, 9) == 1
    assert office.do(forget, TODAY, 9) == 0
    assert office.feed().forgotten == Place(702, 2)
    assert office.all(Changed) == changes[2:]


def test_a_view_is_the_same_for_the_same_reach_alone():
    assert view_of(li) == view_of(person("li", Role.OFFICER))
    others = [person("li", Role.OFFICER, scope=THERE.code), person("li", Role.ANALYST), person("qian", Role.OFFICER)]
    assert len({view_of(each) for each in (li, *others)}) == 4
