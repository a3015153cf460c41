"""Photo evidence: photos are flagged for reuse, similarity, time and place; flags can reopen a fix on the spot."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from inspections.hazards.records import Hazard, State
from inspections.photos.actions.intake import PhotoMetadata, receive_photos, record_processed_photo
from inspections.photos.evidence import FLAGS, PhotoMatch, find_flags
from inspections.photos.records import Flag, PhotoDeclaration, PhotoReference, Stage
from inspections.places.coordinates import Point
from inspections.remediation.actions.photo_findings import examine_photos
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Attach, FixedOnSpot, Report
from tests.builders.office import HERE, NOW, Office, later, new_id, photo, wang

PLACE = Point(30.7706, 120.7550, "wgs84")
NEAR = Point(30.7730, 120.7550, "wgs84")  # 267 m north of it
FAR = Point(30.7800, 120.7550, "wgs84")  # 1045 m
HASH = 0x0F0F_3C3C_5A5A_9696


@pytest.fixture
def office():
    return Office()


def report_with_photos(office, *letters, category="EV-03", **facts):
    """Upload the photos and report a hazard with them."""
    office.do(receive_photos, wang, [photo(letter) for letter in letters], NOW)
    photos = facts.pop("photos", tuple(PhotoDeclaration(letter * 64, Stage.BEFORE) for letter in letters))
    facts = {"description": "飞线充电", "place": "3幢", "found_at": NOW, "photos": photos, **facts}
    report = Report(id=new_id(), community=HERE.code, category=category, **facts)
    return office.do(report_hazard, wang, report, NOW).reported.hazard


def examine(office):
    """Examine all pending photos; return the new flags by photo and hazard."""
    before = {each for each in office.all(PhotoReference) if each.examined}
    office.do(examine_photos, NOW, 99)
    after = {each for each in office.all(PhotoReference) if each.examined}
    return {(each.sha256[0], each.hazard): each.flags for each in after - before}


def test_a_sound_processed_photo_has_no_flag_and_is_examined_once(office):
    hazard = report_with_photos(office, "a")
    assert examine(office) == {}
    office.do(record_processed_photo, "a" * 64, PhotoMetadata(taken_at=NOW, point=None), HASH)
    assert examine(office) == {("a", hazard.id): ()}
    assert examine(office) == {}


def test_the_same_bytes_on_another_hazard_are_flagged_as_reused(office):
    first, second = report_with_photos(office, "a"), report_with_photos(office, "a")
    office.do(record_processed_photo, "a" * 64, PhotoMetadata())
    found = examine(office)
    assert found["a", second.id] == (Flag("reused", first.id, 0),)
    assert found["a", first.id] == (Flag("reused", second.id, 0),)


def test_a_similar_picture_on_another_hazard_is_flagged(office):
    first, second = report_with_photos(office, "a"), report_with_photos(office, "b")
    third = report_with_photos(office, "c")
    office.do(record_processed_photo, "a" * 64, PhotoMetadata(), HASH)
    assert examine(office)["a", first.id] == ()
    office.do(record_processed_photo, "b" * 64, PhotoMetadata(), HASH ^ 0b111111)
    office.do(record_processed_photo, "c" * 64, PhotoMetadata(), HASH ^ 0x7F00)
    found = examine(office)
    assert found["b", second.id] == (Flag("similar", first.id, 6),)
    assert found["c", third.id] == ()


def test_a_picture_without_a_hash_is_similar_to_no_other(office):
    first, second = report_with_photos(office, "a"), report_with_photos(office, "b")
    for letter in "ab":
        office.do(record_processed_photo, letter * 64, PhotoMetadata(), None)
    assert examine(office) == {("a", first.id): (), ("b", second.id): ()}


def test_a_declared_digest_without_an_upload_is_not_examined(office):
    """A person who names somebody else's photo learns nothing about it and causes no flag on it."""
    hazard = report_with_photos(office, "a", photos=(PhotoDeclaration("b" * 64, Stage.BEFORE),))
    office.keep(photo("b"))
    office.do(record_processed_photo, "b" * 64, PhotoMetadata())
    assert hazard.id
    assert examine(office) == {}


