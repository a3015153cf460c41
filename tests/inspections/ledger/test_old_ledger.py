"""The old spreadsheet: what of it is understood, and what is said about the rest."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspections.accounts.policy import Scope
from inspections.calendar import shanghai_date
from inspections.errors import Invalid, Missing
from inspections.hazards.history import breaks
from inspections.hazards.records import OPEN, Entry, Hazard, Outcome, State
from inspections.ledger.actions.legacy_import import import_ledger, previewed
from inspections.ledger.legacy_import import LINES, TITLES, Names, OldLine, Sheet, is_head, names_of, understood
from inspections.office.categories import CATALOGUE, Priority, Severity
from inspections.places.communities import Community
from inspections.table_import import SHOWN, LineError, LinesWrong
from tests.builders.histories import heading
from tests.builders.office import DAY, HERE, NOW, THERE, Office, li

NAMES = Names(
    {HERE.name: HERE.code, HERE.code: HERE.code, THERE.name: THERE.code}, {"楼道堆物": "EV-03", "OT-99": "OT-99"}
)
ROW = {"社区": HERE.name, "地点": "3幢", "类别": "楼道堆物", "隐患描述": "纸板", "上报时间": "2025-03-04 09:30"}
EVERYWHERE = Scope("", ("",), ())


def read(*rows, **more):
    """What a sheet of these lines says; each over ROW."""
    full = [ROW | row | more for row in (rows or [{}])]
    titles = list(dict.fromkeys(title for row in full for title in row))
    lines = [(str(at), [row.get(title) for title in titles]) for at, row in enumerate(full, 2)]
    return understood([Sheet(titles, lines)], NAMES, NOW)


def the_line(**row):
    said = read(row)
    assert said.errors == []
    ((_, line),) = said.lines
    return line


def the_errors(**row):
    said = read(row)
    assert said.lines == []
    return {each.column: each.message for each in said.errors}


def test_a_line_needs_five_columns_and_says_the_rest_by_default():
    line = the_line()
    assert (line.community, line.category, line.quantity, line.severity) == (HERE.code, "EV-03", 1, Severity.GENERAL)
    assert (line.state, line.outcome, line.closed_at) == (State.ACCEPTED, None, None)
    assert line.reported_at == line.found_at == line.accepted_at == datetime(2025, 3, 4, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "said",
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
def test_a_day_is_understood_as_people_write_it(said):
    assert the_line(上报时间=said).reported_at == datetime(2025, 3, 3, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    "said", ["昨天", "2025-02-30", "2025-13-1", "25-3-4", 45720.0, True, "2025-03-04 25:00", "9999-12-31"]
)
def test_what_is_no_date_is_said(said):
    assert "不是日期" in the_errors(上报时间=said)["上报时间"]


@pytest.mark.parametrize("year", [1, 9999])
def test_no_year_is_too_far_off_to_be_refused(year):
    assert "不是日期" in the_errors(上报时间=date(year, 1, 1))["上报时间"]
    assert "不是日期" in the_errors(整改期限=datetime(year, 1, 1))["整改期限"]  # noqa: DTZ001


def test_a_deadline_of_a_day_ends_with_it_and_may_lie_ahead():
    assert the_line(整改期限="2027-01-01").due_at == datetime(2027, 1, 1, 16, tzinfo=UTC)
    assert "今天之后" in the_errors(复查时间="2027-01-01")["复查时间"]


def test_a_closed_one_is_known_by_its_dates_or_its_words():
    by_date = the_line(复查时间="2025-03-06", 整改措施="清理", 复查人="李四", 数量="3")
    assert (by_date.state, by_date.outcome, by_date.quantity_done) == (State.CLOSED, Outcome.FIXED, 3)
    assert by_date.closed_at == datetime(2025, 3, 5, 16, tzinfo=UTC)
    by_words = the_line(整改情况="已整改", 完成时间="2025-03-06", 数量=3.0, 整改数量=2)
    assert (by_words.state, by_words.quantity_done, by_words.closed_at) == (State.CLOSED, 2, by_words.submitted_at)
    false = the_line(状态="已销号", 办结方式="误报", 复查时间="2025-03-06")
    assert (false.outcome, false.quantity_done) == (Outcome.FALSE_ALARM, 0)
    assert "须填" in the_errors(状态="已销号")["复查时间"]


def test_others_go_on_or_stay_ended():
    for words in ("待复查", "暂缓整改", "未整改", "否"):
        assert the_line(状态=words).state is State.ACCEPTED
    gone = the_line(状态="不予受理")
    assert (gone.state, gone.accepted_at, gone.closed_at) == (State.REJECTED, None, gone.reported_at)
    assert "删去该行" in the_errors(状态="重复并案")["状态"]
    assert "不认识" in the_errors(状态="不知道")["状态"]


def test_all_that_is_wrong_with_a_line_is_said_at_once():
    errors = the_errors(
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
    assert the_errors(地点="x" * 201, 复查时间="2024-01-01").keys() == {"地点", "复查时间"}
    assert the_errors(数量=1.5).keys() == {"数量"}


def test_what_we_have_no_field_for_is_kept_aside():
    line = the_line(备注="有照片", 联系电话="张三 13800000000", 单位="处", 序号=1.0)
    assert line.other == {"备注": "有照片", "联系电话": "张三 13800000000"}
    assert line.phone is None
    assert the_line(联系电话="0573-82000000").phone == "0573-82000000"
    assert read({"备注": "x"}).aside == ["备注"]
    assert the_line(地点="3幢\n2单元").place == "3幢 2单元"
    assert the_line(责任主体="某物业", 检查时间="另一列").party == "某物业"  # the first column of a field governs


def test_a_line_is_known_again_by_its_number_or_by_all_it_says():
    assert the_line(编号=12.0).id == the_line(编号="12", 隐患描述="别的").id
    assert the_line(编号="12").id != the_line(编号="12", 社区=THERE.name).id
    assert the_line(编号="12").id != the_line(编号="12", 上报时间="2024-03-04").id
    assert the_line().id == the_line().id != the_line(隐患描述="别的").id
    (error,) = read({"编号": "1"}, {"编号": "1"}, {"编号": "2"}).errors
    assert error == LineError("3", "编号", "与第 2 行重复")


def test_places_and_kinds_are_known_by_code_and_by_what_people_call_them():
    called = [Community("1", "电子社区居委会"), Community("2", "王江泾村村委会"), Community("3", "电子村村民委员会")]
    names = names_of([*called, Community("4", "社区")], CATALOGUE)
    assert names.communities == {
        "1": "1", "2": "2", "3": "3", "4": "4", "社区": "4",
        "电子社区居委会": "1", "电子社区": "1",
        "王江泾村村委会": "2", "王江泾村": "2", "王江泾": "2",
        "电子村村民委员会": "3", "电子村": "3",
    }  # fmt: skip  # 电子 alone may be either
    assert (names.categories["楼道堆物"], names.categories["EV-03"]) == ("EV-03", "EV-03")
    assert "EL-05" not in names.categories


def test_titles_are_found_by_any_of_their_names():
    assert is_head([" 社 区 ", "隐患地点", "问题描述", None, 3.0])
    assert not is_head(["新嘉街道安全隐患台账", None])
    for titles in TITLES.values():
        assert len(set(titles)) == len(titles)


def test_a_file_that_is_no_ledger_is_said_to_be_none():
    with pytest.raises(Invalid, match="找不到表头"):
        understood([], NAMES, NOW)
    with pytest.raises(Invalid, match="缺少列：上报时间、类别"):
        understood([Sheet(["社区", "地点", "隐患描述"], [])], NAMES, NOW)
    found = ["社区", "地点", "隐患描述", "发现日期", "类型"]
    assert understood([Sheet(found, [])], NAMES, NOW).count == 0
    with pytest.raises(Invalid, match=str(LINES)):
        understood([Sheet(found, [("1", [])] * (LINES + 1))], NAMES, NOW)


def test_ten_thousand_bad_lines_are_counted_and_the_first_are_named():
    said = read(*[{"社区": "某地"}] * LINES)
    assert (said.count, said.wrong, len(said.errors)) == (LINES, LINES, SHOWN)


@given(
    st.lists(
        st.one_of(st.none(), st.text(max_size=30), st.floats(), st.booleans(), st.datetimes(), st.timedeltas()),
        max_size=9,
    )
)
def test_whatever_stands_in_the_cells_is_understood_or_said_to_be_wrong(cells):
    titles = ["社区", "地点", "类别", "隐患描述", "上报时间", "数量", "状态", "联系电话", "备注"]
    said = understood([Sheet(titles, [("2", cells)])], NAMES, NOW)
    assert bool(said.lines) is not bool(said.errors)


# becoming cases ---------------------------------------------------------------------------------------------


def test_its_lines_become_cases_once():
    office = Office()
    said = read({"编号": "1"}, {"编号": "2", "复查时间": "2025-03-06", "责任主体": "某物业", "备注": "有照片"})
    assert previewed(office, EVERYWHERE, said).new == 2
    assert not office.all(Hazard)
    done = office.do(import_ledger, li.username, EVERYWHERE, said, NOW)
    assert (done.applied, done.lines, done.new, done.already) == (True, 2, 2, 0)
    going, closed = sorted(office.all(Hazard), key=lambda each: each.number)
    assert (going.number, closed.number) == ("XJ-2025-000001", "XJ-2025-000002")
    assert (going.source, going.reporter, going.priority) == ("ledger", li.username, office.category("EV-03").priority)
    assert going.due_at > NOW  # by policy, from today on
    assert going.next_check_at is not None
    assert (closed.state, closed.due_at, closed.next_check_at) == (State.CLOSED, None, None)
    assert (closed.responsible_party.name, closed.quantity_done) == ("某物业", 1)
    for hazard in (going, closed):
        (line,) = [each for each in office.all(Entry) if each.hazard == hazard.id]
        assert (line.step, line.by, line.at) == ("import", li.username, NOW)
        assert not list(breaks(heading(hazard), [line]))
    again = office.do(import_ledger, li.username, EVERYWHERE, said, NOW + DAY)
    assert (again.new, again.already) == (0, 2)
    assert len(office.all(Hazard)) == 2


def test_an_open_one_goes_on_from_its_own_deadline():
    office = Office()
    office.do(import_ledger, li.username, EVERYWHERE, read({"整改期限": "2025-03-10"}), NOW)
    (hazard,) = office.all(Hazard)
    assert shanghai_date(hazard.due_at - timedelta(seconds=1)) == date(2025, 3, 10)
    assert (hazard.state in OPEN, hazard.deadline_number, hazard.term) == (True, 1, None)


def test_one_without_a_priority_gets_the_ordinary_one():
    office = Office()
    office.do(import_ledger, li.username, EVERYWHERE, read({"类别": "OT-99"}), NOW)
    (hazard,) = office.all(Hazard)
    assert hazard.priority is Priority.NORMAL


def test_one_wrong_line_keeps_all_out():
    office = Office()
    office.do(import_ledger, li.username, EVERYWHERE, read({"编号": "1"}), NOW)
    said = read({"编号": "1", "隐患描述": "别的"}, {"编号": "2"}, {"编号": "3", "社区": THERE.name})
    mine = Scope("", (HERE.code,), ())
    seen = previewed(office, mine, said)
    assert (seen.applied, seen.lines, seen.new, seen.already, seen.wrong) == (False, 3, 1, 0, 2)
    assert [(each.line, each.message) for each in seen.errors] == [
        ("2", "该编号已导入过，内容不同：隐患描述"),
        ("4", "不在您的管理范围内"),
    ]
    with pytest.raises(LinesWrong) as refusal:
        import_ledger(office, li.username, mine, said, NOW)
    assert refusal.value.facts["wrong"] == 2
    assert refusal.value.facts["errors"][0].field == "2.编号"
    with pytest.raises(LinesWrong):
        import_ledger(office, li.username, EVERYWHERE, read({"社区": "某地"}), NOW)
    assert len(office.all(Hazard)) == 1


def test_a_place_that_went_away_meanwhile_is_missing():
    said = read()
    lost = OldLine(
        **{name: getattr(said.lines[0][1], name) for name in OldLine.__struct_fields__} | {"category": "ZZ-01"}
    )
    with pytest.raises(Missing):
        import_ledger(Office(), li.username, EVERYWHERE, type(said)(1, [("2", lost)], [], 0, []), NOW)
