"""A duplicate ends in its master, which gets its photos, its reporters and a line of history."""

import pytest
from msgspec.structs import replace

from inspections.errors import Invalid
from inspections.hazards.records import State
from inspections.photos.actions.intake import Facts, developed, receive_photos
from inspections.photos.evidence import missing
from inspections.photos.records import Flag, Mention, PhotoState, Stage
from inspections.remediation.actions.photo_damage import damaged
from inspections.remediation.actions.photo_findings import examine
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Attach, Merge
from tests.builders.office import NOW, THERE, Office, later, li, mention, new_id, photo, wang, zhou
from tests.builders.reports import report
from tests.builders.steps import accepted, take

HASH = 0x0F0F_3C3C_5A5A_9696


@pytest.fixture
def office():
    return Office()


def reported(office, *letters, by=wang, sent=True, **facts):
    if sent:
        office.do(receive_photos, by, [photo(letter) for letter in letters], NOW)
    return office.do(report_hazard, by, report(photos=tuple(map(mention, letters)), **facts), NOW).dossier.hazard


def merged(office, hazard, master, now=NOW):
    take(office, li, hazard, Merge, now, into=master.id)
    return office.hazard(master.id)


def photos_of(office, hazard):
    """What the hazard shows: letter, stage, by whom, whether it is there."""
    shown = office.shown([hazard.id])
    return {(each.mention.sha256[0], each.mention.stage, each.mention.by, each.present) for each in shown}


def test_the_master_gets_a_line_of_history_and_keeps_its_version(office):
    master, hazard = reported(office, "a", quantity=2), reported(office, "b", by=li, quantity=5)
    after = merged(office, hazard, master, later(hours=1))
    assert (after.state, after.version, after.quantity) == (State.REPORTED, master.version, 2)
    assert (after.history_length, after.updated_at) == (2, later(hours=1))
    line = office.history(master.id)[-1]
    assert (line.step, line.by, line.seq, line.state, line.version) == ("merged", "li", 2, State.REPORTED, 1)
    said = {"from": str(hazard.id), "number": hazard.number, "reporter": "li", "along": []}
    assert line.facts == said
    assert [each.step for each in office.history(hazard.id)] == ["report", "merge"]


def test_who_reported_the_duplicate_joins_the_master_once(office):
    master = reported(office, "a")
    assert merged(office, reported(office, "b", by=li), master).reporters == ("li",)
    assert merged(office, reported(office, "c", by=li), master).reporters == ("li",)
    assert merged(office, reported(office, "d"), master).reporters == ("li",)  # by its own reporter


def test_the_photos_of_the_duplicate_are_shown_on_the_master_and_stay_on_the_duplicate(office):
    master, hazard = reported(office, "a"), reported(office, "b", by=li)
    before = photos_of(office, hazard)
    merged(office, hazard, master)
    assert photos_of(office, master) == {("a", Stage.BEFORE, "wang", True), ("b", Stage.BEFORE, "li", True)}
    assert photos_of(office, hazard) == before


def test_a_photo_is_shown_once_and_from_whom_it_is_there_of(office):
    master, hazard = reported(office, "a"), reported(office, "a", "b", by=li, sent=False)
    office.do(receive_photos, wang, [photo("b")], NOW)
    hazard = take(office, wang, hazard, Attach, photos=(mention("b"), mention("a")))
    merged(office, hazard, master)
    assert photos_of(office, master) == {("a", Stage.BEFORE, "wang", True), ("b", Stage.BEFORE, "wang", True)}


def test_the_master_does_not_wait_for_a_photo_of_a_duplicate_which_still_arrives(office):
    master, hazard = reported(office, "a"), reported(office, "b", by=li, sent=False)
    merged(office, hazard, master)
    assert photos_of(office, master) == {("a", Stage.BEFORE, "wang", True), ("b", Stage.BEFORE, "li", False)}
    assert missing(office.shown([master.id])) == []
    assert missing(office.shown([hazard.id])) == ["b" * 64]
    office.do(receive_photos, li, [photo("b")], later(hours=1))
    assert ("b", Stage.BEFORE, "li", True) in photos_of(office, master)