def report_fixed_on_spot(office, *, before="a", after="b", **facts):
    photos = (PhotoDeclaration(before * 64, Stage.BEFORE), PhotoDeclaration(after * 64, Stage.AFTER))
    spot = FixedOnSpot(method="清理", quantity_done=1)
    return next(
        hazard
        for hazard in (
            report_with_photos(
                office, *{before, after}, photos=photos, fixed_on_spot=spot, place=f"{number}幢", **facts
            )
            for number in range(30)
        )
        if hazard.state is State.CLOSED  # and not selected at random
    )


def test_an_unchanged_picture_selects_a_fix_on_the_spot_for_recheck(office):
    hazard = report_fixed_on_spot(office)
    office.do(record_processed_photo, "a" * 64, PhotoMetadata(), HASH)
    office.do(record_processed_photo, "b" * 64, PhotoMetadata(), HASH ^ 0b11)
    office.do(examine_photos, later(minutes=1), 99)
    own = [each for each in office.all(PhotoReference) if each.hazard == hazard.id]
    assert {flag.kind for each in own for flag in each.flags} >= {"unchanged"}
    drawn = office.hazard(hazard.id)
    assert (drawn.state, drawn.outcome, drawn.closed_at, drawn.quantity_done) == (State.PENDING_RECHECK, None, None, 0)
    assert drawn.recheck_due_at is not None
    line = office.history(hazard.id)[-1]
    assert (line.step, line.by, line.seq) == ("draw", "system", drawn.history_length)
    assert "unchanged" in line.facts["flags"]
    for each in own:  # a second examination does not select it again
        office.keep(replace(each, examined=False))
    office.do(examine_photos, later(minutes=2), 99)
    assert office.hazard(hazard.id) == drawn


def test_a_hazard_a_person_has_checked_is_not_selected_for_recheck(office):
    hazard = report_fixed_on_spot(office)
    step = Attach(id=new_id(), version=1, photos=(PhotoDeclaration("c" * 64, Stage.RECHECK),))
    office.do(take_step, wang, hazard.id, step, NOW)
    for letter in "ab":
        office.do(record_processed_photo, letter * 64, PhotoMetadata(oddities=("clock",)))
    assert any(examine(office).values())
    assert office.hazard(hazard.id).state is State.CLOSED


def test_a_hazard_that_a_person_checks_meanwhile_is_not_selected_for_recheck(office):
    """The hazards of a batch are read without locks; the one to be changed is locked and checked again."""
    hazard = report_fixed_on_spot(office)
    for letter in "ab":
        office.do(record_processed_photo, letter * 64, PhotoMetadata(oddities=("clock",)))
    before = [office.hazard(each.id) for each in office.all(Hazard)]
    step = Attach(id=new_id(), version=1, photos=(PhotoDeclaration("c" * 64, Stage.RECHECK),))
    office.do(take_step, wang, hazard.id, step, NOW)
    office.hazards = lambda ids: [each for each in before if each.id in ids]
    assert any(examine(office).values())
    assert office.hazard(hazard.id).state is State.CLOSED


def test_two_stages_from_the_same_spot_may_be_alike(office):
    mention, hazard = reference_and_hazard(office, Stage.AFTER)
    alike = PhotoMatch(mention.hazard, None, Stage.BEFORE, "b" * 64, mention.at, 5)
    assert find_flags(mention, photo("a"), hazard, [alike]) == ()
    assert find_flags(mention, photo("a"), hazard, [alike._replace(bits=2)]) == (Flag("unchanged", amount=2),)
    again = PhotoMatch(mention.hazard, None, mention.stage, mention.sha256, mention.at, 0)
    assert find_flags(mention, photo("a"), hazard, [again]) == ()


