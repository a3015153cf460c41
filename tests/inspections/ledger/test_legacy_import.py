"""Import of an old ledger: valid lines become hazards once, and every invalid line is reported."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspections.accounts.policy import Scope
from inspections.calendar import shanghai_date
from inspections.errors import InvalidInput, NotFound
from inspections.hazards.history import find_history_defects
from inspections.hazards.records import OPEN_STATES, Hazard, HistoryEntry, Outcome, State
from inspections.ledger.actions.legacy_import import import_ledger, preview_import
from inspections.ledger.cells import MergedCell, UnsavedFormula, cell_name, column_letters
from inspections.ledger.choices import NameIndex, build_name_index
from inspections.ledger.columns import TITLES, is_title_row
from inspections.ledger.legacy_import import MAX_LINES, LedgerSheet, OldLine, parse_ledger
from inspections.office.categories import CATALOGUE, Priority, Severity
from inspections.places.communities import Community
from inspections.table_import import MAX_LISTED_ERRORS, InvalidLines, LineError
from tests.builders.histories import history_summary
from tests.builders.office import DAY, HERE, NOW, THERE, Office, li

NAMES = NameIndex(
    {HERE.name: HERE.code, HERE.code: HERE.code, THERE.name: THERE.code}, {"楼道堆物": "EV-03", "OT-99": "OT-99"}
)
ROW = {"社区": HERE.name, "地点": "3幢", "类别": "楼道堆物", "隐患描述": "纸板", "上报时间": "2025-03-04 09:30"}
EVERYWHERE = Scope("", ("",), ())


def read(*rows, **more):
    """Parse a sheet of these lines; each line overrides the defaults of ROW."""
    full = [ROW | row | more for row in (rows or [{}])]
    titles = list(dict.fromkeys(title for row in full for title in row))
    lines = [(str(at), [row.get(title) for title in titles]) for at, row in enumerate(full, 2)]
    return parse_ledger([LedgerSheet(titles, lines)], NAMES, NOW)


def parse_line(**row):
    ledger = read(row)
    assert ledger.errors == []
    ((_, line),) = ledger.lines
    return line


def line_errors(**row):
    ledger = read(row)
    assert ledger.lines == []
    return {each.column: each.message for each in ledger.errors}


def test_a_line_needs_five_columns_and_gets_defaults_for_the_rest():
    line = parse_line()
    assert (line.community, line.category, line.quantity, line.severity) == (HERE.code, "EV-03", 1, Severity.GENERAL)
    assert (line.state, line.outcome, line.closed_at) == (State.ACCEPTED, None, None)
    assert line.reported_at == line.found_at == line.accepted_at == datetime(2025, 3, 4, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2025-3-4",
        "2025/03/04",
        "2025.3.4",
        "2025年3月4日",
        " 2025-03-04 00:00 ",
        "2025年3月4日 0时00分",
        date(2025, 3, 4),
        datetime(2025, 3, 4),  # noqa: DTZ001  # as a spreadsheet has it
    ],
)
def test_a_date_is_parsed_in_every_common_spelling(text):
    assert parse_line(上报时间=text).reported_at == datetime(2025, 3, 3, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["昨天", "2025-02-30", "2025-13-1", "25-3-4", 2025.3, 1, True, "2025-03-04 25:00", "9999-12-31"]
)
def test_an_invalid_date_is_reported(text):
    assert "不是日期" in line_errors(上报时间=text)["上报时间"]


@pytest.mark.parametrize("year", [1, 9999])
def test_a_year_out_of_range_is_reported_as_an_invalid_date(year):
    assert "不是日期" in line_errors(上报时间=date(year, 1, 1))["上报时间"]
    assert "不是日期" in line_errors(整改期限=datetime(year, 1, 1))["整改期限"]  # noqa: DTZ001


def test_a_deadline_of_a_day_ends_with_it_and_may_lie_ahead():
    assert parse_line(整改期限="2027-01-01").due_at == datetime(2027, 1, 1, 16, tzinfo=UTC)
    assert "今天之后" in line_errors(复查时间="2027-01-01")["复查时间"]


def test_a_closed_line_is_recognised_by_its_dates_or_its_status():
    by_date = parse_line(复查时间="2025-03-06", 整改措施="清理", 复查人="李四", 数量="3")
    assert (by_date.state, by_date.outcome, by_date.quantity_done) == (State.CLOSED, Outcome.FIXED, 3)
    assert by_date.closed_at == datetime(2025, 3, 5, 16, tzinfo=UTC)
    by_words = parse_line(整改情况="已整改", 完成时间="2025-03-06", 数量=3.0, 整改数量=2)
    assert (by_words.state, by_words.quantity_done, by_words.closed_at) == (State.CLOSED, 2, by_words.submitted_at)
    false = parse_line(状态="已销号", 办结方式="误报", 复查时间="2025-03-06")
    assert (false.outcome, false.quantity_done) == (Outcome.FALSE_ALARM, 0)
    assert "须填" in line_errors(状态="已销号")["复查时间"]


def test_open_lines_continue_and_rejected_lines_stay_rejected():
    for words in ("待复查", "暂缓整改", "未整改", "否"):
        assert parse_line(状态=words).state is State.ACCEPTED
    gone = parse_line(状态="不予受理")
    assert (gone.state, gone.accepted_at, gone.closed_at) == (State.REJECTED, None, gone.reported_at)
    assert "删去该行" in line_errors(状态="重复并案")["状态"]
    assert "不认识" in line_errors(状态="不知道")["状态"]


def test_all_errors_of_a_line_are_reported_at_once():
    errors = line_errors(
        社区="某地",
        类别="某类",
        地点="",
        隐患描述=None,
        数量="三",
        等级="很大",
        上报时间="",
        复查时间="2025-03-06",
        已整改数量=2,
    )
    assert errors.keys() == {"社区", "类别", "地点", "隐患描述", "数量", "等级", "上报时间", "已整改数量"}
    assert line_errors(地点="x" * 201, 复查时间="2024-01-01").keys() == {"地点", "复查时间"}
    assert line_errors(数量=1.5).keys() == {"数量"}


def test_columns_without_a_field_are_kept_separately():
    line = parse_line(备注="有照片", 联系电话="张三 13800000000", 单位="处", 序号=1.0)
    assert line.other == {"备注": "有照片", "联系电话": "张三 13800000000"}
    assert line.phone is None
    assert parse_line(联系电话="0573-82000000").phone == "0573-82000000"
    assert read({"备注": "x", "天气": "晴"}).aside == ["天气"]
    assert parse_line(地点="3幢\n2单元").place == "3幢 2单元"
    twice = parse_line(责任主体="某物业", 责任人="张三", 检查时间="另一列")  # the column titled as ours is used
    assert (twice.party, twice.other) == ("某物业", {"责任人": "张三", "检查时间": "另一列"})
    assert parse_line(责任人="张三", 责任单位="某物业").party == "张三"  # else the first


def test_cells_of_a_spreadsheet_are_named_as_it_shows_them():
    assert [column_letters(at) for at in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
    assert cell_name(3, "3月!12") == "D12"


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (date(2026, 3, 2), "是日期 2026-03-02，原文可能是 3-2，"),
        (date(2025, 12, 1), "原文可能是 12-1 或 2025-12，"),
        (datetime(2026, 3, 2, 8, 30), "是时间 2026-03-02 08:30，"),  # noqa: DTZ001  # as a spreadsheet has it
        (time(3, 2), "是时间 03:02，原文可能是 3:02，"),
        (timedelta(hours=27, minutes=5), "是时长，原文可能是 27:05，"),
        (True, "是逻辑值 TRUE，"),
        (3e201, "是数字 3e+201，原文可能是较长的编号，或含有字母 E，"),
        (float("nan"), "是数字 nan，"),
        (UnsavedFormula(), "的公式没有保存结果，"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_text_that_the_spreadsheet_converted_is_an_error(cell, said):
    (error,) = read({"地点": cell}).errors
    assert (error.column, error.message[:7]) == ("地点", "单元格 B2 ")
    assert said in error.message


def test_numbers_that_keep_their_digits_are_texts():
    assert [parse_line(地点=cell).place for cell in (302, 302.0, 3.5, "3E2")] == ["302", "302", "3.5", "3E2"]


@pytest.mark.parametrize("cell", [46000, 46000.0, "46000", 46000.0000001, date(2025, 12, 9)])
def test_a_serial_date_is_a_day(cell):
    line = parse_line(上报时间=cell, 整改期限=cell)
    assert (line.reported_at, line.due_at) == (
        datetime(2025, 12, 8, 16, tzinfo=UTC),
        datetime(2025, 12, 9, 16, tzinfo=UTC),
    )
    assert parse_line(上报时间="46000.5").reported_at == datetime(2025, 12, 9, 4, tzinfo=UTC)


def test_the_end_of_a_day_is_the_midnight_behind_it():
    assert parse_line(整改期限="2026-11-23 24:00").due_at == datetime(2026, 11, 23, 16, tzinfo=UTC)
    assert "不是日期" in line_errors(整改期限="2026-11-23 24:01")["整改期限"]
    assert "的公式没有保存结果" in line_errors(整改期限=UnsavedFormula())["整改期限"]
    assert "不是日期" in line_errors(整改期限=time(3))["整改期限"]


def merged(*values):
    """The cells of a column that a merged cell spans from line 2 on."""
    return [MergedCell(values[0], "H2:H4", at > 0, beside=False, spans_lines=True) for at in range(len(values))]


def test_numbers_of_a_merged_cell_count_once_and_words_in_each_line():
    cells = {"数量": merged(5, 5, 5), "罚款": merged(500, 500, 500), "备注": merged("甲", "甲", "甲")}
    ledger = read(*[{title: found[at] for title, found in cells.items()} for at in range(3)])
    assert [each.quantity for _, each in ledger.lines] == [5, 0, 0]
    assert [each.other for _, each in ledger.lines] == [{"罚款": "500", "备注": "甲"}, {"备注": "甲"}, {"备注": "甲"}]
    assert ledger.notes == ["数量 H2:H4 合并单元格，只计一次，其余各行数量为 0", "罚款 H2:H4 合并单元格，只计一次"]
    beside = MergedCell(5, "G2:H2", below=False, beside=True, spans_lines=False)
    assert parse_line(数量=beside).quantity == 1
    assert read({"数量": MergedCell(5, "H2:I2", below=False, beside=False, spans_lines=False)}).notes == []
    assert parse_line(数量=MergedCell("", "H2:H4", below=True, beside=False, spans_lines=True)).quantity == 1
    several = parse_ledger([LedgerSheet([*ROW, "数量"], [("3月!2", [*ROW.values(), merged(5)[0]])])], NAMES, NOW)
    assert several.notes == ["3月!数量 H2:H4 合并单元格，只计一次，其余各行数量为 0"]


def test_a_closed_line_without_a_quantity_of_its_own_is_done():
    line = parse_line(数量=0, 复查时间="2025-03-06")
    assert (line.quantity, line.quantity_done, line.state) == (0, 0, State.CLOSED)


def test_a_formula_without_a_result_in_a_column_without_a_field_is_said():
    assert read({"备注": UnsavedFormula()}).notes == ["备注 F2 的公式没有保存结果，未导入"]


def test_a_column_that_is_twice_is_refused_and_an_unknown_one_is_kept():
    lines = [("2", [*ROW.values(), "甲", "乙", "丙"])]
    with pytest.raises(InvalidInput, match="有重复的列：社区"):
        parse_ledger([LedgerSheet([*ROW, "社区", "社区", ""], lines)], NAMES, NOW)
    ledger = parse_ledger([LedgerSheet([*ROW, "备注", "备注", ""], lines)], NAMES, NOW)
    assert (ledger.lines[0][1].other, ledger.aside) == ({"备注": "甲", "备注（2）": "乙"}, ["备注（2）"])


def test_a_second_column_for_a_field_makes_no_other_line():
    once, twice = {"责任主体": "某物业"}, {"责任主体": "某物业", "责任人": "张三"}
    assert parse_line(**once).id == parse_line(**twice).id
    office = Office()
    office.do(import_ledger, li.username, EVERYWHERE, read({"编号": "1", **once}), NOW)
    assert preview_import(office, EVERYWHERE, read({"编号": "1", **twice})).already == 1


def test_a_line_is_identified_by_its_number_or_by_its_content():
    assert parse_line(编号=12.0).id == parse_line(编号="12", 隐患描述="别的").id
    assert parse_line(编号="12").id != parse_line(编号="12", 社区=THERE.name).id
    assert parse_line(编号="12").id != parse_line(编号="12", 上报时间="2024-03-04").id
    assert parse_line().id == parse_line().id != parse_line(隐患描述="别的").id
    (error,) = read({"编号": "1"}, {"编号": "1"}, {"编号": "2"}).errors
    assert error == LineError("3", "编号", "与第 2 行重复")


def test_communities_and_categories_are_found_by_code_and_by_common_name():
    called = [Community("1", "电子社区居委会"), Community("2", "王江泾村村委会"), Community("3", "电子村村民委员会")]
    names = build_name_index([*called, Community("4", "社区")], CATALOGUE)
    assert names.communities == {
        "1": "1", "2": "2", "3": "3", "4": "4", "社区": "4",
        "电子社区居委会": "1", "电子社区": "1",
        "王江泾村村委会": "2", "王江泾村": "2", "王江泾": "2",
        "电子村村民委员会": "3", "电子村": "3",
    }  # fmt: skip  # 电子 alone may be either
    assert (names.categories["楼道堆物"], names.categories["EV-03"]) == ("EV-03", "EV-03")
    assert "EL-05" not in names.categories


def test_column_titles_are_found_by_any_of_their_names():
    assert is_title_row([" 社 区 ", "隐患地点", "问题描述", None, 3.0])
    assert not is_title_row(["新嘉街道安全隐患台账", None])
    for titles in TITLES.values():
        assert len(set(titles)) == len(titles)


def test_a_file_that_is_no_ledger_is_refused():
    with pytest.raises(InvalidInput, match="找不到表头"):
        parse_ledger([], NAMES, NOW)
    with pytest.raises(InvalidInput, match="缺少列：上报时间、类别"):
        parse_ledger([LedgerSheet(["社区", "地点", "隐患描述"], [])], NAMES, NOW)
    found = ["社区", "地点", "隐患描述", "发现日期", "类型"]
    assert parse_ledger([LedgerSheet(found, [])], NAMES, NOW).count == 0
    with pytest.raises(InvalidInput, match=str(MAX_LINES)):
        parse_ledger([LedgerSheet(found, [("1", [])] * (MAX_LINES + 1))], NAMES, NOW)


def test_ten_thousand_bad_lines_are_counted_and_only_the_first_are_listed():
    ledger = read(*[{"社区": "某地"}] * MAX_LINES)
    assert (ledger.count, ledger.wrong, len(ledger.errors)) == (MAX_LINES, MAX_LINES, MAX_LISTED_ERRORS)


@given(
    st.lists(
        st.one_of(st.none(), st.text(max_size=30), st.floats(), st.booleans(), st.datetimes(), st.timedeltas()),
        max_size=9,
    )
)
def test_any_cells_are_either_parsed_or_reported_as_errors(cells):
    titles = ["社区", "地点", "类别", "隐患描述", "上报时间", "数量", "状态", "联系电话", "备注"]
    ledger = parse_ledger([LedgerSheet(titles, [("2", cells)])], NAMES, NOW)
    assert bool(ledger.lines) is not bool(ledger.errors)


# importing --------------------------------------------------------------------------------------------------


def test_lines_are_imported_as_hazards_once():
    office = Office()
    ledger = read({"编号": "1"}, {"编号": "2", "复查时间": "2025-03-06", "责任主体": "某物业", "备注": "有照片"})
    assert preview_import(office, EVERYWHERE, ledger).new == 2
    assert not office.all(Hazard)
    done = office.do(import_ledger, li.username, EVERYWHERE, ledger, NOW)
    assert (done.applied, done.lines, done.new, done.already) == (True, 2, 2, 0)
    going, closed = sorted(office.all(Hazard), key=lambda each: each.number)
    assert (going.number, closed.number) == ("XJ-2025-000001", "XJ-2025-000002")
    assert (going.source, going.reporter, going.priority) == ("ledger", li.username, office.category("EV-03").priority)
    assert going.due_at > NOW  # from today on, by the policy of its category
    assert going.next_check_at is not None
    assert (closed.state, closed.due_at, closed.next_check_at) == (State.CLOSED, None, None)
    assert (closed.responsible_party.name, closed.quantity_done) == ("某物业", 1)
    for hazard in (going, closed):
        (line,) = [each for each in office.all(HistoryEntry) if each.hazard == hazard.id]
        assert (line.step, line.by, line.at) == ("import", li.username, NOW)
        assert not list(find_history_defects(history_summary(hazard), [line]))
    again = office.do(import_ledger, li.username, EVERYWHERE, ledger, NOW + DAY)
    assert (again.new, again.already) == (0, 2)
    assert len(office.all(Hazard)) == 2


def test_an_open_line_keeps_its_own_deadline():
    office = Office()
    office.do(import_ledger, li.username, EVERYWHERE, read({"整改期限": "2025-03-10"}), NOW)
    (hazard,) = office.all(Hazard)
    assert shanghai_date(hazard.due_at - timedelta(seconds=1)) == date(2025, 3, 10)
    assert (hazard.state in OPEN_STATES, hazard.deadline_number, hazard.term) == (True, 1, None)


def test_a_line_without_a_priority_gets_the_normal_one():
    office = Office()
    office.do(import_ledger, li.username, EVERYWHERE, read({"类别": "OT-99"}), NOW)
    (hazard,) = office.all(Hazard)
    assert hazard.priority is Priority.NORMAL


def test_one_invalid_line_prevents_the_whole_import():
    office = Office()
    office.do(import_ledger, li.username, EVERYWHERE, read({"编号": "1"}), NOW)
    ledger = read({"编号": "1", "隐患描述": "别的"}, {"编号": "2"}, {"编号": "3", "社区": THERE.name})
    mine = Scope("", (HERE.code,), ())
    seen = preview_import(office, mine, ledger)
    assert (seen.applied, seen.lines, seen.new, seen.already, seen.wrong) == (False, 3, 1, 0, 2)
    assert [(each.line, each.message) for each in seen.errors] == [
        ("2", "该编号已导入过，内容不同：隐患描述"),
        ("4", "不在您的管理范围内"),
    ]
    with pytest.raises(InvalidLines) as refusal:
        import_ledger(office, li.username, mine, ledger, NOW)
    assert refusal.value.facts["wrong"] == 2
    assert refusal.value.facts["errors"][0].field == "2.编号"
    with pytest.raises(InvalidLines):
        import_ledger(office, li.username, EVERYWHERE, read({"社区": "某地"}), NOW)
    assert len(office.all(Hazard)) == 1


def test_a_category_that_was_removed_meanwhile_is_not_found():
    ledger = read()
    lost = OldLine(
        **{name: getattr(ledger.lines[0][1], name) for name in OldLine.__struct_fields__} | {"category": "ZZ-01"}
    )
    with pytest.raises(NotFound):
        import_ledger(Office(), li.username, EVERYWHERE, type(ledger)(1, [("2", lost)], [], 0, []), NOW)


def test_a_finding_in_the_future_is_kept_as_the_time_of_the_report_and_noted():
    office = Office()
    ledger = read({"编号": "1", "发现时间": "2027-03-04 09:30"})
    office.do(import_ledger, li.username, EVERYWHERE, ledger, NOW)
    (hazard,), (line,) = office.all(Hazard), office.all(HistoryEntry)
    assert hazard.found_at == hazard.reported_at == datetime(2025, 3, 4, 1, 30, tzinfo=UTC)
    assert line.facts["found_at"] == "2025-03-04T01:30:00Z"
    assert line.facts["found_at_sent"] == "2027-03-04T01:30:00Z"
    assert line.facts["found_at_difference_s"] == (datetime(2027, 3, 4, 1, 30, tzinfo=UTC) - NOW).total_seconds()
    assert office.do(import_ledger, li.username, EVERYWHERE, ledger, NOW + DAY).already == 1


def test_a_finding_in_the_future_is_an_error_where_it_stands_for_the_report():
    assert line_errors(上报时间=None, 发现时间="2027-03-04") == {"发现时间": "日期在今天之后"}


def test_lines_of_our_own_ledger_get_numbers_in_their_old_order():
    office = Office()
    rows = [{"编号": number, "隐患描述": number} for number in ("XJ-2025-000009", "旧1", "XJ-2025-000002")]
    office.do(import_ledger, li.username, EVERYWHERE, read(*rows), NOW)
    numbers = {each.description: each.number for each in office.all(Hazard)}
    assert numbers == {
        "XJ-2025-000002": "XJ-2025-000001",
        "XJ-2025-000009": "XJ-2025-000002",
        "旧1": "XJ-2025-000003",
    }


def test_a_point_and_the_standard_of_a_vehicle_become_fields():
    office = Office()
    row = {"坐标": "30.765,120.75 GCJ-02", "车辆国标": "旧国标"}
    office.do(import_ledger, li.username, EVERYWHERE, read(row), NOW)
    (hazard,) = office.all(Hazard)
    assert (hazard.point.lat, hazard.point.crs, hazard.vehicle_standard) == (30.765, "gcj02", "old")
