"""Words and names are erased on request; what happened, and that they were erased, stays."""

import msgspec
import pytest

from inspections.accounts.people import Role
from inspections.errors import IdConflict, IdTaken, Invalid, Missing
from inspections.hazards.history import ERASED
from inspections.hazards.records import Entry, Hazard, Party
from inspections.photos.records import Stage
from inspections.privacy.actions import Erasure, erase
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Assign, Note, SubmitFix
from tests.builders.decided import suspended
from tests.builders.histories import PARTY, broken, office_with_histories
from tests.builders.office import NOW, THERE, Office, later, li, mention, new_id, person, wang, zhao
from tests.builders.reports import report, reported
from tests.builders.steps import rectifying

wu = person("wu", Role.ADMIN)
REASON = "当事人要求删除个人信息"


def erasure(*fields, **facts):
    return Erasure(**{"id": new_id(), "fields": fields, "reason": REASON, **facts})


def everything_kept(office):
    return msgspec.json.encode([*office.all(Hazard), *office.all(Entry)]).decode()


def test_a_responsible_party_is_erased_wherever_it_stands():
    office, (first, *_) = office_with_histories()
    assert PARTY.name in everything_kept(office)
    line, repeated = office.do(erase, wu, first, erasure("responsible_party"), later(days=1))
    assert not repeated
    hazard = office.hazard(first)
    assert hazard.responsible_party == Party("merchant", ERASED)
    assert (line.step, line.by, line.seq) == ("erase", "wu", hazard.history_length)
    fields = ["responsible_party.name", "responsible_party.phone"]
    assert line.facts == {
        "fields": ["responsible_party"],
        "reason": REASON,
        "erased": [{"entry": str(first), "fields": fields}],
    }
    assert office.entry(first).facts["responsible_party"] == {"kind": "merchant", "name": None, "phone": None}
    assert broken(office) == []
    born = office.hazard(hazard.rebounded_as)  # it was given the party without a line that names it
    office.do(erase, wu, born.id, erasure("name", "phone"), later(days=1))
    assert PARTY.name not in everything_kept(office)
    assert PARTY.phone not in everything_kept(office)
    assert broken(office) == []


def test_erasing_leaves_the_version_and_tells_the_phones():
    office, (first, *_) = office_with_histories()
    before = office.hazard(first)
    office.do(erase, wu, first, erasure("description"), later(days=1))
    after = office.hazard(first)
    assert (after.version, after.state) == (before.version, before.state)
    assert after.updated_at == later(days=1)
    assert after.description == ERASED


def test_one_line_is_erased_and_another_with_the_same_field_stays():
    office = Office()
    hazard = reported(office)
    notes = [Note(id=new_id(), version=at, note=words) for at, words in ((1, "一"), (2, "二"))]
    for note in notes:
        office.do(take_step, li, hazard.id, note, NOW)
    office.do(erase, wu, hazard.id, erasure("note", entries=(notes[0].id,)), NOW)
    assert [office.entry(note.id).facts["note"] for note in notes] == [None, "二"]
    assert office.hazard(hazard.id).description == "楼道堆物"
    assert broken(office) == []


def test_a_line_s_words_go_from_the_hazard_too_where_it_holds_the_same():
    office = Office()
    hazard = reported(office, place="王家院 3 号")
    office.do(erase, wu, hazard.id, erasure("place", entries=(hazard.id,)), NOW)
    assert office.hazard(hazard.id).place == ERASED


def fixed(office, on_behalf_of):
    hazard = reported(office)
    steps = (
        Accept(id=new_id(), version=1),
        Assign(id=new_id(), version=2, lead="zhao"),
        SubmitFix(
            id=new_id(),
            version=3,
            method="清理",
            quantity_done=1,
            on_behalf_of=on_behalf_of,
            photos=(mention("b", Stage.AFTER),),
        ),
    )
    for step in steps:
        office.do(take_step, li, hazard.id, step, NOW)
    return hazard.id, steps[-1]


def test_who_fixed_it_is_erased_but_an_account_stays_out_of_the_re_check():
    office = Office()
    named, _ = fixed(office, "房东老张")
    office.do(erase, wu, named, erasure("on_behalf_of", "method"), NOW)
    assert (office.hazard(named).fixed_by, office.hazard(named).fix_method) == (ERASED, ERASED)
    account, step = fixed(office, "zhao")
    office.do(erase, wu, account, erasure("on_behalf_of"), NOW)
    assert office.entry(step.id).facts["on_behalf_of"] is None
    assert office.hazard(account).fixed_by == zhao.username