def test_what_was_merged_into_a_duplicate_comes_along(office):
    first, second, third = reported(office, "a"), reported(office, "b", by=li), reported(office, "c", by=li)
    small = reported(office, "d")
    merged(office, small, first)
    second = merged(office, office.hazard(first.id), second)
    assert second.reporters == ("wang",)
    third = merged(office, second, third)
    assert third.reporters == ("wang",)
    assert {letter for letter, *_ in photos_of(office, third)} == {"a", "b", "c", "d"}
    assert office.history(third.id)[-1].facts["along"] == [first.number, small.number]
    assert (office.hazard(small.id).merged_into, office.hazard(first.id).merged_into) == (first.id, second.id)
    origins = {each.sha256[0]: each.copied_from for each in office.all(Mention) if each.hazard == third.id}
    assert origins == {"a": first.id, "b": second.id, "c": None, "d": small.id}


def test_two_who_are_merged_into_each_other_end_in_one_refusal(office):
    one, other = reported(office, "a"), reported(office, "b")
    merged(office, one, other)
    with pytest.raises(Invalid):
        take(office, li, office.hazard(other.id), Merge, into=one.id)


def test_a_closed_master_gets_its_duplicates_and_stays_closed(office):
    master = replace(accepted(office), state=State.CLOSED)
    office.keep(master)
    after = merged(office, reported(office, "b", by=li), master)
    assert (after.state, after.version, after.reporters) == (State.CLOSED, master.version, ("li",))


def flags_of(office):
    """Once everything that can be is examined: the flags by photo and hazard."""
    office.do(examine, NOW, 99)
    return {(each.sha256[0], each.hazard): each.flags for each in office.all(Mention) if each.flags}


def test_flags_for_being_on_each_other_fall_away_when_two_prove_the_same(office):
    master, hazard = reported(office, "a"), reported(office, "a", by=li)
    office.do(developed, "a" * 64, Facts(oddities=("clock",)), HASH)
    assert [flag.kind for flag in flags_of(office)["a", master.id]] == ["reused", "clock"]
    step = Merge(id=new_id(), version=1, into=master.id)
    answer = office.do(take_step, li, hazard.id, step, NOW)
    kept = flags_of(office)
    assert kept["a", master.id] == kept["a", hazard.id] == (Flag("clock"),)
    assert [each.mention.flags for each in answer.shown] == [(Flag("clock"),)]


def test_a_duplicate_and_its_master_are_never_flagged_for_each_other_afterwards(office):
    """Whether the very photo or one like it; a foreign hazard with it is flagged, and against the one that lives."""
    master, hazard, like = reported(office, "a"), reported(office, "a", by=li), reported(office, "c", by=li)
    merged(office, hazard, master)
    merged(office, like, master)
    foreign = reported(office, "b", by=zhou, community=THERE.code, place="别处")
    for letter, bits in (("a", 0), ("b", 0b1), ("c", 0b111)):
        office.do(developed, letter * 64, Facts(), HASH ^ bits)
    found = flags_of(office)
    assert found["b", foreign.id] == (Flag("similar", master.id, 1),)
    assert {flag.hazard for each in found.values() for flag in each} == {master.id, foreign.id}
    assert not [hazard_id for _, hazard_id in found if hazard_id in {hazard.id, like.id}]
    assert found["a", master.id] == (Flag("similar", foreign.id, 1),)


def test_a_copy_stays_examined_and_one_that_was_not_is_examined_on_the_master(office):
    master, hazard = reported(office, "a"), reported(office, "b", "c", by=li)
    office.do(developed, "b" * 64, Facts(oddities=("clock",)))
    office.do(examine, NOW, 99)
    merged(office, hazard, master)
    office.do(developed, "c" * 64, Facts(oddities=("position",)))
    office.do(examine, NOW, 99)
    here = {each.sha256[0]: (each.examined, each.flags) for each in office.all(Mention) if each.hazard == master.id}
    assert here == {"a": (False, ()), "b": (True, (Flag("clock"),)), "c": (True, (Flag("position"),))}
    assert not next(each for each in office.all(Mention) if (each.hazard, each.sha256[0]) == (hazard.id, "c")).examined


def test_a_photo_of_a_reopened_duplicate_is_not_flagged_for_its_copy(office):
    master, hazard = reported(office, "a"), reported(office, "b", by=li)
    merged(office, hazard, master)
    office.keep(replace(office.hazard(hazard.id), state=State.ACCEPTED, merged_into=None))
    office.do(developed, "b" * 64, Facts())
    assert flags_of(office) == {}


def test_a_damaged_photo_of_a_duplicate_keeps_nobody_waiting(office):
    master, hazard = reported(office, "a"), reported(office, "b", by=li)
    office.do(damaged, "b" * 64, NOW)
    merged(office, hazard, master)
    assert office.photo("b" * 64).state is PhotoState.DAMAGED
    assert missing(office.shown([master.id])) == []
