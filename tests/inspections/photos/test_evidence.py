"""What speaks against a photo: reuse, likeness, time and place; and what follows for a fix that closed by itself."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from inspections.hazards.records import State
from inspections.photos.actions.intake import Facts, developed, receive_photos
from inspections.photos.evidence import FLAGS, Sighting, flags
from inspections.photos.records import Flag, Mention, PhotoMention, Stage
from inspections.places.coordinates import Point
from inspections.remediation.actions.photo_findings import examine
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


def reported(office, *letters, category="EV-03", **facts):
    """A report whose photos were sent before."""
    office.do(receive_photos, wang, [photo(letter) for letter in letters], NOW)
    photos = facts.pop("photos", tuple(PhotoMention(letter * 64, Stage.BEFORE) for letter in letters))
    facts = {"description": "飞线充电", "place": "3幢", "found_at": NOW, "photos": photos, **facts}
    report = Report(id=new_id(), community=HERE.code, category=category, **facts)
    return office.do(report_hazard, wang, report, NOW).dossier.hazard


def examined(office):
    """Examines what can be examined; answers the flags by photo and hazard."""
    before = {each for each in office.all(Mention) if each.examined}
    office.do(examine, NOW, 99)
    after = {each for each in office.all(Mention) if each.examined}
    return {(each.sha256[0], each.hazard): each.flags for each in after - before}


def test_a_photo_that_is_developed_and_sound_has_no_flag_and_is_examined_once(office):
    hazard = reported(office, "a")
    assert examined(office) == {}
    office.do(developed, "a" * 64, Facts(taken_at=NOW, point=None), HASH)
    assert examined(office) == {("a", hazard.id): ()}
    assert examined(office) == {}


def test_the_same_bytes_on_another_hazard(office):
    first, second = reported(office, "a"), reported(office, "a")
    office.do(developed, "a" * 64, Facts())
    found = examined(office)
    assert found["a", second.id] == (Flag("reused", first.id, 0),)
    assert found["a", first.id] == (Flag("reused", second.id, 0),)


def test_a_picture_like_another_one(office):
    first, second = reported(office, "a"), reported(office, "b")
    third = reported(office, "c")
    office.do(developed, "a" * 64, Facts(), HASH)
    assert examined(office)["a", first.id] == ()
    office.do(developed, "b" * 64, Facts(), HASH ^ 0b111111)
    office.do(developed, "c" * 64, Facts(), HASH ^ 0x7F00)
    found = examined(office)
    assert found["b", second.id] == (Flag("similar", first.id, 6),)
    assert found["c", third.id] == ()


def test_a_picture_that_shows_nothing_is_like_no_other(office):
    first, second = reported(office, "a"), reported(office, "b")
    for letter in "ab":
        office.do(developed, letter * 64, Facts(), None)
    assert examined(office) == {("a", first.id): (), ("b", second.id): ()}


def test_a_digest_that_was_only_declared_is_evidence_of_nothing(office):
    """Who names somebody else's photo neither learns of it nor casts a shadow on it."""
    hazard = reported(office, "a", photos=(PhotoMention("b" * 64, Stage.BEFORE),))
    office.keep(photo("b"))
    office.do(developed, "b" * 64, Facts())
    assert hazard.id
    assert examined(office) == {}


def on_the_spot(office, *, before="a", after="b", **facts):
    photos = (PhotoMention(before * 64, Stage.BEFORE), PhotoMention(after * 64, Stage.AFTER))
    spot = FixedOnSpot(method="清理", quantity_done=1)
    return next(
        hazard
        for hazard in (
            reported(office, *{before, after}, photos=photos, fixed_on_spot=spot, place=f"{number}幢", **facts)
            for number in range(30)
        )
        if hazard.state is State.CLOSED  # and not drawn by lot
    )


