"""Proves how a checklist is edited, published and retired, and what is refused in one."""

from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from inspections.errors import ChecklistVersionConflict, InvalidInput, NotFound, WrongChecklistState
from inspections.rounds.actions.checklists import ChecklistFile, publish_checklist, retire_checklist, save_draft
from inspections.rounds.checklists import MAX_ITEMS, ChecklistState, Choice, Condition, FaultReport, Section
from tests.builders.checklists import (
    CHARGES,
    DISTANCE,
    DRAFT,
    INDOORS,
    METER,
    PROTECTED,
    REMARK,
    SECTIONS,
    change_item,
)
from tests.builders.office import NOW, Office, ma

LATER = NOW + timedelta(hours=1)


def save(office, draft=DRAFT, **changes):
    return office.do(save_draft, ma, replace(draft, **changes), NOW)


def test_a_draft_is_saved_edited_and_published():
    office = Office()
    saved = save(office)
    assert saved.is_new
    assert (saved.draft.version, saved.draft.revision, saved.draft.state) == (1, 1, ChecklistState.DRAFT)
    edited = save(office, name="电动自行车充电棚检查表", revision=1)
    assert not edited.is_new
    assert (edited.draft.version, edited.draft.revision) == (1, 2)
    published = office.do(publish_checklist, ma, "e-bike-shed", 1, LATER)
    assert (published.name, published.state) == ("电动自行车充电棚检查表", ChecklistState.PUBLISHED)
    assert (published.edited_by, published.edited_at) == ("ma", LATER)


def test_a_new_version_retires_the_one_before():
    office = Office()
    save(office)
    office.do(publish_checklist, ma, "e-bike-shed", 1, NOW)
    second = save(office, name="新版").draft
    assert (second.version, second.revision) == (2, 1)
    office.do(publish_checklist, ma, "e-bike-shed", 2, NOW)
    states = [(each.version, each.state.value) for each in office.checklist_versions("e-bike-shed")]
    assert states == [(2, "published"), (1, "retired")]


def test_repeated_requests_change_nothing():
    office = Office()
    first = save(office)
    assert save(office).draft == first.draft
    published = office.do(publish_checklist, ma, "e-bike-shed", 1, NOW)
    assert office.do(publish_checklist, ma, "e-bike-shed", 1, LATER) == published
    retired = office.do(retire_checklist, ma, "e-bike-shed", 1, NOW)
    assert office.do(retire_checklist, ma, "e-bike-shed", 1, LATER) == retired


def test_two_editors_of_a_draft_do_not_overwrite_each_other():
    office = Office()
    save(office)
    save(office, name="甲", revision=1)
    with pytest.raises(ChecklistVersionConflict) as refused:
        save(office, name="乙", revision=1)
    assert refused.value.facts == {"sent": 1, "current": 2}
    with pytest.raises(ChecklistVersionConflict):
        save(Office(), revision=3)


def test_only_a_draft_is_published_and_only_a_published_version_retired():
    office = Office()
    save(office)
    with pytest.raises(WrongChecklistState):
        office.do(retire_checklist, ma, "e-bike-shed", 1, NOW)
    office.do(publish_checklist, ma, "e-bike-shed", 1, NOW)
    office.do(retire_checklist, ma, "e-bike-shed", 1, NOW)
    with pytest.raises(WrongChecklistState):
        office.do(publish_checklist, ma, "e-bike-shed", 1, NOW)
    for code, version in (("e-bike-shed", 2), ("none", 1)):
        with pytest.raises(NotFound):
            office.do(publish_checklist, ma, code, version, NOW)


def test_a_file_comes_back_as_the_same_list():
    file = ChecklistFile(DRAFT.code, DRAFT.name, DRAFT.sections)
    assert msgspec.json.decode(msgspec.json.encode(file), type=ChecklistFile) == file
    assert "weight" not in msgspec.to_builtins(DISTANCE), "what is left out has its default"


CHOICES = (Choice("a", "甲"), Choice("a", "乙"))


@pytest.mark.parametrize(
    ("item", "changes", "field", "words"),
    [
        (PROTECTED, {"code": "1.1"}, "sections[0].items[1].code", "检查项编号 1.1 重复"),
        (INDOORS, {"choices": (Choice("a", "甲"),)}, "sections[0].items[2].choices", "选择项至少要有两个选项"),
        (INDOORS, {"choices": CHOICES}, "sections[0].items[2].choices", "选项的值重复"),
        (CHARGES, {"choices": INDOORS.choices}, "sections[0].items[0].choices", "只有选择项才有选项"),
        (INDOORS, {"yes_is_fault": True}, "sections[0].items[2].yes_is_fault", "只有是否项才能这样设置"),
        (REMARK, {"good_to": 3}, "sections[1].items[2].unit", "只有数值项才有单位和上下限"),
        (REMARK, {"unit": "m"}, "sections[1].items[2].unit", "只有数值项才有单位和上下限"),
        (METER, {"most": -1}, "sections[1].items[1].most", "上限小于下限"),
        (DISTANCE, {"good_to": 3}, "sections[1].items[0].good_to", "合格上限小于合格下限"),
        (INDOORS, {"fault": FaultReport("XX-99", "无")}, "sections[0].items[2].fault.category", "没有这个隐患类别"),
        (METER, {"shown_if": Condition("9", ("yes",))}, "sections[1].items[1].shown_if.item", "没有检查项 9"),
        (
            METER,
            {"shown_if": Condition("1.3", ("shed", "roof", "yes"))},
            "sections[1].items[1].shown_if.answers",
            "检查项 1.3 没有这些答案：roof、yes",
        ),
        (
            METER,
            {"shown_if": Condition("2.1", ("6",))},
            "sections[1].items[1].shown_if.answers",
            "检查项 2.1 没有这些答案：6",
        ),
        (CHARGES, {"shown_if": Condition("1.1", ("no",))}, "sections", "检查项 1.1 的显示条件互相依赖"),
        (CHARGES, {"shown_if": Condition("1.2", ("no",))}, "sections", "检查项 1.1、1.2 的显示条件互相依赖"),
    ],
)
def test_a_wrong_item_is_refused_in_words(item, changes, field, words):
    with pytest.raises(InvalidInput) as refused:
        save(Office(), change_item(item, **changes))
    assert refused.value.facts["errors"] == [(field, words)]


def test_a_list_has_a_bound():
    many = tuple(replace(REMARK, code=f"{number}") for number in range(MAX_ITEMS))
    save(Office(), sections=(Section("全部", many),))
    with pytest.raises(InvalidInput) as refused:
        save(Office(), sections=(Section("全部", many), Section("另", (METER,))))
    assert refused.value.facts["errors"] == [("sections", f"一张检查表最多 {MAX_ITEMS} 项")]


def test_items_that_wait_for_one_that_runs_in_a_circle_are_no_further_circle():
    sections = change_item(CHARGES, shown_if=Condition("1.2", ("no",))).sections
    waiting = replace(REMARK, code="9", shown_if=Condition("1.2", ("yes",)))
    with pytest.raises(InvalidInput) as refused:
        save(Office(), sections=(*sections, Section("另", (waiting,))))
    assert refused.value.facts["errors"] == [("sections", "检查项 1.1、1.2 的显示条件互相依赖")]


def test_the_starting_sections_are_right():
    assert save(Office()).draft.items.keys() == {item.code for each in SECTIONS for item in each.items}
