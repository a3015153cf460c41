"""Duplicate candidates: a report names near, open and recent hazards that the reporter may see."""

import pytest
from msgspec.structs import replace

from inspections.accounts.people import Grant, Person, Role
from inspections.hazards.records import DuplicateCandidate, State
from inspections.places.coordinates import Point
from inspections.remediation.actions.reporting import report_hazard
from tests.builders.office import HERE, NOW, THERE, Office, later, li, wang, zhou
from tests.builders.reports import report

POINT = Point(30.7706, 120.7550, "wgs84")


def point_north(metres, **facts):
    return replace(POINT, lat=POINT.lat + metres / 111_195, **facts)


def submit_report(office, at=NOW, by=wang, **facts):
    return office.do(report_hazard, by, report(**facts), at)


def similar_ids(office, at=NOW, by=wang, **facts):
    return [each.id for each in submit_report(office, at, by, **facts).similar]


def test_a_hazard_at_the_same_place_is_a_candidate_in_any_spelling():
    office = Office()
    first = submit_report(office, place="3号楼 2单元").reported.hazard
    again = submit_report(office, later(hours=1), place="三幢2单元")
    assert again.similar == [DuplicateCandidate(first.id, first.number, State.REPORTED, None, same_place=True)]
    assert similar_ids(office, place="4幢2单元") == []
    assert similar_ids(office, place="3幢2单元", category="EB-01") == []
    assert similar_ids(office, by=zhou, place="3幢2单元", community=THERE.code) == []


@pytest.mark.parametrize(
    ("metres", "accuracy", "named"),
    [(95, None, True), (105, None, False), (140, 25.0, True), (160, 25.0, False), (195, 5e3, True), (205, 5e4, False)],
)
def test_a_near_hazard_is_a_candidate_within_the_accuracy_of_the_points(metres, accuracy, named):
    office = Office()
    submit_report(office, place="东门", point=replace(POINT, accuracy_m=accuracy))
    found = submit_report(office, place="车棚", point=point_north(metres, accuracy_m=accuracy)).similar
    assert [(each.distance_m, each.same_place) for each in found] == ([(metres, False)] if named else [])


def test_points_are_compared_across_coordinate_systems():
    office = Office()
    first = submit_report(office, place="东门", point=Point(30.7682, 120.7594, "gcj02")).reported.hazard
    device = submit_report(office, place="车棚", point=Point(30.7706, 120.7550, "wgs84")).similar
    assert [each.id for each in device] == [first.id]
    assert device[0].distance_m < 100


def test_without_a_point_only_the_place_text_is_compared():
    office = Office()
    submit_report(office, place="东门", point=POINT)
    assert similar_ids(office, place="车棚") == []
    assert submit_report(office, place="东门").similar[0].distance_m is None


def test_only_open_hazards_of_the_last_three_days_are_candidates():
    office = Office()
    first = submit_report(office).reported.hazard
    assert similar_ids(office, later(hours=72)) == [first.id]
    assert first.id not in similar_ids(office, later(hours=72, microseconds=1))
    for state in (State.REJECTED, State.DUPLICATE, State.CLOSED, State.CANCELLED):
        office.keep(replace(first, state=state))
        assert first.id not in similar_ids(office, later(hours=1))


def test_candidates_are_sorted_by_same_place_distance_and_age():
    office = Office()
    far = submit_report(office, place="东门", point=point_north(60)).reported.hazard
    old = submit_report(office, place="西门", point=point_north(30)).reported.hazard
    new = submit_report(office, later(hours=1), place="南门", point=point_north(30)).reported.hazard
    same = submit_report(office, place="车棚", point=point_north(3000)).reported.hazard
    newer = submit_report(office, later(hours=1), place="车 棚").reported.hazard
    last = later(hours=2)
    assert similar_ids(office, last, place="车棚", point=POINT) == [newer.id, same.id, new.id, old.id, far.id]
    assert len(similar_ids(office, last, place="车棚", point=POINT)) == 5


def test_candidates_of_another_community_need_a_role_in_both():
    office = Office()
    foreign = submit_report(office, by=zhou, community=THERE.code, place="东门", point=POINT).reported.hazard
    assert similar_ids(office, place="西门", point=point_north(20)) == []
    both = Person("both", "both", (Grant(Role.INSPECTOR, HERE.code), Grant(Role.OFFICER, THERE.code)), "-")
    office.keep(both)
    assert foreign.id in similar_ids(office, by=both, place="北门", point=point_north(20))


def test_a_retried_report_of_a_former_inspector_names_no_candidates():
    office = Office()
    submit_report(office, by=li)
    body = report()
    assert len(office.do(report_hazard, wang, body, NOW).similar) == 1
    elsewhere = Person("wang", "wang", (Grant(Role.INSPECTOR, THERE.code),), "-")
    assert office.do(report_hazard, elsewhere, body, NOW).similar == []
