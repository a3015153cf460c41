"""Names with invisible characters are refused, words are cleaned, and an accepted request may be repeated."""

import pytest
from msgspec.structs import replace

from inspections.accounts.actions.api_keys import make_key
from inspections.accounts.actions.delegations import make_delegation
from inspections.accounts.actions.people import AdminScopes, add_person, change_person
from inspections.accounts.api_keys import ApiKey, NewApiKey
from inspections.accounts.delegations import NewDelegation
from inspections.accounts.people import NewPerson, Person, PersonChange, Role
from inspections.accounts.policy import EVERYWHERE
from inspections.errors import IdConflict, InvalidInput
from inspections.fix_links.actions.party_links import make_link, submit_fix_by_link
from inspections.fix_links.links import NewLink
from inspections.hazards.records import Arrangements, Hazard, HistoryEntry, Party
from inspections.ledger.actions.legacy_import import import_ledger, preview_import
from inspections.ledger.choices import build_name_index
from inspections.ledger.legacy_import import LedgerSheet, parse_ledger
from inspections.monitoring.actions.devices import (
    MaintenancePlan,
    change_monitor,
    import_monitors,
    plan_maintenance,
    register_monitor,
)
from inspections.monitoring.device_import import parse_monitor_table
from inspections.monitoring.devices import Monitor
from inspections.monitoring.vendors import Vendor, read
from inspections.notices.actions.delivery import edit_template, get_template
from inspections.notices.templates import NewTemplate
from inspections.office.actions import CategoryPolicy, NamedDay, NewCalendar, edit_calendar, edit_category
from inspections.office.categories import CATALOGUE
from inspections.places.actions import import_places
from inspections.places.communities import Community
from inspections.places.community_import import parse_community_table
from inspections.privacy.actions import Erasure, erase_hazard_texts
from inspections.remediation.actions.dispatch_rules import NewDispatchRule, add_dispatch_rule
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Assign, FixedOnSpot, Note, SubmitFix, Supervise, Verify
from inspections.request_texts import INVISIBLE_WORDS, MISSING_WORDS, check_texts
from inspections.table_import import InvalidLines
from tests.builders.fix_links import SHOP, TOKEN
from tests.builders.monitoring import gao, message, new_monitor, only_alert, receive_messages
from tests.builders.office import HERE, NOW, Office, later, li, ma, new_id, person, photo_declaration, wang
from tests.builders.published_years import scheduled_days
from tests.builders.reports import report
from tests.builders.steps import accepted_hazard, assigned_hazard, fix, take

RAW, CLEAN = "楼\u200b道\u202e堆物", "楼道堆物"
HIDDEN = "张\u200b三"
FAMILY = "👨‍👩‍👧 家门口"
EVERYTHING = AdminScopes(*[EVERYWHERE] * 3)
PARTY = Party("tenant", HIDDEN)
ZHENG = person("zheng", Role.ADMIN, scope="")
DEVICE_NAMES = {HERE.code: HERE.code, "Caf\u00e9": HERE.code}


@pytest.fixture
def office():
    office = Office()
    office.keep(ZHENG)
    return office


def refused_fields(office, action, *facts, **more):
    """Runs an action that must refuse texts and store nothing; returns the fields with their words."""
    before = dict(office.records)
    with pytest.raises(InvalidInput) as refusal:
        office.do(action, *facts, **more)
    assert office.records == before
    return {error.field: error.message for error in refusal.value.facts["errors"]}


def change_facts(office, entry_id, **facts):
    """Gives a line of history the facts that an older version of the program stored."""
    entry = office.history_entry(entry_id)
    office.keep(replace(entry, facts={**entry.facts, **facts}))


# reports and steps ------------------------------------------------------------------------------------------------


def test_the_words_of_a_report_are_cleaned_and_a_picture_stays(office):
    spot = FixedOnSpot(RAW, 1)
    both = (photo_declaration("a"), photo_declaration("b", "after"))
    sent = report(description=f"{RAW}\u2028{FAMILY}", place="3幢\u2028\u200b2单元", photos=both, fixed_on_spot=spot)
    made = office.do(report_hazard, wang, sent, NOW).reported.hazard
    assert (made.description, made.place, made.fix_method) == (f"{CLEAN}\n{FAMILY}", "3幢 2单元", CLEAN)
    facts = office.history_entry(sent.id).facts
    assert (facts["description"], facts["fixed_on_spot"]["method"]) == (made.description, CLEAN)
    assert office.do(report_hazard, wang, sent, NOW).repeated


