"""Proves which answers fit an item, which items are shown, and how they are scored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspections.rounds.answers import (
    NOT_APPLICABLE,
    Answer,
    Outcome,
    answer_errors,
    compute_score,
    judge_answer,
    missing_items,
    shown_items,
)
from inspections.rounds.checklists import Checklist, ChecklistState, Item, ItemKind
from tests.builders.checklists import CHARGES, DISTANCE, INDOORS, METER, PROTECTED, REMARK, SECTIONS
from tests.builders.office import NOW

LIST = Checklist("e-bike-shed", 1, "电动自行车棚检查表", ChecklistState.PUBLISHED, SECTIONS, 1, "ma", NOW)
PHOTO = ("a" * 64,)
HEATER_ON = Item("9", ItemKind.YES_NO, "是否使用大功率电器？", yes_is_fault=True)
WARM = Item("8", ItemKind.NUMBER, "温度", good_to=70)


@pytest.mark.parametrize(
    ("item", "answer", "errors"),
    [
        (CHARGES, Answer("yes"), []),
        (CHARGES, Answer("maybe"), [("value", "没有这个选项")]),
        (CHARGES, Answer(1), [("value", "此项不填数值")]),
        (CHARGES, Answer(NOT_APPLICABLE), [("value", "此项不能选“不适用”")]),
        (PROTECTED, Answer(NOT_APPLICABLE), []),
        (PROTECTED, Answer("no"), [("photos", "此项需要照片")]),
        (PROTECTED, Answer("no", photos=PHOTO), []),
        (INDOORS, Answer("stairs", photos=PHOTO), []),
        (INDOORS, Answer("yes"), [("value", "没有这个选项")]),
        (DISTANCE, Answer("6"), [("value", "请填数值")]),
        (DISTANCE, Answer(-1), [("value", "不能小于 0m")]),
        (DISTANCE, Answer(100.5), [("value", "不能大于 100m")]),
        (DISTANCE, Answer(3), []),
        (METER, Answer(12_345.6), [("photos", "此项需要照片")]),
        (METER, Answer(12_345.6, photos=PHOTO), []),
        (REMARK, Answer("门口有杂物"), []),
        (REMARK, Answer(NOT_APPLICABLE), []),
    ],
)
def test_an_answer_fits_its_item(item, answer, errors):
    assert answer_errors(item, answer) == errors


@pytest.mark.parametrize(
    ("item", "value", "outcome"),
    [
        (CHARGES, "no", Outcome.FAILED),
        (HEATER_ON, "yes", Outcome.FAILED),
        (HEATER_ON, "no", Outcome.PASSED),
        (INDOORS, "shed", Outcome.PASSED),
        (INDOORS, "stairs", Outcome.FAILED),
        (DISTANCE, 5.9, Outcome.FAILED),
        (DISTANCE, 6, Outcome.PASSED),
        (WARM, 71, Outcome.FAILED),
        (WARM, 70, Outcome.PASSED),
        (REMARK, "无", Outcome.PASSED),
        (PROTECTED, NOT_APPLICABLE, Outcome.NOT_APPLICABLE),
    ],
)
def test_an_answer_is_judged(item, value, outcome):
    assert judge_answer(item, value) is outcome


def test_an_item_is_shown_when_its_condition_holds():
    assert PROTECTED not in shown_items(LIST, {})
    assert PROTECTED not in shown_items(LIST, {"1.1": "no"})
    assert PROTECTED in shown_items(LIST, {"1.1": "yes"})
    assert missing_items(LIST, {"1.1": "yes", "1.3": "shed"}) == [PROTECTED, DISTANCE, METER, REMARK]


def test_the_score_counts_shown_items_that_concern_the_place():
    answers = {"1.1": "yes", "1.2": "no", "1.3": "shed", "2.1": 3.0}
    score = compute_score(LIST, answers)
    assert (score.passed, score.counted, score.percent) == (2, 6, 33.3)
    assert compute_score(LIST, {**answers, "1.2": NOT_APPLICABLE}).counted == 3
    assert compute_score(LIST, {**answers, "1.1": "no"}).counted == 3, "a hidden item does not count"
    assert compute_score(LIST, {}).percent is None


@given(st.dictionaries(st.sampled_from(sorted(LIST.items)), st.sampled_from(["yes", "no", "shed", 3.0, 7.0])))
def test_each_shown_item_is_answered_or_missing(answers):
    shown, missing = shown_items(LIST, answers), missing_items(LIST, answers)
    answered = [item for item in shown if item.code in answers]
    assert len(answered) + len(missing) == len(shown)
    score = compute_score(LIST, answers)
    assert 0 <= score.passed <= score.counted <= sum(item.weight for item in shown)
