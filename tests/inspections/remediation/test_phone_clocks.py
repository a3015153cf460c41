"""Proves that a wrong clock or an empty position of a phone costs no report, and is noted."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inspections.errors import IdConflict
from inspections.hazards.history import erasable_texts
from inspections.photos.records import PhotoDeclaration, Stage
from inspections.places.coordinates import Point
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.phone_clocks import AHEAD_TOLERANCE, FAR_BEHIND, settle_time
from inspections.remediation.steps import Note, Report
from tests.builders.office import NOW, Office, later, li, new_id, wang
from tests.builders.reports import report

IMPOSSIBLE = ["0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00", "1969-12-31T23:59:59Z", "3000-01-01T00:00:00Z"]
AHEAD = ["2026-11-23T09:05:01+08:00", "2028-11-23T09:00:00+08:00"]


def sent_report(**facts):
    return msgspec.convert(msgspec.to_builtins(report()) | facts, Report)


@pytest.mark.parametrize("found_at", IMPOSSIBLE + AHEAD)
def test_a_clock_that_cannot_be_right_is_replaced_by_the_server_s_and_noted(found_at):
    office = Office()
    sent = sent_report(found_at=found_at)
    hazard = office.do(report_hazard, wang, sent, NOW).reported.hazard
    (line,) = office.history(hazard.id)
    assert hazard.found_at == NOW
    assert msgspec.convert(line.facts["found_at"], datetime) == NOW
    assert msgspec.convert(line.facts["found_at_sent"], datetime) == sent.found_at
    assert line.facts["found_at_difference_s"] == (sent.found_at - NOW).total_seconds()


@pytest.mark.parametrize("found_at", ["1970-01-01T08:00:00+08:00", "2020-01-01T00:00:00+08:00"])
def test_a_time_years_ago_is_kept_and_noted(found_at):
    office = Office()
    hazard = office.do(report_hazard, wang, sent_report(found_at=found_at), NOW).reported.hazard
    (line,) = office.history(hazard.id)
    assert hazard.found_at == datetime.fromisoformat(found_at)
    assert line.facts["found_at_difference_s"] == (hazard.found_at - NOW).total_seconds()
    assert "found_at_sent" not in line.facts


@pytest.mark.parametrize("apart", [AHEAD_TOLERANCE, timedelta(0), -timedelta(days=300), -FAR_BEHIND])
def test_a_plausible_time_is_kept_without_a_note(apart):
    office = Office()
    hazard = office.do(report_hazard, wang, report(found_at=NOW + apart), NOW).reported.hazard
    (line,) = office.history(hazard.id)
    assert hazard.found_at == NOW + apart
    assert not [name for name in line.facts if name.endswith(("_sent", "_difference_s"))]


@pytest.mark.parametrize("found_at", [*IMPOSSIBLE, *AHEAD, "1970-01-01T08:00:00+08:00"])
def test_a_repeated_report_is_compared_with_what_was_sent(found_at):
    office = Office()
    first = sent_report(found_at=found_at, point={"lat": 0, "lon": 0, "crs": "gcj02"})
    office.do(report_hazard, wang, first, NOW)
    assert office.do(report_hazard, wang, first, later(days=2)).repeated
    for other in (replace(first, found_at=NOW), replace(first, point=None)):
        with pytest.raises(IdConflict):
            office.do(report_hazard, wang, other, NOW)


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-14))])))
def test_any_time_is_kept_or_noted_and_never_in_the_future(sent):
    kept, difference = settle_time(sent, NOW)
    assert kept - NOW <= AHEAD_TOLERANCE
    assert kept.year in range(1970, 3000)
    assert difference is not None or kept == sent


def test_a_point_at_zero_is_no_point():
    office = Office()
    null = Point(0.0, -0.0, "gcj02", 30)
    photos = (PhotoDeclaration("a" * 64, Stage.BEFORE, point=null),)
    hazard = office.do(report_hazard, wang, report(point=null, photos=photos), NOW).reported.hazard
    (line,) = office.history(hazard.id)
    (declared,) = office.do(report_hazard, wang, report(point=null, photos=photos), NOW).reported.photos
    assert (hazard.point, hazard.cell, declared.mention.point) == (None, None, None)
    assert "point" not in line.facts
    assert line.facts["point_sent"] == {"lat": 0, "lon": 0, "crs": "gcj02", "accuracy_m": 30}
    assert "point" in line.facts["photos"][0]


def test_a_point_on_the_equator_is_a_point():
    office = Office()
    for point in (Point(0, 120, "wgs84"), Point(30, 0, "wgs84")):
        assert office.do(report_hazard, wang, report(point=point), NOW).reported.hazard.point == point


@pytest.mark.parametrize("taken_at", IMPOSSIBLE)
def test_a_photo_with_a_time_that_no_clock_has_is_like_one_without(taken_at):
    office = Office()
    photos = [{"sha256": "a" * 64, "stage": "before", "taken_at": taken_at}]
    reported = office.do(report_hazard, wang, sent_report(photos=photos), NOW).reported
    assert [each.mention.taken_at for each in reported.photos] == [None]
    assert office.history(reported.hazard.id)[0].facts["photos"][0]["taken_at"]


@pytest.mark.parametrize("made_at", IMPOSSIBLE + AHEAD)
def test_a_step_is_taken_whatever_its_phone_says_and_can_be_repeated(made_at):
    office = Office()
    hazard = office.do(report_hazard, wang, report(), NOW).reported.hazard
    step = Note(id=new_id(), version=1, note="看过", made_at=msgspec.convert(made_at, datetime))
    office.do(take_step, li, hazard.id, step, NOW)
    line = office.history(hazard.id)[-1]
    assert msgspec.convert(line.facts["made_at"], datetime) == NOW
    assert msgspec.convert(line.facts["made_at_sent"], datetime) == step.made_at
    assert office.do(take_step, li, hazard.id, step, later(hours=1)).hazard.version == 2
    with pytest.raises(IdConflict):
        office.do(take_step, li, hazard.id, replace(step, made_at=NOW), NOW)


def test_the_notes_are_no_erasable_texts():
    office = Office()
    found = sent_report(found_at=AHEAD[0], point={"lat": 0, "lon": 0, "crs": "wgs84"})
    hazard = office.do(report_hazard, wang, found, NOW).reported.hazard
    (line,) = office.history(hazard.id)
    assert not [path for path in erasable_texts(line.facts) if path.startswith(("found_at", "point"))]