def test_a_report_without_visible_words_or_with_hidden_characters_in_a_name_is_refused(office):
    sent = report(description="\u200b\u3164", place="\u2800 ", category="EV\u200b-03", responsible_party=PARTY)
    assert refused_fields(office, report_hazard, wang, sent, NOW) == {
        "description": MISSING_WORDS,
        "place": MISSING_WORDS,
        "category": INVISIBLE_WORDS,
        "responsible_party.name": INVISIBLE_WORDS,
    }


@pytest.mark.parametrize("stored", [RAW, CLEAN])
def test_a_report_that_was_accepted_raw_or_cleaned_is_recognised(office, stored):
    sent = report(description=RAW)
    made = office.do(report_hazard, wang, sent, NOW)
    change_facts(office, sent.id, description=stored)
    for text in (RAW, CLEAN):
        again = office.do(report_hazard, wang, replace(sent, description=text), NOW)
        assert (again.repeated, again.reported.hazard) == (True, made.reported.hazard)
    with pytest.raises(IdConflict) as conflict:
        office.do(report_hazard, wang, replace(sent, description="别的", photos=(photo_declaration("b"),)), NOW)
    assert conflict.value.facts["fields"] == ["description", "photos"]


def test_a_report_from_before_the_rule_is_recognised_although_its_texts_would_be_refused(office):
    sent = report(responsible_party=Party("tenant", "张三"))
    office.do(report_hazard, wang, sent, NOW)
    old = replace(sent, description="\u200b", responsible_party=PARTY)
    change_facts(office, sent.id, description="\u200b", responsible_party={"kind": "tenant", "name": HIDDEN})
    assert office.do(report_hazard, wang, old, NOW).repeated
    with pytest.raises(IdConflict, match="responsible_party"):  # a name is compared as it is
        office.do(report_hazard, wang, replace(old, responsible_party=Party("tenant", "张三")), NOW)


def test_a_repeated_name_is_compared_in_any_normal_form(office):
    sent = report(responsible_party=Party("tenant", "Caf\u00e9"), point=None)
    office.do(report_hazard, wang, sent, NOW)
    again = replace(sent, responsible_party=Party("tenant", "Cafe\u0301"))
    assert office.do(report_hazard, wang, again, NOW).repeated


def test_an_optional_note_without_visible_words_is_none(office):
    hazard = assigned_hazard(office)
    done = fix(office, hazard, note="\u200b", method=RAW)
    facts = next(line.facts for line in office.history(hazard.id) if line.step == "submit_fix")
    assert (done.fix_method, facts["method"], "note" in facts) == (CLEAN, CLEAN, False)
    hazard = accepted_hazard(office)
    step = Verify(id=new_id(), version=hazard.version, outcome="unfounded", note="\u200b")
    assert refused_fields(office, take_step, li, hazard.id, step, NOW) == {"note": "请附照片或说明"}


@pytest.mark.parametrize("stored", [RAW, CLEAN])
def test_a_step_that_was_accepted_raw_or_cleaned_is_recognised(office, stored):
    hazard = accepted_hazard(office)
    sent = Note(id=new_id(), version=hazard.version, note=RAW)
    after = office.do(take_step, li, hazard.id, sent, NOW).hazard
    assert office.history_entry(sent.id).facts == {"note": CLEAN}
    change_facts(office, sent.id, note=stored)
    for text in (RAW, CLEAN):
        assert office.do(take_step, li, hazard.id, replace(sent, note=text), NOW).hazard == after
    with pytest.raises(IdConflict):
        office.do(take_step, li, hazard.id, replace(sent, note="别的"), NOW)


def test_a_step_with_a_note_of_nothing_is_recognised(office):
    hazard = assigned_hazard(office)
    sent = {"id": new_id(), "version": hazard.version, "note": "\u200b"}
    after = fix(office, hazard, **sent)
    assert fix(office, hazard, **sent) == after


