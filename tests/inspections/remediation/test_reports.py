import msgspec
import pytest
from msgspec.structs import replace

from inspections.accounts.people import Role
from inspections.errors import DamagedPhoto, Forbidden, IdConflict, IdOwnerConflict, InvalidInput, NotFound
from inspections.hazards.records import Outcome, State
from inspections.photos.actions.intake import receive_photos
from inspections.photos.records import PhotoState, Stage
from inspections.remediation.actions.photo_damage import record_damage
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.steps import FixedOnSpot, Report
from tests.builders.office import (
    HERE,
    NOW,
    THERE,
    Office,
    chen,
    later,
    li,
    new_id,
    person,
    photo,
    photo_declaration,
    wang,
    zhou,
)
from tests.builders.reports import report, report_new_hazard
from tests.builders.steps import accepted_hazard


def test_a_report_becomes_a_numbered_hazard_with_a_clock_for_its_acceptance():
    office = Office()
    hazard = report_new_hazard(office)
    assert (hazard.state, hazard.version, hazard.number) == (State.REPORTED, 1, "XJ-2026-000001")
    assert hazard.accept_due_at == later(hours=5, minutes=30)
    assert hazard.due_at is None
    assert [line.step for line in office.history(hazard.id)] == ["report"]
    assert report_new_hazard(office).number == "XJ-2026-000002"


def test_a_street_without_an_abbreviation_is_numbered_by_its_code():
    office = Office()
    office.records = {
        key: record for key, record in office.records.items() if getattr(record, "code", "") != HERE.street
    }
    assert report_new_hazard(office).number == "330402009-2026-000001"


def test_a_retried_report_returns_the_same_hazard():
    office = Office()
    first = report()
    hazard = office.do(report_hazard, wang, first, NOW).reported.hazard
    again = office.do(report_hazard, wang, first, later(hours=1))
    assert again.repeated
    assert again.reported.hazard == hazard


def test_a_retry_is_answered_after_the_reporter_lost_the_community():
    office = Office()
    first = report()
    office.do(report_hazard, wang, first, NOW)
    moved_on = replace(wang, grants=zhou.grants)
    assert office.do(report_hazard, moved_on, first, NOW).repeated


def test_a_used_id_with_other_facts_is_refused_with_the_differing_fields():
    office = Office()
    first = report()
    office.do(report_hazard, wang, first, NOW)
    with pytest.raises(IdConflict) as refused:
        office.do(report_hazard, wang, replace(first, place="4幢", quantity=2), NOW)
    assert refused.value.facts == {"fields": ["place", "quantity"]}


def test_times_are_compared_as_instants_not_as_text():
    office = Office()
    body = msgspec.to_builtins(report())
    office.do(report_hazard, wang, msgspec.convert({**body, "found_at": "2026-11-23T09:00:00+08:00"}, Report), NOW)
    same = msgspec.convert({**body, "found_at": "2026-11-23T01:00:00Z"}, Report)
    assert office.do(report_hazard, wang, same, NOW).repeated


def test_an_id_used_by_another_person_is_refused_without_details():
    office = Office()
    first = report()
    office.do(report_hazard, wang, first, NOW)
    with pytest.raises(IdOwnerConflict) as refused:
        office.do(report_hazard, li, first, NOW)
    assert refused.value.facts == {}


def test_a_step_s_id_cannot_name_a_report():
    office = Office()
    hazard = accepted_hazard(office)
    used = office.history(hazard.id)[-1].id
    officer_report = replace(report(), id=used)
    with pytest.raises(IdConflict):
        office.do(report_hazard, li, officer_report, NOW)


def test_an_unknown_and_a_foreign_community_get_the_same_error():
    office = Office()
    facts = []
    for code in ("999999999999", THERE.code):
        with pytest.raises(NotFound) as refused:
            office.do(report_hazard, wang, report(community=code), NOW)
        facts.append((refused.value.code, refused.value.facts, str(refused.value)))
    assert facts[0] == facts[1]