def reference_and_hazard(office, stage=Stage.BEFORE, **facts):
    hazard = report_with_photos(office, "a", point=facts.pop("place", None))
    mention = PhotoReference(new_id(), "a" * 64, stage, hazard.id, "wang", later(hours=3), **facts)
    return mention, replace(hazard, submitted_at=later(hours=2))


@pytest.mark.parametrize(
    ("stage", "taken", "expected"),
    [
        (Stage.BEFORE, timedelta(hours=-23), ()),
        (Stage.BEFORE, timedelta(hours=-30), (Flag("taken_early", amount=6),)),
        (Stage.BEFORE, timedelta(hours=3, minutes=50), ()),
        (Stage.BEFORE, timedelta(hours=6), (Flag("taken_late", amount=3),)),
        (Stage.AFTER, timedelta(hours=-1), ()),
        (Stage.AFTER, timedelta(hours=-4), (Flag("taken_early", amount=2),)),
        (Stage.RECHECK, timedelta(minutes=30), ()),
        (Stage.RECHECK, timedelta(hours=-5), (Flag("taken_early", amount=5),)),
    ],
)
def test_a_photo_taken_far_from_its_step_s_time_is_flagged(office, stage, taken, expected):
    mention, hazard = reference_and_hazard(office, stage)
    developed_photo = replace(photo("a"), taken_at=NOW + taken, received_at=later(days=9))
    assert find_flags(mention, developed_photo, hazard, ()) == expected
    by_phone = replace(mention, taken_at=NOW + taken)
    assert find_flags(by_phone, photo("a"), hazard, ()) == expected


def test_a_photo_taken_after_it_was_received_is_flagged(office):
    mention, hazard = reference_and_hazard(office)
    tomorrow = replace(photo("a"), taken_at=later(days=1))
    assert find_flags(mention, tomorrow, hazard, ()) == (Flag("clock"),)
    assert find_flags(mention, replace(photo("a"), oddities=("clock", "position")), hazard, ()) == (
        Flag("clock"),
        Flag("position"),
    )


@pytest.mark.parametrize(
    ("place", "point", "photo_point", "far"),
    [
        (None, FAR, None, None),
        (PLACE, None, None, None),
        (PLACE, NEAR, None, None),
        (PLACE, FAR, None, 1045),
        (PLACE, None, FAR, 1045),
        (PLACE, NEAR, FAR, None),
        (PLACE, replace(FAR, accuracy_m=600), None, None),
        (replace(PLACE, accuracy_m=600), FAR, None, None),
    ],
)
def test_a_photo_taken_far_from_the_hazard_is_flagged(office, place, point, photo_point, far):
    mention, hazard = reference_and_hazard(office, point=photo_point, place=place)
    expected = () if far is None else (Flag("far", amount=far),)
    assert find_flags(mention, replace(photo("a"), point=point), hazard, ()) == expected


def test_every_flag_has_a_text():
    assert set(FLAGS) == {"reused", "similar", "unchanged", "taken_early", "taken_late", "far", "clock", "position"}


def test_a_missing_hazard_or_photo_is_skipped(office):
    """A lost hazard or photo, which no store should have, does not stop the examination of the others."""
    hazard = report_with_photos(office, "a")
    office.do(record_processed_photo, "a" * 64, PhotoMetadata())
    kept = office.hazard(hazard.id)
    office.hazard, office.hazards = lambda _: None, lambda _: []
    assert office.do(examine_photos, NOW, 9) == 1
    office.hazard, office.hazards = lambda _: kept, lambda _: [kept]
    office.photo, office.photos, photo_of = lambda _: None, lambda _: {}, office.photo
    office.unexamined_photos = lambda _: [each for each in office.all(PhotoReference) if not each.examined]
    office.do(examine_photos, NOW, 9)
    assert photo_of("a" * 64)
    assert [each.flags for each in office.all(PhotoReference)] == [()]