def test_names_in_steps_are_refused(office):
    hazard = accepted_hazard(office)
    needs = Arrangements(HIDDEN, RAW, NOW, RAW, "\u200b")
    for who, step, fields in (
        (li, Assign(id=new_id(), version=2, lead="zh\u200bao"), {"lead": INVISIBLE_WORDS}),
        (
            li,
            Assign(id=new_id(), version=2, lead="zhao", assisting=("sun", "\u200e")),
            {"assisting[1]": INVISIBLE_WORDS},
        ),
        (li, Assign(id=new_id(), version=2, responsible_party=PARTY), {"responsible_party.name": INVISIBLE_WORDS}),
        (
            ma,
            Supervise(id=new_id(), version=2, level="city", document="\u200b", arrangements=needs),
            {
                "document": MISSING_WORDS,
                "arrangements.responsible": INVISIBLE_WORDS,
                "arrangements.plan": MISSING_WORDS,
            },
        ),
    ):
        assert refused_fields(office, take_step, who, hazard.id, step, NOW) == fields
    fixed = SubmitFix(id=new_id(), version=3, method="清理", quantity_done=1, on_behalf_of=HIDDEN)
    hazard = take(office, li, hazard, Assign, lead="zhao")
    assert refused_fields(office, take_step, li, hazard.id, fixed, NOW) == {"on_behalf_of": INVISIBLE_WORDS}


def test_the_name_of_an_older_party_may_be_repeated(office):
    hazard = accepted_hazard(office, responsible_party=Party("tenant", "张三"))
    office.keep(replace(hazard, responsible_party=PARTY))
    named = take(office, li, hazard, Assign, lead="zhao", responsible_party=PARTY)
    assert fix(office, named, li, on_behalf_of=HIDDEN).fixed_by == HIDDEN


def test_a_party_may_have_the_name_of_an_account_in_any_normal_form(office):
    office.keep(replace(person("caf\u00e9"), username="caf\u00e9"))
    hazard = assigned_hazard(office, responsible_party=Party("merchant", "cafe\u0301"))
    assert fix(office, hazard, li, on_behalf_of="caf\u00e9").fixed_by == "caf\u00e9"
    assert fix(office, assigned_hazard(office), li, on_behalf_of="张三").fixed_by == "张三"


# links and erasures -----------------------------------------------------------------------------------------------


def test_the_words_of_a_link_and_of_the_fix_behind_it_are_cleaned(office):
    hazard = assigned_hazard(office, responsible_party=SHOP)
    new = NewLink(new_id(), measures=RAW)
    link = office.do(make_link, li, hazard.id, new, TOKEN, NOW).link
    assert office.history_entry(link.id).facts["measures"] == CLEAN
    assert office.do(make_link, li, hazard.id, new, TOKEN, NOW).repeated
    nothing = office.do(make_link, li, hazard.id, NewLink(new_id(), measures="\u200b"), "e" * 64, NOW).link
    assert "measures" not in office.history_entry(nothing.id).facts
    office.keep(replace(office.get(Hazard, hazard.id), responsible_party=PARTY))
    sent = SubmitFix(id=new_id(), version=hazard.version, method="\u200b", quantity_done=1)
    assert refused_fields(office, submit_fix_by_link, TOKEN, sent, NOW) == {"method": MISSING_WORDS}


def test_the_reason_of_an_erasure_is_cleaned(office):
    hazard = accepted_hazard(office)
    sent = Erasure(new_id(), ("description",), RAW)
    office.do(erase_hazard_texts, gao, hazard.id, sent, NOW)
    assert office.history_entry(sent.id).facts["reason"] == CLEAN
    assert office.do(erase_hazard_texts, gao, hazard.id, sent, NOW).repeated
    nothing = Erasure(new_id(), ("pl\u200bace",), "\u200b")
    wrong = {"fields[0]": INVISIBLE_WORDS, "reason": MISSING_WORDS}
    assert refused_fields(office, erase_hazard_texts, gao, hazard.id, nothing, NOW) == wrong


# people and settings ----------------------------------------------------------------------------------------------


def test_names_of_people_and_keys_are_refused_unless_they_are_stored_already(office):
    asked = NewPerson("sun2", HIDDEN, "a-password-for-Tests")
    assert refused_fields(office, add_person, EVERYTHING, asked, "hash") == {"name": INVISIBLE_WORDS}
    old = Person("sun2", HIDDEN, (), "hash")
    office.keep(old)
    assert office.do(add_person, EVERYTHING, asked, "hash").repeated
    change = PersonChange(version=1, name="李\u200b四")
    assert refused_fields(office, change_person, EVERYTHING, "sun2", change, None, NOW) == {"name": INVISIBLE_WORDS}
    changed = office.do(
        change_person, EVERYTHING, "sun2", PersonChange(version=1, name=HIDDEN, email="a@b.cn"), None, NOW
    )
    assert changed.name == HIDDEN
    key = NewApiKey(new_id(), HIDDEN, "", later(days=9))
    assert refused_fields(office, make_key, ZHENG, key, "d", NOW) == {"name": INVISIBLE_WORDS}
    office.keep(ApiKey(key.id, HIDDEN, Role.ANALYST, "", "zheng", NOW, later(days=9), "d"))
    assert office.do(make_key, ZHENG, key, "d", NOW).repeated


