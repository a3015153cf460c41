"""The briefing text contains every figure as counted, omits empty parts, and never divides by zero."""

from datetime import date

import pytest
from msgspec.structs import replace

from inspections.errors import TooManyRequests
from inspections.hazards.measures import MEASURES
from inspections.periods import Period
from inspections.statistics.actions import MAX_NEW_BRIEFINGS, save_briefing
from inspections.statistics.briefing import (
    Briefing,
    BriefingInput,
    briefing_title,
    snapshot_id,
    write_paragraph,
    yearly_report_text,
)
from inspections.statistics.metrics import Counts, OverdueCounts
from tests.builders.office import HERE, NOW, Office, later

NOVEMBER = Period(date(2026, 11, 1), date(2026, 11, 30))


def counts_of(overdue=0, **numbers):
    return Counts(tuple(numbers.get(name, 0) for name in MEASURES), OverdueCounts(overdue))


def briefing_input(period=NOVEMBER, row=None, before=None, year_before=None, groups=None, communities=None):
    return BriefingInput(
        "新嘉街道",
        period,
        NOW,
        (row or counts_of()).row(),
        (before or counts_of()).numbers(),
        (year_before or counts_of()).numbers(),
        {name: each.numbers() for name, each in (groups or {}).items()},
        {name: each.numbers() for name, each in (communities or {"南江社区": counts_of()}).items()},
    )


def test_the_paragraph_of_a_month_contains_every_figure():
    row = counts_of(
        2,
        received=40,
        duplicate=4,
        accepted=35,
        rejected=1,
        closed=30,
        fixing=3,
        waiting=1,
        pending_recheck=1,
        cohort_accepted=35,
        cohort_closed=30,
        quantity_found=60,
        quantity_done=51,
        fixed_on_spot=12,
        due_ended=20,
        due_met=18,
    )
    words = write_paragraph(
        briefing_input(
            row=row,
            before=counts_of(received=32),
            year_before=counts_of(received=45),
            groups={"电动车充电": counts_of(received=25), "燃气": counts_of(), "生命通道": counts_of(received=15)},
            communities={"甲社区": counts_of(1), "乙社区": counts_of(), "丙社区": counts_of(3)},
        )
    )
    assert words == (
        "2026年11月1日至11月30日，新嘉街道3个社区共上报安全隐患40件，其中重复上报4件；受理35件，受理率97.22%。"
        "期间受理的隐患35件，涉及60处（辆、个），已整改51处（辆、个），整改率85%；已销号30件，办结率85.71%，即查即改12件；"
        "到期应整改20件，按期办结率90%。"
        "截至2026年11月23日9时0分，尚有5件未办结，其中待受理1件、整改期限内1件、逾期2件、待复查1件。"
        "上报件数环比上升25%，同比下降11.11%。"
        "从类别看，电动车充电25件、生命通道15件。"
        "逾期未整改较多的社区：丙社区3件、甲社区1件。"
    )


def test_an_empty_month_gets_a_paragraph_without_percentages():
    words = write_paragraph(briefing_input())
    assert "共上报安全隐患0件；受理0件。" in words
    assert "已全部办结" in words
    assert "环比持平，同比持平" in words
    assert "%" not in words
    assert "无可比数据" in write_paragraph(briefing_input(row=counts_of(received=1, waiting=1)))
    assert "持平" in write_paragraph(briefing_input(row=counts_of(received=1, waiting=1), before=counts_of(received=1)))


def test_a_month_with_evaluations_says_how_satisfied_people_were():
    words = write_paragraph(briefing_input(row=counts_of(evaluated=4, score_total=17, satisfied=3)))
    assert "期间销号的隐患收到评价4件，平均4.25分，满意（4分及以上）3件，满意率75%。" in words
    assert "评价" not in write_paragraph(briefing_input(row=counts_of(received=1)))


def test_the_yearly_report_has_its_own_sentences():
    year = Period(date(2024, 1, 1), date(2024, 12, 31))
    row = counts_of(received=400, quantity_found=600, quantity_done=570)
    groups = {"防盗窗拆除": counts_of(quantity_done=291), "用电监测": counts_of(quantity_done=43), "燃气": counts_of()}
    assert yearly_report_text(briefing_input(year, row, groups=groups)) == (
        "2024年，新嘉街道共排查发现安全隐患600处，完成整改570处，整改率95%。"
        "其中拆除、改造防盗窗（网）291处，消除用电隐患43处。"
    )
    assert yearly_report_text(briefing_input(year)) == "2024年，新嘉街道共排查发现安全隐患0处，完成整改0处。"
    assert not yearly_report_text(briefing_input())


@pytest.mark.parametrize(
    ("period", "words"),
    [
        (Period(date(2026, 11, 23), date(2026, 11, 23)), "2026年11月23日安全隐患排查整治情况"),
        (Period(date(2025, 12, 1), date(2026, 1, 31)), "2025年12月1日至2026年1月31日安全隐患排查整治情况"),
    ],
)
def test_the_title_names_the_days_of_the_period(period, words):
    assert briefing_title(period) == words


def test_the_same_figures_have_the_same_snapshot_id():
    assert snapshot_id({"a": 1, "b": 2}, NOVEMBER) == snapshot_id({"b": 2, "a": 1}, NOVEMBER)
    assert snapshot_id({"a": 1}) != snapshot_id({"a": 2})


def test_a_briefing_saved_again_keeps_its_first_time():
    office = Office()
    made = Briefing(snapshot_id(1), NOW, "wu", *NOVEMBER, (HERE.code,), {"text": "…"})
    assert office.do(save_briefing, made) == made
    assert office.do(save_briefing, replace(made, made_at=later(days=9), made_by="li")) == made


def test_one_person_has_a_limited_number_of_briefings_stored_in_a_day():
    """They are kept for good, and each of a million periods has figures of its own."""
    office = Office()
    for at in range(MAX_NEW_BRIEFINGS):
        office.do(save_briefing, Briefing(snapshot_id(at), NOW, "wu", *NOVEMBER, (HERE.code,), {}))
    another = Briefing(snapshot_id("another"), later(hours=23), "wu", *NOVEMBER, (HERE.code,), {})
    with pytest.raises(TooManyRequests):
        save_briefing(office, another)
    known = Briefing(snapshot_id(0), later(hours=23), "wu", *NOVEMBER, (HERE.code,), {})
    assert office.do(save_briefing, known).made_at == NOW
    assert office.do(save_briefing, replace(another, made_by="li")).made_by == "li"
    tomorrow = Briefing(snapshot_id("tomorrow"), later(hours=24), "wu", *NOVEMBER, (HERE.code,), {})
    assert office.do(save_briefing, tomorrow) == tomorrow


def test_evaluations_are_read_aloud_with_their_definition():
    row = counts_of(closed_then=9, evaluated=8, satisfied=6, score_total=34)
    words = "期间销号的隐患收到评价8件，平均4.25分，满意（4分及以上）6件，满意率75%。"
    assert words in write_paragraph(briefing_input(row=row))
    assert "评价" not in write_paragraph(briefing_input(row=counts_of(closed_then=9)))
