"""Erasure: texts and names are erased on request; the record of the steps and of the erasure stays."""

import msgspec
import pytest

from inspections.accounts.people import Role
from inspections.errors import IdConflict, IdOwnerConflict, InvalidInput, NotFound
from inspections.hazards.history import ERASED_TEXT
from inspections.hazards.records import Hazard, HistoryEntry, Party
from inspections.photos.records import Stage
from inspections.privacy.actions import Erasure, erase_hazard_texts
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Assign, Note, SubmitFix
from tests.builders.histories import PARTY, history_defects, office_with_histories
from tests.builders.office import NOW, THERE, Office, later, li, new_id, person, photo_declaration, wang, zhao
from tests.builders.reports import report, report_new_hazard
from tests.builders.steps import rectifying_hazard
from tests.builders.supervisor_decisions import suspend_hazard

wu = person("wu", Role.ADMIN)
REASON = "当事人要求删除个人信息"


def erasure(*fields, **facts):
    return Erasure(**{"id": new_id(), "fields": fields, "reason": REASON, **facts})


def stored_json(office):
    return msgspec.json.encode([*office.all(Hazard), *office.all(HistoryEntry)]).decode()


def test_a_responsible_party_is_erased_everywhere():
    office, (first, *_) = office_with_histories()
    assert PARTY.name in stored_json(office)
    line, repeated = office.do(erase_hazard_texts, wu, first, erasure("responsible_party"), later(days=1))
    assert not repeated
    hazard = office.hazard(first)
    assert hazard.responsible_party == Party("merchant", ERASED_TEXT)
    assert (line.step, line.by, line.seq) == ("erase", "wu", hazard.history_length)
    fields = ["responsible_party.name", "responsible_party.phone"]
    assert line.facts == {
        "fields": ["responsible_party"],
        "reason": REASON,
        "erased": [{"entry": str(first), "fields": fields}],
    }
    assert office.history_entry(first).facts["responsible_party"] == {"kind": "merchant", "name": None, "phone": None}
    assert history_defects(office) == []
    rebound = office.hazard(hazard.rebounded_as)  # it got the party without a line of history that names it
    office.do(erase_hazard_texts, wu, rebound.id, erasure("name", "phone"), later(days=1))
    assert PARTY.name not in stored_json(office)
    assert PARTY.phone not in stored_json(office)
    assert history_defects(office) == []


def test_erasing_keeps_the_version_and_updates_the_change_time():
    office, (first, *_) = office_with_histories()
    before = office.hazard(first)
    office.do(erase_hazard_texts, wu, first, erasure("description"), later(days=1))
    after = office.hazard(first)
    assert (after.version, after.state) == (before.version, before.state)
    assert after.updated_at == later(days=1)
    assert after.description == ERASED_TEXT


def test_one_line_is_erased_and_another_with_the_same_field_stays():
    office = Office()
    hazard = report_new_hazard(office)
    notes = [Note(id=new_id(), version=at, note=words) for at, words in ((1, "一"), (2, "二"))]
    for note in notes:
        office.do(take_step, li, hazard.id, note, NOW)
    office.do(erase_hazard_texts, wu, hazard.id, erasure("note", entries=(notes[0].id,)), NOW)
    assert [office.history_entry(note.id).facts["note"] for note in notes] == [None, "二"]
    assert office.hazard(hazard.id).description == "楼道堆物"
    assert history_defects(office) == []


def test_erasing_a_line_erases_the_same_text_on_the_hazard():
    office = Office()
    hazard = report_new_hazard(office, place="王家院 3 号")
    office.do(erase_hazard_texts, wu, hazard.id, erasure("place", entries=(hazard.id,)), NOW)
    assert office.hazard(hazard.id).place == ERASED_TEXT


def report_and_fix(office, on_behalf_of):
    hazard = report_new_hazard(office)
    steps = (
        Accept(id=new_id(), version=1),
        Assign(id=new_id(), version=2, lead="zhao"),
        SubmitFix(
            id=new_id(),
            version=3,
            method="清理",
            quantity_done=1,
            on_behalf_of=on_behalf_of,
            photos=(photo_declaration("b", Stage.AFTER),),
        ),
    )
    for step in steps:
        office.do(take_step, li, hazard.id, step, NOW)
    return hazard.id, steps[-1]


def test_the_name_of_the_fixer_is_erased_but_an_account_is_kept():
    office = Office()
    named, _ = report_and_fix(office, "房东老张")
    office.do(erase_hazard_texts, wu, named, erasure("on_behalf_of", "method"), NOW)
    assert (office.hazard(named).fixed_by, office.hazard(named).fix_method) == (ERASED_TEXT, ERASED_TEXT)
    account, step = report_and_fix(office, "zhao")
    office.do(erase_hazard_texts, wu, account, erasure("on_behalf_of"), NOW)
    assert office.history_entry(step.id).facts["on_behalf_of"] is None
    assert office.hazard(account).fixed_by == zhao.username