@pytest.mark.parametrize("stored", [RAW, CLEAN])
def test_the_reason_of_a_delegation_is_cleaned(office, stored):
    sent = NewDelegation(new_id(), "li", NOW, later(days=9), RAW)
    made = office.do(make_delegation, ma, sent, NOW).delegation
    assert made.reason == CLEAN
    office.keep(replace(made, reason=stored))
    assert office.do(make_delegation, ma, sent, NOW).repeated
    for wrong in (replace(sent, reason="别的"), replace(sent, to="zhao")):
        with pytest.raises(IdConflict, match="reason" if wrong.reason != RAW else "to"):
            office.do(make_delegation, ma, wrong, NOW)
    nothing = replace(sent, id=new_id(), reason="\u200b", to="l\u200bi")
    wrong = {"reason": MISSING_WORDS, "to": INVISIBLE_WORDS}
    assert refused_fields(office, make_delegation, ma, nothing, NOW) == wrong


def test_names_of_categories_are_refused_unless_they_are_stored_already(office):
    old = office.category("EV-03")
    policy = CategoryPolicy(HIDDEN, old.group, old.priority, old.term, "处\u3164")
    wrong = {"name": INVISIBLE_WORDS, "unit": INVISIBLE_WORDS}
    assert refused_fields(office, edit_category, "EV-03", policy) == wrong
    assert refused_fields(office, edit_category, "EV-99", policy) == wrong
    office.keep(replace(old, name=HIDDEN, unit="处\u3164"))
    assert office.do(edit_category, "EV-03", replace(policy, advisory=True)).name == HIDDEN


def test_names_of_days_are_refused_unless_they_are_stored_already(office):
    days = tuple(NamedDay(each.day, each.working, each.name) for each in scheduled_days(2026))
    hidden = (replace(days[0], name="元\u200b旦"), *days[1:])
    sent = NewCalendar("国办发明电\u200b", hidden)
    assert refused_fields(office, edit_calendar, 2026, sent) == {"days[0].name": INVISIBLE_WORDS}
    stored = office.do(edit_calendar, 2026, NewCalendar("国办发明电\u200b", days))
    assert {each.source for each in stored} == {"国办发明电"}
    office.keep(replace(stored[0], name="元\u200b旦"))
    assert office.do(edit_calendar, 2026, sent)[0].name == "元\u200b旦"


def test_a_template_is_refused_unless_its_characters_join_visible_ones(office):
    sent = NewTemplate(0, "⚠️ 派\u200b单", "{number}\u202e")
    assert refused_fields(office, edit_template, ZHENG, "assign", sent, NOW) == {
        "title": INVISIBLE_WORDS,
        "text": INVISIBLE_WORDS,
    }
    edited = office.do(edit_template, ZHENG, "assign", NewTemplate(0, "⚠️ 派单", "{number}"), NOW)
    assert edited.title == "⚠️ 派单"
    office.keep(replace(get_template(office, "assign"), title="派\u200b单"))
    again = office.do(edit_template, ZHENG, "assign", NewTemplate(1, "派\u200b单", "{place}"), NOW)
    assert (again.title, again.text) == ("派\u200b单", "{place}")


def test_a_dispatch_rule_finds_the_group_of_its_categories_in_any_normal_form(office):
    wrong = NewDispatchRule(new_id(), HERE.code, "zhao", group="通\u200b道")
    assert refused_fields(office, add_dispatch_rule, gao, wrong) == {"group": INVISIBLE_WORDS}
    category = replace(office.category("EV-03"), group="Caf\u00e9")
    office.keep(category)
    sent = NewDispatchRule(new_id(), HERE.code, "zhao", group="Cafe\u0301")
    made = office.do(add_dispatch_rule, gao, sent).rule
    assert office.do(add_dispatch_rule, gao, replace(sent, group="Caf\u00e9")).repeated
    hazard = accepted_hazard(office)
    assert made.matches(hazard, category)
    assert not made.matches(hazard, replace(category, group="Cafe"))


