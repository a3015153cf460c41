"""On reporting, hazards that may be the same one are named: near, open, recent, and the reporter's to see."""

import pytest
from msgspec.structs import replace

from inspections.accounts.people import Grant, Person, Role
from inspections.hazards.records import Candidate, State
from inspections.places.coordinates import Point
from inspections.remediation.actions.reporting import report_hazard
from tests.builders.office import HERE, NOW, THERE, Office, later, li, wang, zhou
from tests.builders.reports import report

POINT = Point(30.7706, 120.7550, "wgs84")


def north(metres, **facts):
    return replace(POINT, lat=POINT.lat + metres / 111_195, **facts)


def reported(office, at=NOW, by=wang, **facts):
    return office.do(report_hazard, by, report(**facts), at)


def similar(office, at=NOW, by=wang, **facts):
    return [each.id for each in reported(office, at, by, **facts).similar]


def test_the_same_place_is_named_however_it_was_written():
    office = Office()
    first = reported(office, place="3号楼 2单元").dossier.hazard
    again = reported(office, later(hours=1), place="三幢2单元")
    assert again.similar == [Candidate(first.id, first.number, State.REPORTED, None, same_place=True)]
    assert similar(office, place="4幢2单元") == []
    assert similar(office, place="3幢2单元", category="EB-01") == []
    assert similar(office, by=zhou, place="3幢2单元", community=THERE.code) == []


@pytest.mark.parametrize(
    ("metres", "accuracy", "named"),
    [(95, None, True), (105, None, False), (140, 25.0, True), (160, 25.0, False), (195, 5e3, True), (205, 5e4, False)],
)
def test_what_is_near_is_named_as_far_as_the_points_are_exact(metres, accuracy, named):
    office = Office()
    reported(office, place="东门", point=replace(POINT, accuracy_m=accuracy))
    found = reported(office, place="车棚", point=north(metres, accuracy_m=accuracy)).similar
    assert [(each.distance_m, each.same_place) for each in found] == ([(metres, False)] if named else [])


def test_a_point_is_near_in_whatever_system_it_came():
    office = Office()
    first = reported(office, place="东门", point=Point(30.7682, 120.7594, "gcj02")).dossier.hazard
    device = reported(office, place="车棚", point=Point(30.7706, 120.7550, "wgs84")).similar
    assert [each.id for each in device] == [first.id]
    assert device[0].distance_m < 100


def test_without_a_point_only_the_words_count():
    office = Office()
    reported(office, place="东门", point=POINT)
    assert similar(office, place="车棚") == []
    assert reported(office, place="东门").similar[0].distance_m is None


def test_only_what_is_open_and_not_older_than_three_days():
    office = Office()
    first = reported(office).dossier.hazard
    assert similar(office, later(hours=72)) == [first.id]
    assert first.id not in similar(office, later(hours=72, microseconds=1))
    for state in (State.REJECTED, State.DUPLICATE, State.CLOSED, State.CANCELLED):
        office.keep(replace(first, state=state))
        assert first.id not in similar(office, later(hours=1))


def test_the_same_place_comes_first_then_the_nearest_then_the_newest():
    office = Office()
    far = reported(office, place="东门", point=north(60)).dossier.hazard
    old = reported(office, place="西门", point=north(30)).dossier.hazard
    new = reported(office, later(hours=1), place="南门", point=north(30)).dossier.hazard
    same = reported(office, place="车棚", point=north(3000)).dossier.hazard
    newer = reported(office, later(hours=1), place="车 棚").dossier.hazard
    last = later(hours=2)
    assert similar(office, last, place="车棚", point=POINT) == [newer.id, same.id, new.id, old.id, far.id]
    assert len(similar(office, last, place="车棚", point=POINT)) == 5


def test_across_the_border_only_to_whom_both_sides_are_theirs():
    office = Office()
    foreign = reported(office, by=zhou, community=THERE.code, place="东门", point=POINT).dossier.hazard
    assert similar(office, place="西门", point=north(20)) == []
    both = Person("both", "both", (Grant(Role.INSPECTOR, HERE.code), Grant(Role.OFFICER, THERE.code)), "-")
    office.keep(both)
    assert foreign.id in similar(office, by=both, place="北门", point=north(20))


def test_a_report_sent_again_by_who_has_left_names_nothing():
    office = Office()
    reported(office, by=li)
    body = report()
    assert len(office.do(report_hazard, wang, body, NOW).similar) == 1
    elsewhere = Person("wang", "wang", (Grant(Role.INSPECTOR, THERE.code),), "-")
    assert office.do(report_hazard, elsewhere, body, NOW).similar == []
