"""Merging: a duplicate ends, and its master gets its photos, its reporters and a line of history."""

import pytest
from msgspec.structs import replace

from inspections.errors import InvalidInput
from inspections.hazards.records import State
from inspections.photos.actions.intake import PhotoMetadata, receive_photos, record_processed_photo
from inspections.photos.evidence import missing_digests
from inspections.photos.records import Flag, PhotoReference, PhotoState, Stage
from inspections.remediation.actions.photo_damage import record_damage
from inspections.remediation.actions.photo_findings import examine_photos
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Attach, Merge
from tests.builders.office import NOW, THERE, Office, later, li, new_id, photo, photo_declaration, wang, zhou
from tests.builders.reports import report
from tests.builders.steps import accepted_hazard, take

HASH = 0x0F0F_3C3C_5A5A_9696


@pytest.fixture
def office():
    return Office()


def report_with_photos(office, *letters, by=wang, sent=True, **facts):
    if sent:
        office.do(receive_photos, by, [photo(letter) for letter in letters], NOW)
    return office.do(
        report_hazard, by, report(photos=tuple(map(photo_declaration, letters)), **facts), NOW
    ).reported.hazard


def merge(office, hazard, master, now=NOW):
    take(office, li, hazard, Merge, now, into=master.id)
    return office.hazard(master.id)


def photos_of(office, hazard):
    """Return the photos the hazard shows: letter, stage, sender and whether each is present."""
    shown = office.declared_photos([hazard.id])
    return {(each.mention.sha256[0], each.mention.stage, each.mention.by, each.is_present) for each in shown}


def test_the_master_gets_a_line_of_history_and_keeps_its_version(office):
    master, hazard = report_with_photos(office, "a", quantity=2), report_with_photos(office, "b", by=li, quantity=5)
    after = merge(office, hazard, master, later(hours=1))
    assert (after.state, after.version, after.quantity) == (State.REPORTED, master.version, 2)
    assert (after.history_length, after.updated_at) == (2, later(hours=1))
    line = office.history(master.id)[-1]
    assert (line.step, line.by, line.seq, line.state, line.version) == ("merged", "li", 2, State.REPORTED, 1)
    facts = {"from": str(hazard.id), "number": hazard.number, "reporter": "li", "along": []}
    assert line.facts == facts
    assert [each.step for each in office.history(hazard.id)] == ["report", "merge"]


def test_the_reporter_of_a_duplicate_joins_the_master_once(office):
    master = report_with_photos(office, "a")
    assert merge(office, report_with_photos(office, "b", by=li), master).reporters == ("li",)
    assert merge(office, report_with_photos(office, "c", by=li), master).reporters == ("li",)
    assert merge(office, report_with_photos(office, "d"), master).reporters == (
        "li",
    )  # the reporter of the master is not added


def test_the_photos_of_the_duplicate_are_shown_on_the_master_and_stay_on_the_duplicate(office):
    master, hazard = report_with_photos(office, "a"), report_with_photos(office, "b", by=li)
    before = photos_of(office, hazard)
    merge(office, hazard, master)
    assert photos_of(office, master) == {("a", Stage.BEFORE, "wang", True), ("b", Stage.BEFORE, "li", True)}
    assert photos_of(office, hazard) == before


def test_a_photo_is_shown_once_under_the_person_who_uploaded_it(office):
    master, hazard = report_with_photos(office, "a"), report_with_photos(office, "a", "b", by=li, sent=False)
    office.do(receive_photos, wang, [photo("b")], NOW)
    hazard = take(office, wang, hazard, Attach, photos=(photo_declaration("b"), photo_declaration("a")))
    merge(office, hazard, master)
    assert photos_of(office, master) == {("a", Stage.BEFORE, "wang", True), ("b", Stage.BEFORE, "wang", True)}


def test_a_missing_photo_of_a_duplicate_is_not_missing_on_the_master(office):
    master, hazard = report_with_photos(office, "a"), report_with_photos(office, "b", by=li, sent=False)
    merge(office, hazard, master)
    assert photos_of(office, master) == {("a", Stage.BEFORE, "wang", True), ("b", Stage.BEFORE, "li", False)}
    assert missing_digests(office.declared_photos([master.id])) == []
    assert missing_digests(office.declared_photos([hazard.id])) == ["b" * 64]
    office.do(receive_photos, li, [photo("b")], later(hours=1))
    assert ("b", Stage.BEFORE, "li", True) in photos_of(office, master)