# devices and their messages ---------------------------------------------------------------------------------------


def test_the_name_of_a_device_is_refused_and_its_place_cleaned(office):
    asked = new_monitor(name=HIDDEN, place=RAW)
    assert refused_fields(office, register_monitor, gao, asked, "s", NOW) == {"name": INVISIBLE_WORDS}
    made = office.do(register_monitor, gao, replace(asked, name="总箱"), "s", NOW).monitor
    assert made.place == CLEAN
    assert office.do(register_monitor, gao, replace(asked, name="总箱"), "s", NOW).repeated
    office.keep(replace(made, name=HIDDEN, place=RAW))
    assert office.do(register_monitor, gao, asked, "s", NOW).repeated
    changed = office.do(change_monitor, gao, replace(asked, silent_after_h=3), NOW, active=True)
    assert (changed.name, changed.place) == (HIDDEN, RAW)
    wrong = replace(asked, name="李\u200b四")
    assert refused_fields(office, change_monitor, gao, wrong, NOW, active=True) == {"name": INVISIBLE_WORDS}
    plan = MaintenancePlan(NOW, later(days=1), RAW)
    assert office.do(plan_maintenance, gao, "A-1", plan, NOW).maintenance.reason == CLEAN
    plan = MaintenancePlan(NOW, later(days=1), "\u200b")
    assert refused_fields(office, plan_maintenance, gao, "A-1", plan, NOW) == {"reason": MISSING_WORDS}


def test_the_case_of_an_older_device_has_clean_words(office):
    made = office.do(register_monitor, gao, new_monitor(), "s", NOW).monitor
    office.keep(replace(made, name=RAW, place=RAW))
    receive_messages(office, message(600))
    case = office.get(Hazard, only_alert(office).hazard)
    assert case.place == CLEAN
    assert case.description.startswith(f"{CLEAN}：")


def import_devices(office, *rows, apply=True):
    listing = parse_monitor_table([["\ufeff设备编号", "设备名称", "类型", "社区\u200b", "地点"], *rows], DEVICE_NAMES)
    return office.do(import_monitors, "gao", EVERYWHERE, listing, ["s"] * len(listing.lines), NOW, apply=apply)


def test_an_imported_device_is_refused_by_name_and_named_by_its_clean_place(office):
    done = import_devices(office, ["B-1", "", "住户", "Caf\u00e9", RAW])
    assert done.new == 1
    assert (office.get(Monitor, "B-1").name, office.get(Monitor, "B-1").place) == (CLEAN, CLEAN)
    assert import_devices(office, ["B-1", "", "住户", "Cafe\u0301", RAW]).already == 1
    office.keep(replace(office.get(Monitor, "B-1"), name=RAW, place=RAW))
    assert import_devices(office, ["B-1", "", "住户", HERE.code, RAW]).already == 1
    wrong = import_devices(
        office,
        ["C-1", HIDDEN, "住户", HERE.code, "3幢"],
        ["C-2", "", "住户", HERE.code, "\u200b"],
        ["C-3", "", "住户", "电\u200b子", "3幢"],
        ["C-4", "", "住户", "月球", "3幢"],
        apply=False,
    )
    assert (wrong.lines, wrong.new, wrong.already, wrong.wrong) == (4, 0, 0, 4)
    assert sorted((each.line, each.column, each.message) for each in wrong.errors) == [
        ("2", "name", INVISIBLE_WORDS),
        ("3", "name", INVISIBLE_WORDS),
        ("4", "community", INVISIBLE_WORDS),
        ("5", "community", "没有“月球”，请用系统中的名称或代码"),
    ]


def test_a_message_counts_although_its_words_hide_characters():
    payload = '{"剩余\u200b": 0, "Metric\u200b": "residual\u200b_current", "value": "0.45", "unit": "A\u200b",'
    payload += ' "level": "二\u202e级", "status": "恢\u200b复", "id": "7\u200b"}'
    (found,) = read(Vendor.CANONICAL, "A-1", payload.encode())
    assert (found.value, found.cleared, found.level) == (450, True, "二级")
    assert found.message_id == "7\u200b"  # it decides what is a repetition
    assert found.raw == payload  # the evidence
    (found,) = read(Vendor.CANONICAL, "A-1", payload.replace("二\u202e级", "\u200b").encode())
    assert found.level is None