def test_the_same_picture_before_and_after_draws_a_fix_on_the_spot_for_a_recheck(office):
    hazard = on_the_spot(office)
    office.do(developed, "a" * 64, Facts(), HASH)
    office.do(developed, "b" * 64, Facts(), HASH ^ 0b11)
    office.do(examine, later(minutes=1), 99)
    own = [each for each in office.all(Mention) if each.hazard == hazard.id]
    assert {flag.kind for each in own for flag in each.flags} >= {"unchanged"}
    drawn = office.hazard(hazard.id)
    assert (drawn.state, drawn.outcome, drawn.closed_at, drawn.quantity_done) == (State.PENDING_RECHECK, None, None, 0)
    assert drawn.recheck_due_at is not None
    line = office.history(hazard.id)[-1]
    assert (line.step, line.by, line.seq) == ("draw", "system", drawn.history_length)
    assert "unchanged" in line.facts["flags"]
    for each in own:  # were they examined once more, it would not be drawn again
        office.keep(replace(each, examined=False))
    office.do(examine, later(minutes=2), 99)
    assert office.hazard(hazard.id) == drawn


def test_what_a_person_has_looked_at_is_not_drawn(office):
    hazard = on_the_spot(office)
    step = Attach(id=new_id(), version=1, photos=(PhotoMention("c" * 64, Stage.RECHECK),))
    office.do(take_step, wang, hazard.id, step, NOW)
    for letter in "ab":
        office.do(developed, letter * 64, Facts(oddities=("clock",)))
    assert any(examined(office).values())
    assert office.hazard(hazard.id).state is State.CLOSED


def test_two_stages_from_the_same_spot_may_be_alike(office):
    mention, hazard = said(office, Stage.AFTER)
    alike = Sighting(replace(mention, sha256="b" * 64, stage=Stage.BEFORE), 5)
    assert flags(mention, photo("a"), hazard, [alike]) == ()
    assert flags(mention, photo("a"), hazard, [alike._replace(bits=2)]) == (Flag("unchanged", amount=2),)
    again = Sighting(replace(mention, entry=new_id()), 0)
    assert flags(mention, photo("a"), hazard, [again]) == ()


def said(office, stage=Stage.BEFORE, **facts):
    hazard = reported(office, "a", point=facts.pop("place", None))
    mention = Mention(new_id(), "a" * 64, stage, hazard.id, "wang", later(hours=3), **facts)
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
def test_a_photo_is_taken_about_when_its_step_says(office, stage, taken, expected):
    mention, hazard = said(office, stage)
    developed_photo = replace(photo("a"), taken_at=NOW + taken, received_at=later(days=9))
    assert flags(mention, developed_photo, hazard, ()) == expected
    by_phone = replace(mention, taken_at=NOW + taken)
    assert flags(by_phone, photo("a"), hazard, ()) == expected


def test_a_picture_cannot_be_taken_after_it_has_come(office):
    mention, hazard = said(office)
    tomorrow = replace(photo("a"), taken_at=later(days=1))
    assert flags(mention, tomorrow, hazard, ()) == (Flag("clock"),)
    assert flags(mention, replace(photo("a"), oddities=("clock", "position")), hazard, ()) == (
        Flag("clock"),
        Flag("position"),
    )


@pytest.mark.parametrize(
    ("place", "point", "said_point", "far"),
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
def test_a_photo_is_taken_where_the_hazard_is(office, place, point, said_point, far):
    mention, hazard = said(office, point=said_point, place=place)
    expected = () if far is None else (Flag("far", amount=far),)
    assert flags(mention, replace(photo("a"), point=point), hazard, ()) == expected


def test_every_flag_has_its_words():
    assert set(FLAGS) == {"reused", "similar", "unchanged", "taken_early", "taken_late", "far", "clock", "position"}


def test_what_has_vanished_is_let_be(office):
    """No store loses a hazard or a photo; if one did, examining the others would go on."""
    hazard = reported(office, "a")
    office.do(developed, "a" * 64, Facts())
    kept = office.hazard(hazard.id)
    office.hazard = lambda _: None
    assert office.do(examine, NOW, 9) == 1
    office.hazard = lambda _: kept
    office.photo, photo_of = lambda _: None, office.photo
    office.unexamined = lambda _: [each for each in office.all(Mention) if not each.examined]
    office.do(examine, NOW, 9)
    assert photo_of("a" * 64)
    assert [each.flags for each in office.all(Mention)] == [()]