def test_earlier_duplicates_of_a_merged_hazard_move_along(office):
    first, second, third = (
        report_with_photos(office, "a"),
        report_with_photos(office, "b", by=li),
        report_with_photos(office, "c", by=li),
    )
    small = report_with_photos(office, "d")
    merge(office, small, first)
    second = merge(office, office.hazard(first.id), second)
    assert second.reporters == ("wang",)
    third = merge(office, second, third)
    assert third.reporters == ("wang",)
    assert {letter for letter, *_ in photos_of(office, third)} == {"a", "b", "c", "d"}
    assert office.history(third.id)[-1].facts["along"] == [first.number, small.number]
    assert (office.hazard(small.id).merged_into, office.hazard(first.id).merged_into) == (first.id, second.id)
    origins = {each.sha256[0]: each.copied_from for each in office.all(PhotoReference) if each.hazard == third.id}
    assert origins == {"a": first.id, "b": second.id, "c": None, "d": small.id}


def test_merging_two_hazards_into_each_other_is_refused(office):
    one, other = report_with_photos(office, "a"), report_with_photos(office, "b")
    merge(office, one, other)
    with pytest.raises(InvalidInput):
        take(office, li, office.hazard(other.id), Merge, into=one.id)


def test_a_closed_master_gets_its_duplicates_and_stays_closed(office):
    master = replace(accepted_hazard(office), state=State.CLOSED)
    office.keep(master)
    after = merge(office, report_with_photos(office, "b", by=li), master)
    assert (after.state, after.version, after.reporters) == (State.CLOSED, master.version, ("li",))


def flags_of(office):
    """Examine all pending photos; return the flags by photo and hazard."""
    office.do(examine_photos, NOW, 99)
    return {(each.sha256[0], each.hazard): each.flags for each in office.all(PhotoReference) if each.flags}


def test_merging_removes_reuse_flags_between_duplicate_and_master(office):
    master, hazard = report_with_photos(office, "a"), report_with_photos(office, "a", by=li)
    office.do(record_processed_photo, "a" * 64, PhotoMetadata(oddities=("clock",)), HASH)
    assert [flag.kind for flag in flags_of(office)["a", master.id]] == ["reused", "clock"]
    step = Merge(id=new_id(), version=1, into=master.id)
    answer = office.do(take_step, li, hazard.id, step, NOW)
    kept = flags_of(office)
    assert kept["a", master.id] == kept["a", hazard.id] == (Flag("clock"),)
    assert [each.mention.flags for each in answer.photos] == [(Flag("clock"),)]


def test_a_duplicate_and_its_master_are_not_flagged_for_each_other(office):
    """This holds for identical and similar photos; another hazard with one is flagged against the master."""
    master, hazard, like = (
        report_with_photos(office, "a"),
        report_with_photos(office, "a", by=li),
        report_with_photos(office, "c", by=li),
    )
    merge(office, hazard, master)
    merge(office, like, master)
    foreign = report_with_photos(office, "b", by=zhou, community=THERE.code, place="别处")
    for letter, bits in (("a", 0), ("b", 0b1), ("c", 0b111)):
        office.do(record_processed_photo, letter * 64, PhotoMetadata(), HASH ^ bits)
    found = flags_of(office)
    assert found["b", foreign.id] == (Flag("similar", master.id, 1),)
    assert {flag.hazard for each in found.values() for flag in each} == {master.id, foreign.id}
    assert not [hazard_id for _, hazard_id in found if hazard_id in {hazard.id, like.id}]
    assert found["a", master.id] == (Flag("similar", foreign.id, 1),)


def test_a_copied_photo_keeps_its_examination_or_is_examined_on_the_master(office):
    master, hazard = report_with_photos(office, "a"), report_with_photos(office, "b", "c", by=li)
    office.do(record_processed_photo, "b" * 64, PhotoMetadata(oddities=("clock",)))
    office.do(examine_photos, NOW, 99)
    merge(office, hazard, master)
    office.do(record_processed_photo, "c" * 64, PhotoMetadata(oddities=("position",)))
    office.do(examine_photos, NOW, 99)
    here = {
        each.sha256[0]: (each.examined, each.flags) for each in office.all(PhotoReference) if each.hazard == master.id
    }
    assert here == {"a": (False, ()), "b": (True, (Flag("clock"),)), "c": (True, (Flag("position"),))}
    assert not next(
        each for each in office.all(PhotoReference) if (each.hazard, each.sha256[0]) == (hazard.id, "c")
    ).examined


def test_a_photo_of_a_reopened_duplicate_is_not_flagged_for_its_copy(office):
    master, hazard = report_with_photos(office, "a"), report_with_photos(office, "b", by=li)
    merge(office, hazard, master)
    office.keep(replace(office.hazard(hazard.id), state=State.ACCEPTED, merged_into=None))
    office.do(record_processed_photo, "b" * 64, PhotoMetadata())
    assert flags_of(office) == {}


def test_a_damaged_photo_of_a_duplicate_is_not_missing_on_the_master(office):
    master, hazard = report_with_photos(office, "a"), report_with_photos(office, "b", by=li)
    office.do(record_damage, "b" * 64, NOW)
    merge(office, hazard, master)
    assert office.photo("b" * 64).state is PhotoState.DAMAGED
    assert missing_digests(office.declared_photos([master.id])) == []
