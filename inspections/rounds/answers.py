"""Answers to the items of a checklist: what can be answered, which items are shown, and the score."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from inspections.errors import FieldError
from inspections.field_types import Digest, LongText
from inspections.rounds.checklists import Checklist, Item, ItemKind, PhotoRule, is_faulty, possible_answers

NOT_APPLICABLE = "not_applicable"
"""The answer to an item that does not concern the place (不适用). It counts for no score."""


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    """An answer to an item: `yes`, `no`, the value of a choice, a number, words, or `not_applicable`."""

    value: float | Annotated[str, Meta(min_length=1, max_length=2000)]
    note: LongText | None = None
    photos: Annotated[tuple[Digest, ...], Meta(max_length=9)] = ()


class Score(NamedTuple):
    """Weights of the items that were answered. `percent` is None if none of them counts."""

    passed: int
    counted: int

    @property
    def percent(self) -> float | None:
        return round(100 * self.passed / self.counted, 1) if self.counted else None


def answer_errors(item: Item, answer: Answer) -> list[FieldError]:
    """Returns what is wrong with an answer, in words for the person who gave it."""
    if words := _value_error(item, answer.value):
        return [FieldError("value", words)]
    needs_photo = item.photo is PhotoRule.ALWAYS or (
        item.photo is PhotoRule.FAILED and judge_answer(item, answer.value) is Outcome.FAILED
    )
    if needs_photo and answer.value != NOT_APPLICABLE and not answer.photos:
        return [FieldError("photos", "此项需要照片")]
    return []


def _value_error(item: Item, value: float | str) -> str | None:
    if value == NOT_APPLICABLE:
        return None if item.optional else "此项不能选“不适用”"
    if item.kind in {ItemKind.NUMBER, ItemKind.READING}:
        return _number_error(item, value)
    if isinstance(value, float | int):
        return "此项不填数值"
    if item.kind is not ItemKind.TEXT and value not in possible_answers(item):
        return "没有这个选项"
    return None


def _number_error(item: Item, value: float | str) -> str | None:
    if isinstance(value, str):
        return "请填数值"
    if item.least is not None and value < item.least:
        return f"不能小于 {item.least:g}{item.unit}"
    if item.most is not None and value > item.most:
        return f"不能大于 {item.most:g}{item.unit}"
    return None


def judge_answer(item: Item, value: float | str) -> Outcome:
    """Judges an answer that fits the item."""
    if value == NOT_APPLICABLE:
        return Outcome.NOT_APPLICABLE
    return Outcome.FAILED if is_faulty(item, value) else Outcome.PASSED


def shown_items(checklist: Checklist, answers: Mapping[str, float | str]) -> list[Item]:
    """Returns the items that are shown after these answers, by item code, in the order of the list."""
    items = checklist.items
    return [item for item in items.values() if _is_shown(item, items, answers)]


def _is_shown(item: Item, items: Mapping[str, Item], answers: Mapping[str, float | str]) -> bool:
    while (condition := item.shown_if) is not None:  # a published list has no circle of conditions
        if answers.get(condition.item) not in condition.answers:
            return False
        item = items[condition.item]
    return True


def missing_items(checklist: Checklist, answers: Mapping[str, float | str]) -> list[Item]:
    """Returns the shown items without an answer."""
    return [item for item in shown_items(checklist, answers) if item.code not in answers]


def compute_score(checklist: Checklist, answers: Mapping[str, float | str]) -> Score:
    """Adds up the weights of the shown items that passed, and of those that passed or failed."""
    passed = counted = 0
    for item in shown_items(checklist, answers):
        if item.code in answers:
            outcome = judge_answer(item, answers[item.code])
            passed += item.weight * (outcome is Outcome.PASSED)
            counted += item.weight * (outcome is not Outcome.NOT_APPLICABLE)
    return Score(passed, counted)