def test_what_was_erased_can_be_sent_again_and_is_answered_as_before():
    office = Office()
    sent = report(responsible_party=PARTY)
    hazard = office.do(report_hazard, wang, sent, NOW).dossier.hazard
    note = Note(id=new_id(), version=1, note="房东 13800000000")
    office.do(take_step, li, hazard.id, note, NOW)
    office.do(erase, wu, hazard.id, erasure("responsible_party", "note", "description"), NOW)
    again = office.do(report_hazard, wang, sent, later(hours=1))
    assert (again.repeated, again.dossier.hazard) == (True, office.hazard(hazard.id))
    assert office.do(take_step, li, hazard.id, note, NOW).hazard == office.hazard(hazard.id)
    bare = msgspec.structs.replace(sent, responsible_party=None)  # what is gone can no longer differ
    assert office.do(report_hazard, wang, bare, NOW).repeated
    with pytest.raises(IdConflict, match="place"):
        office.do(report_hazard, wang, msgspec.structs.replace(sent, place="别处"), NOW)
    assert PARTY.name not in everything_kept(office)


def test_an_erasure_is_safe_to_repeat():
    office = Office()
    hazard, other = reported(office), reported(office)
    asked = erasure("description")
    line, _ = office.do(erase, wu, hazard.id, asked, NOW)
    assert office.do(erase, wu, hazard.id, asked, later(hours=1)) == (line, True)
    with pytest.raises(IdConflict, match="reason"):
        office.do(erase, wu, hazard.id, msgspec.structs.replace(asked, reason="别的"), NOW)
    with pytest.raises(IdConflict, match="hazard"):
        office.do(erase, wu, other.id, asked, NOW)
    office.do(erase, wu, hazard.id, erasure("reason"), NOW)
    assert office.do(erase, wu, hazard.id, asked, NOW).repeated
    assert broken(office) == []


def test_an_id_that_is_taken_is_no_erasure():
    office = Office()
    hazard = reported(office)
    with pytest.raises(IdTaken):
        office.do(erase, wu, hazard.id, erasure("description", id=hazard.id), NOW)
    both = person("wang", Role.INSPECTOR, Role.ADMIN)
    with pytest.raises(IdConflict, match="id"):
        office.do(erase, both, hazard.id, erasure("description", id=hazard.id), NOW)


def test_nothing_to_erase_is_said_field_by_field():
    office = Office()
    hazard = reported(office)
    with pytest.raises(Invalid) as wrong:
        office.do(erase, wu, hazard.id, erasure("description", "responsible_party", "category"), NOW)
    assert [error.field for error in wrong.value.facts["errors"]] == ["fields[1]", "fields[2]"]
    with pytest.raises(Invalid) as wrong:
        office.do(erase, wu, hazard.id, erasure("description", entries=(new_id(),)), NOW)
    assert [error.field for error in wrong.value.facts["errors"]] == ["entries"]
    office.do(erase, wu, hazard.id, erasure("description"), NOW)
    with pytest.raises(Invalid):
        office.do(erase, wu, hazard.id, erasure("description"), NOW)


def test_only_an_administrator_of_the_place_erases():
    office = Office()
    hazard = reported(office)
    for who in (li, person("xu", Role.ADMIN, scope=THERE.code)):
        with pytest.raises(Missing):
            office.do(erase, who, hazard.id, erasure("description"), NOW)


def test_a_line_that_only_claims_an_erasure_excuses_nothing():
    office, (first, *_) = office_with_histories()
    office.do(erase, wu, first, erasure("description"), NOW)
    last = office.history(first)[-1]
    office.keep(msgspec.structs.replace(last, facts={**last.facts, "erased": "everything"}))
    assert {each.what for each in broken(office)} == {
        "line is not what was written",
        "words were erased and no line says by whom",
    }


def test_the_words_of_a_decision_go_from_what_the_hazard_keeps_of_it():
    office = Office()
    stands = suspended(office, rectifying(office))
    office.do(erase, wu, stands.id, erasure("measures"), later(days=1))
    kept = office.hazard(stands.id).suspension
    assert (kept.measures, kept.reason, kept.by) == (ERASED, stands.suspension.reason, "ma")