# tables -----------------------------------------------------------------------------------------------------------


def import_communities(office, *rows, apply=True):
    listing = parse_community_table([["代码\u200b", "名称", "街道"], *rows])
    return office.do(import_places, EVERYWHERE, listing, apply=apply)


def test_names_of_communities_are_refused_unless_they_are_stored_already(office):
    wrong = import_communities(
        office, [HERE.code, "电\u200b子", ""], ["330402009001", "新社区", "新\u00ad嘉"], apply=False
    )
    assert [(each.line, each.column, each.message) for each in wrong.errors] == [
        ("2", "name", INVISIBLE_WORDS),
        ("3", "street", INVISIBLE_WORDS),
    ]
    with pytest.raises(InvalidLines):
        import_communities(office, [HERE.code, "电\u200b子", ""])
    office.keep(Community(HERE.code, "电\u200b子"))
    assert import_communities(office, [HERE.code, "电\u200b子", "新嘉街道"]).changed == 0


def test_another_spelling_of_a_name_is_no_change(office):
    assert import_communities(office, [HERE.code, "Cafe\u0301", "Caf\u00e9"]).changed == 1
    assert import_communities(office, [HERE.code, "Caf\u00e9", "Cafe\u0301"]).changed == 0
    assert office.community(HERE.code).name == "Cafe\u0301"


OLD_ROW = {"社区": "Cafe\u0301", "地点": RAW, "类别": "OT-99", "隐患描述": RAW, "上报时间": "2025-03-04", "备注": RAW}


def read_ledger(**row):
    full = OLD_ROW | row
    names = build_name_index([Community(HERE.code, "Caf\u00e9")], CATALOGUE)
    return parse_ledger([LedgerSheet(list(full), [("2", list(full.values()))])], names, NOW)


def import_row(office, **row):
    return office.do(import_ledger, "li", EVERYWHERE, read_ledger(**row), NOW)


def test_the_words_of_an_old_ledger_are_cleaned_and_its_lines_recognised(office):
    assert import_row(office, 空="\u200b", 整改措施=RAW).new == 1
    (hazard,) = office.all(Hazard)
    assert (hazard.place, hazard.description, hazard.fix_method) == (CLEAN, CLEAN, CLEAN)
    (line,) = office.all(HistoryEntry)
    assert line.facts["other"] == {"备注": CLEAN}
    assert import_row(office, 空="\u200b", 整改措施=RAW).already == 1


def test_a_line_that_was_imported_before_the_rule_is_recognised(office):
    ledger = read_ledger(编号="7", 责任主体=HIDDEN)
    assert [each.message for each in preview_import(office, EVERYWHERE, ledger).errors] == [INVISIBLE_WORDS]
    import_row(office, 编号="7", 责任主体="张三")
    ((_, line),) = ledger.lines
    change_facts(office, line.id, place=RAW, description=RAW, party=HIDDEN, other={"备注": RAW})
    assert import_row(office, 编号="7", 责任主体=HIDDEN).already == 1
    with pytest.raises(InvalidLines):
        import_row(office, 编号="7", 责任主体=HIDDEN, 地点="别处")


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ({"社区": "电\u200b子"}, "社区", INVISIBLE_WORDS),
        ({"社区": "月球"}, "社区", "没有“月球”，请用系统中的名称或代码"),
        ({"状态": "已整\u200b改"}, "状态", INVISIBLE_WORDS),
        ({"责任主体": HIDDEN}, "责任主体", INVISIBLE_WORDS),
        ({"复查人": HIDDEN}, "复查人", INVISIBLE_WORDS),
        ({"编号": "7\u200b"}, "编号", INVISIBLE_WORDS),
        ({"地点": "\u200b"}, "地点", MISSING_WORDS),
    ],
)
def test_a_name_in_an_old_ledger_is_refused_by_line(office, row, column, words):
    seen = preview_import(office, EVERYWHERE, read_ledger(**row))
    assert [(each.line, each.column, each.message) for each in seen.errors] == [("2", column, words)]
    assert (seen.new, seen.already, seen.wrong) == (0, 0, 1)
    with pytest.raises(InvalidLines):
        import_row(office, **row)


def test_a_request_without_hidden_characters_is_returned_as_it_is():
    sent = report(responsible_party=SHOP)
    assert check_texts(sent)[0] is sent
