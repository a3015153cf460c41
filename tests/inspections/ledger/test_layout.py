"""The layout of the ledger is edited by version, and what the import could not read is refused."""

from datetime import timedelta

import pytest

from inspections.errors import InvalidInput, RulesVersionConflict
from inspections.ledger.actions.layout import edit_layout, ledger_layout
from inspections.ledger.cells import read_point
from inspections.ledger.columns import REQUIRED_FIELDS, assign_columns, kept_text
from inspections.ledger.layout import DEFAULT_LAYOUT, LedgerColumn, NewLayout, find_layout_errors, own_titles
from inspections.places.coordinates import Point
from tests.builders.office import NOW, Office, li

NEEDED = tuple(map(LedgerColumn, REQUIRED_FIELDS))


def test_the_default_has_no_errors_and_no_titles_of_an_office():
    assert find_layout_errors(DEFAULT_LAYOUT.columns) == []
    assert own_titles(DEFAULT_LAYOUT) == ({}, {})


def test_a_layout_is_replaced_by_whoever_saw_its_version():
    office = Office()
    assert ledger_layout(office) == DEFAULT_LAYOUT
    first = office.do(edit_layout, li, NewLayout(0, NEEDED), NOW)
    assert (first.version, first.edited_by, first.columns) == (1, li.username, NEEDED)
    assert office.do(edit_layout, li, NewLayout(0, NEEDED), NOW + timedelta(1)) == first
    with pytest.raises(RulesVersionConflict):
        edit_layout(office, li, NewLayout(0, DEFAULT_LAYOUT.columns), NOW)
    assert office.do(edit_layout, li, NewLayout(1, DEFAULT_LAYOUT.columns), NOW).version == 2
    with pytest.raises(InvalidInput):
        edit_layout(office, li, NewLayout(2, NEEDED[1:]), NOW)


@pytest.mark.parametrize(
    ("column", "field", "words"),
    [
        (LedgerColumn("weather"), "columns[5].field", "没有这一列"),
        (LedgerColumn(), "columns[5].title", "自定义列须有列名"),
        (LedgerColumn(None, "天 气"), "columns[5].title", "列名不能有空格"),
        (LedgerColumn("place"), "columns[5].title", "列“地点”重复"),
        (LedgerColumn("party", "地点"), "columns[5].title", "列“地点”重复"),
        (LedgerColumn(None, "检查人"), "columns[5].title", "“检查人”是另一列的名称"),
        (LedgerColumn("remark", "数量"), "columns[5].title", "“数量”是另一列的名称"),
    ],
)
def test_a_column_that_the_import_could_not_tell_is_refused(column, field, words):
    assert find_layout_errors((*NEEDED, column)) == [(field, words)]


def test_a_layout_without_what_the_import_needs_is_refused():
    assert find_layout_errors((LedgerColumn("found_at"), *NEEDED[1:])) == []
    assert find_layout_errors(NEEDED[:1]) == [("columns", "缺少列：社区、地点、类别、隐患描述，导出的台账将无法再导入")]


def test_titles_of_the_office_are_found_by_the_import():
    own = (LedgerColumn("place", "隐患部位"), LedgerColumn("inspector", "网格员"), LedgerColumn(None, "天气"))
    layout = DEFAULT_LAYOUT.__class__("ledger", 1, own, None, None)
    found = assign_columns(
        ["上报时间", "社区", "地址", "隐患部位", "类别", "隐患描述", "网格员", "天气"], own_titles(layout)
    )
    assert [(each.title, each.field) for each in found[2:4]] == [("地址", None), ("隐患部位", "place")]
    assert [(each.title, each.field, each.is_aside) for each in found[-2:]] == [
        ("检查人", None, False),
        ("天气", None, True),
    ]


def test_what_a_sheet_said_is_found_by_any_title_of_its_column():
    assert kept_text({"检查人员": "王五"}, "inspector") == "王五"
    assert kept_text({"检查人": None, "检查人员": ""}, "inspector") is None


def test_a_point_is_read_as_the_ledger_writes_it():
    assert read_point("30.765,120.75 WGS-84") == Point(30.765, 120.75, "wgs84")
    assert [read_point(text) for text in (None, "30.7,120.7", "91,120 BD-09", "x")] == [None] * 4