def test_a_retried_request_is_answered_after_its_text_was_erased():
    office = Office()
    sent = report(responsible_party=PARTY)
    hazard = office.do(report_hazard, wang, sent, NOW).reported.hazard
    note = Note(id=new_id(), version=1, note="房东 13800000000")
    office.do(take_step, li, hazard.id, note, NOW)
    office.do(erase_hazard_texts, wu, hazard.id, erasure("responsible_party", "note", "description"), NOW)
    again = office.do(report_hazard, wang, sent, later(hours=1))
    assert (again.repeated, again.reported.hazard) == (True, office.hazard(hazard.id))
    assert office.do(take_step, li, hazard.id, note, NOW).hazard == office.hazard(hazard.id)
    bare = msgspec.structs.replace(sent, responsible_party=None)  # an erased field is not compared
    assert office.do(report_hazard, wang, bare, NOW).repeated
    with pytest.raises(IdConflict, match="place"):
        office.do(report_hazard, wang, msgspec.structs.replace(sent, place="别处"), NOW)
    assert PARTY.name not in stored_json(office)


def test_an_erasure_is_safe_to_repeat():
    office = Office()
    hazard, other = report_new_hazard(office), report_new_hazard(office)
    asked = erasure("description")
    line, _ = office.do(erase_hazard_texts, wu, hazard.id, asked, NOW)
    assert office.do(erase_hazard_texts, wu, hazard.id, asked, later(hours=1)) == (line, True)
    with pytest.raises(IdConflict, match="reason"):
        office.do(erase_hazard_texts, wu, hazard.id, msgspec.structs.replace(asked, reason="别的"), NOW)
    with pytest.raises(IdConflict, match="hazard"):
        office.do(erase_hazard_texts, wu, other.id, asked, NOW)
    office.do(erase_hazard_texts, wu, hazard.id, erasure("reason"), NOW)
    assert office.do(erase_hazard_texts, wu, hazard.id, asked, NOW).repeated
    assert history_defects(office) == []


def test_an_erasure_with_a_used_id_is_refused():
    office = Office()
    hazard = report_new_hazard(office)
    with pytest.raises(IdOwnerConflict):
        office.do(erase_hazard_texts, wu, hazard.id, erasure("description", id=hazard.id), NOW)
    both = person("wang", Role.INSPECTOR, Role.ADMIN)
    with pytest.raises(IdConflict, match="id"):
        office.do(erase_hazard_texts, both, hazard.id, erasure("description", id=hazard.id), NOW)


def test_fields_with_nothing_to_erase_are_reported_one_by_one():
    office = Office()
    hazard = report_new_hazard(office)
    with pytest.raises(InvalidInput) as wrong:
        office.do(erase_hazard_texts, wu, hazard.id, erasure("description", "responsible_party", "category"), NOW)
    assert [error.field for error in wrong.value.facts["errors"]] == ["fields[1]", "fields[2]"]
    with pytest.raises(InvalidInput) as wrong:
        office.do(erase_hazard_texts, wu, hazard.id, erasure("description", entries=(new_id(),)), NOW)
    assert [error.field for error in wrong.value.facts["errors"]] == ["entries"]
    office.do(erase_hazard_texts, wu, hazard.id, erasure("description"), NOW)
    with pytest.raises(InvalidInput):
        office.do(erase_hazard_texts, wu, hazard.id, erasure("description"), NOW)


def test_only_an_administrator_of_the_place_may_erase():
    office = Office()
    hazard = report_new_hazard(office)
    for who in (li, person("xu", Role.ADMIN, scope=THERE.code)):
        with pytest.raises(NotFound):
            office.do(erase_hazard_texts, who, hazard.id, erasure("description"), NOW)


def test_a_line_that_only_claims_an_erasure_excuses_nothing():
    office, (first, *_) = office_with_histories()
    office.do(erase_hazard_texts, wu, first, erasure("description"), NOW)
    last = office.history(first)[-1]
    office.keep(msgspec.structs.replace(last, facts={**last.facts, "erased": "everything"}))
    assert {each.what for each in history_defects(office)} == {
        "line is not what was written",
        "words were erased and no line says by whom",
    }


def test_the_text_of_a_suspension_is_erased_from_the_hazard_too():
    office = Office()
    stands = suspend_hazard(office, rectifying_hazard(office))
    office.do(erase_hazard_texts, wu, stands.id, erasure("measures"), later(days=1))
    kept = office.hazard(stands.id).suspension
    assert (kept.measures, kept.reason, kept.by) == (ERASED_TEXT, stands.suspension.reason, "ma")