def test_an_analyst_may_not_report():
    with pytest.raises(Forbidden):
        Office().do(report_hazard, chen, report(), NOW)


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"category": "XX-00"}, "category"),
        ({"category": "EL-05"}, "category"),
        ({"photos": ()}, "photos"),
        ({"fixed_on_spot": FixedOnSpot("清理", 1)}, "photos"),
        ({"fixed_on_spot": FixedOnSpot("清理", 1), "photos": (photo_declaration("b", Stage.AFTER),)}, "photos"),
        (
            {
                "fixed_on_spot": FixedOnSpot("清理", 2),
                "photos": (photo_declaration("a"), photo_declaration("b", Stage.AFTER)),
            },
            "fixed_on_spot.quantity_done",
        ),
        (
            {
                "category": "OT-99",
                "fixed_on_spot": FixedOnSpot("清理", 1),
                "photos": (photo_declaration("a"), photo_declaration("b", Stage.AFTER)),
            },
            "fixed_on_spot",
        ),
    ],
)
def test_an_incomplete_report_is_refused(facts, field):
    with pytest.raises(InvalidInput) as refused:
        Office().do(report_hazard, wang, report(**facts), NOW)
    assert field in [error.field for error in refused.value.facts["errors"]]


def test_an_officer_can_report_and_is_named_as_the_source():
    office = Office()
    assert report_new_hazard(office, by=li).source == "officer"
    both = person("both", Role.OFFICER, Role.INSPECTOR)
    assert report_new_hazard(office, by=both).source == "inspector"


def test_photos_uploaded_earlier_are_present_and_others_are_missing():
    office = Office()
    office.do(receive_photos, wang, [photo("a")], NOW)
    answer = office.do(report_hazard, wang, report(photos=(photo_declaration("a"), photo_declaration("b"))), NOW)
    assert [each.is_present for each in answer.reported.photos] == [True, False]


def test_photos_sent_with_the_report_are_present():
    office = Office()
    answer = office.do(report_hazard, wang, report(), NOW, [photo("a")])
    assert answer.reported.photos[0].is_present
    assert office.receipt("a" * 64, "wang")


def test_a_digest_uploaded_by_a_stranger_gives_no_access_to_the_photo():
    office = Office()
    office.do(receive_photos, zhou, [photo("a")], NOW)
    office.do(report_hazard, zhou, report(community=THERE.code), NOW)
    answer = office.do(report_hazard, wang, report(), NOW)
    assert not answer.reported.photos[0].is_present


def test_a_photo_already_visible_to_the_reporter_is_shown_without_a_receipt():
    office = Office()
    office.do(report_hazard, wang, report(), NOW, [photo("a")])
    assert office.do(report_hazard, li, report(), NOW).reported.photos[0].is_present
    assert office.receipt("a" * 64, "li") is None


def test_a_retried_report_is_answered_after_its_photo_proved_damaged():
    office = Office()
    first = report()
    office.do(report_hazard, wang, first, NOW, [photo("a")])
    office.do(record_damage, "a" * 64, NOW)
    again = office.do(report_hazard, wang, first, NOW, [photo("a")])
    assert again.repeated
    assert not again.reported.photos[0].is_present


def test_bytes_that_proved_damaged_are_refused():
    office = Office()
    office.keep(photo("a", PhotoState.DAMAGED))
    with pytest.raises(DamagedPhoto):
        office.do(report_hazard, wang, report(), NOW, [photo("a")])


def report_fixed_on_spot(office, category="EV-03", quantity=1, done=1, photos=("a", "b"), chance=None):
    arrived = [photo(digit) for digit in photos]
    body = report(
        id=chance or new_id(),
        category=category,
        quantity=quantity,
        photos=(photo_declaration("a"), photo_declaration("b", Stage.AFTER)),
        fixed_on_spot=FixedOnSpot("当场清理", done),
    )
    return office.do(report_hazard, wang, body, NOW, arrived).reported.hazard


def test_most_fixes_on_the_spot_close_at_once_and_a_sample_is_rechecked():
    office = Office()
    hazards = [report_fixed_on_spot(office) for _ in range(300)]
    closed = [hazard for hazard in hazards if hazard.state is State.CLOSED]
    assert all(hazard.outcome is Outcome.FIXED and hazard.quantity_done == 1 for hazard in closed)
    assert 8 < 300 - len(closed) < 60  # a tenth
    assert all(hazard.recheck_due_at for hazard in hazards if hazard.state is State.PENDING_RECHECK)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"category": "EB-01"}, "urgent"),
        ({"category": "MU-01"}, "major"),
        ({"quantity": 2}, "partial"),
        ({"photos": ("a",)}, "photos_missing"),
    ],
)
def test_a_doubtful_fix_on_the_spot_needs_a_recheck(facts, reason):
    office = Office()
    hazard = report_fixed_on_spot(office, **facts)
    assert hazard.state is State.PENDING_RECHECK
    line = office.history(hazard.id)[-1]
    assert line.step == "fix_on_spot"
    assert reason in line.facts["recheck"]


def test_a_demo_hazard_is_marked_as_demo():
    office = Office()
    assert office.do(report_hazard, wang, report(), NOW, demo=True).reported.hazard.demo
