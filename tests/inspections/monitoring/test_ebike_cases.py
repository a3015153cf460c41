"""E-bikes that cameras and lifts see: an alert check in EB-02 with the picture, a hazard once a visit confirms it."""

from datetime import timedelta

import pytest

from inspections.errors import InvalidInput
from inspections.hazards.history import find_history_defects
from inspections.hazards.measures import hazard_measures, measure_differences
from inspections.hazards.records import Hazard, State
from inspections.monitoring.actions.cases import MAX_DEVICE_PHOTOS
from inspections.monitoring.actions.devices import register_monitor
from inspections.monitoring.alerts import Metric
from inspections.monitoring.devices import Monitor
from inspections.photos.records import PhotoReference, Stage, UploadReceipt
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Assign, SetCause, Start, SubmitFix, Verify
from tests.builders.histories import history_summary
from tests.builders.monitoring import gao, message, new_monitor, receive_messages
from tests.builders.office import NOW, Office, li, new_id, photo, photo_declaration, zhao

MINUTE = timedelta(minutes=1)
A, B = "a" * 64, "b" * 64


@pytest.fixture
def office():
    office = Office()
    office.do(register_monitor, gao, new_monitor(kind="lift", name="1幢电梯", place="1幢电梯轿厢"), "secret", NOW)
    return office


def see_ebike(office, picture=None, now=NOW, value=1.0):
    (verdict,) = receive_messages(office, message(value, Metric.EBIKE, photo=picture), now=now)
    return verdict


def take(office, who, step, hazard, **fields):
    return office.do(take_step, who, hazard.id, step(id=new_id(), version=hazard.version, **fields), NOW).hazard


def pictures(office):
    return [(each.sha256, each.stage, each.by) for each in office.all(PhotoReference)]


def test_an_ebike_in_a_lift_opens_a_case_with_the_picture(office):
    verdict = see_ebike(office, A)
    hazard = office.hazard(verdict.hazard)
    assert (verdict.result, hazard.category, hazard.state) == ("opened", "EB-02", State.ACCEPTED)
    assert hazard.description == "1幢电梯：识别到电动自行车 1 辆"
    assert hazard.due_at == NOW + timedelta(hours=24)
    assert pictures(office) == [(A, Stage.BEFORE, office.get(Monitor, "A-1").sender.username)]
    assert not list(find_history_defects(history_summary(hazard), office.history(hazard.id)))


def test_the_picture_is_the_devices_own_or_missing(office):
    sender = office.get(Monitor, "A-1").sender.username
    office.keep(photo("a"), UploadReceipt(A, sender, NOW), photo("b"), UploadReceipt(B, "device:other", NOW))
    hazard = office.hazard(see_ebike(office, A).hazard)
    see_ebike(office, B, NOW + MINUTE)
    shown = {each.mention.sha256: each.photo is not None for each in office.declared_photos([hazard.id])}
    assert shown == {A: True, B: False}


def test_pictures_of_later_alarms_are_added_up_to_a_limit(office):
    first = see_ebike(office)
    for at in range(20):
        assert see_ebike(office, f"{at % 12:064x}", NOW + at * MINUTE).hazard == first.hazard
    assert len(pictures(office)) == MAX_DEVICE_PHOTOS
    hazard = office.hazard(first.hazard)
    assert [line.step for line in office.history(hazard.id)] == ["alert", "accept", *["attach"] * MAX_DEVICE_PHOTOS]
    assert not list(find_history_defects(history_summary(hazard), office.history(hazard.id)))


def test_two_pictures_in_one_transaction_are_both_added(office):
    one, two = (message(1.0, Metric.EBIKE, photo=each) for each in (A, B))
    receive_messages(office, one, two, two)
    assert [sha for sha, _, _ in pictures(office)] == [A, B]


def test_an_alert_check_counts_as_no_hazard_until_its_cause_is_set(office):
    hazard = office.hazard(see_ebike(office, A).hazard)
    assert hazard.is_alert_check
    assert hazard_measures(hazard) == {}
    with pytest.raises(InvalidInput):
        take(office, li, SetCause, hazard, category="EL-05", reason="核实")
    known = take(office, li, SetCause, hazard, category="EB-02", reason="现场有车", vehicle_standard="old")
    assert (known.category, known.is_alert_check, known.vehicle_standard) == ("EB-02", False, "old")
    assert hazard_measures(known)["received"] == hazard_measures(known)["old_standard"] == 1
    assert sum(counts.get("received", 0) for counts in measure_differences([(hazard, known)]).values()) == 1
    with pytest.raises(InvalidInput, match="类别没有变化"):
        take(office, li, SetCause, known, category="EB-02", reason="again")


def test_a_fix_confirms_the_alarm_of_a_camera(office):
    hazard = office.hazard(see_ebike(office, A).hazard)
    hazard = take(office, li, Assign, hazard, lead="zhao")
    hazard = take(office, zhao, Start, hazard)
    fix = {"method": "劝离", "quantity_done": 1, "photos": (photo_declaration("c", Stage.AFTER),)}
    fixed = take(office, zhao, SubmitFix, hazard, **fix, vehicle_standard="new")
    assert (fixed.is_alert_check, fixed.found_category, fixed.vehicle_standard) == (False, "EB-02", "new")


def test_a_fix_sets_no_cause_behind_a_meters_alarm(office):
    (verdict,) = receive_messages(office, message(95.0, Metric.TEMPERATURE))
    hazard = take(office, li, Assign, office.hazard(verdict.hazard), lead="zhao")
    hazard = take(office, zhao, Start, hazard)
    fix = {"method": "更换线路", "quantity_done": 1, "photos": (photo_declaration("c", Stage.AFTER),)}
    assert take(office, zhao, SubmitFix, hazard, **fix).is_alert_check


def test_a_wrong_recognition_ends_as_a_false_alarm_and_takes_no_more_pictures(office):
    hazard = office.hazard(see_ebike(office, A).hazard)
    closed = take(office, li, Verify, hazard, outcome="false_alarm", note="是婴儿车")
    assert hazard_measures(closed) == {}
    again = see_ebike(office, B, NOW + MINUTE)
    assert (again.result, office.hazard(again.hazard).recurrence_of) == ("opened", closed.id)
    assert len(office.all(Hazard)) == 2


def test_the_lift_without_an_ebike_is_normal_and_clears_the_alert(office):
    assert see_ebike(office, value=0.0).result == "normal"
    see_ebike(office, now=NOW + MINUTE)
    assert see_ebike(office, value=0.0, now=NOW + 2 * MINUTE).result == "cleared"
