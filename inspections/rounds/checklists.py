"""Checklists (检查表): their items, conditions and versions.

An item is shown if it has no condition, or if the item that its condition names is shown and has one of its answers.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from inspections.field_types import LongText, Name, ShortText, TextKind

LIST_CODE = r"\A[a-z][a-z0-9]*(-[a-z0-9]+)*\Z"
MAX_ITEMS = 300
ListCode = Annotated[str, Meta(pattern=LIST_CODE, max_length=40)]
ItemCode = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9]+([.-][A-Za-z0-9]+)*\Z", max_length=20)]
Unit = Annotated[str, Meta(max_length=16, extra={"text": TextKind.NAME})]
Number = Annotated[float, Meta(ge=-1e9, le=1e9)]


class ItemKind(StrEnum):
    """The kind of answer that an item takes. A reading (读数) is the number that a meter shows."""

    YES_NO = "yes_no"
    CHOICE = "choice"
    NUMBER = "number"
    READING = "reading"
    TEXT = "text"


class PhotoRule(StrEnum):
    """Tells when an answer needs a photo."""

    NEVER = "never"
    FAILED = "failed"
    ALWAYS = "always"


class ChecklistState(StrEnum):
    """A draft can be edited. Rounds are started with the published version; a retired one is kept for old rounds."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


class Choice(Struct, frozen=True, forbid_unknown_fields=True):
    """One of the answers of an item. `fails`: this answer is a fault."""

    value: ItemCode
    label: ShortText
    fails: bool = False


class Condition(Struct, frozen=True, forbid_unknown_fields=True):
    """Shows an item only if `item` was answered by one of these values: `yes`, `no`, or those of its choices."""

    item: ItemCode
    answers: Annotated[tuple[ItemCode, ...], Meta(min_length=1, max_length=20)]


class FaultReport(Struct, frozen=True, forbid_unknown_fields=True):
    """The hazard that a failed item reports: its category and its words."""

    category: Annotated[str, Meta(pattern=r"\A[A-Z]{2,4}-[0-9]{2,4}\Z")]
    description: LongText


class Item(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An item to check (检查项).

    `least`, `most`: bounds of the number that can be entered, in `unit`. `good_from`, `good_to`: bounds of the numbers
    that pass, in `unit`; others are a fault. `weight`: how many points it counts in the score. `basis`: the law or
    standard that demands it. `yes_is_fault`: of a yes-or-no item, whose fault otherwise is `no`.
    """

    code: ItemCode
    kind: ItemKind
    question: LongText
    choices: Annotated[tuple[Choice, ...], Meta(max_length=20)] = ()
    yes_is_fault: bool = False
    optional: bool = False
    unit: Unit = ""
    least: Number | None = None
    most: Number | None = None
    good_from: Number | None = None
    good_to: Number | None = None
    photo: PhotoRule = PhotoRule.FAILED
    weight: Annotated[int, Meta(ge=0, le=100)] = 1
    shown_if: Condition | None = None
    basis: ShortText | None = None
    hint: LongText | None = None
    fault: FaultReport | None = None


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """Items under one heading."""

    title: Name
    items: Annotated[tuple[Item, ...], Meta(min_length=1, max_length=MAX_ITEMS)]


class ChecklistSummary(Struct, frozen=True):
    """A version of a checklist without its items."""

    code: str
    version: int
    name: str
    state: ChecklistState
    revision: int
    edited_by: str | None
    edited_at: datetime


class Checklist(Struct, frozen=True):
    """One version of a checklist (检查表). A round keeps the version it was started with.

    `revision` counts the edits of the draft. `edited_by`: None of a list that every office begins with.
    """

    code: str
    version: int
    name: str
    state: ChecklistState
    sections: tuple[Section, ...]
    revision: int
    edited_by: str | None
    edited_at: datetime

    @property
    def items(self) -> dict[str, Item]:
        return {item.code: item for section in self.sections for item in section.items}


def checklist_errors(sections: tuple[Section, ...], categories: Mapping[str, object]) -> list[tuple[str, str]]:
    """Returns (path, words) of everything that is wrong: repeated codes, bounds, choices, conditions and their circles.

    `categories`: those of the office, by code.
    """
    placed = [
        (f"sections[{at}].items[{number}]", item)
        for at, section in enumerate(sections)
        for number, item in enumerate(section.items)
    ]
    if len(placed) > MAX_ITEMS:
        return [("sections", f"一张检查表最多 {MAX_ITEMS} 项")]
    items = {item.code: item for _, item in placed}
    seen: set[str] = set()
    errors: list[tuple[str, str]] = []
    for path, item in placed:
        if item.code in seen:
            errors.append((f"{path}.code", f"检查项编号 {item.code} 重复"))
        seen.add(item.code)
        errors += [(f"{path}.{field}", words) for field, words in _item_errors(item, items, categories)]
    return errors or [("sections", words) for words in _circle_errors(items)]


def _item_errors(item: Item, items: Mapping[str, Item], categories: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    is_choice, is_number = item.kind is ItemKind.CHOICE, item.kind in {ItemKind.NUMBER, ItemKind.READING}
    bounds = (item.least, item.most, item.good_from, item.good_to)
    if is_choice and len(item.choices) < 2:  # noqa: PLR2004 - one answer is no choice
        yield "choices", "选择项至少要有两个选项"
    if item.choices and not is_choice:
        yield "choices", "只有选择项才有选项"
    if len({choice.value for choice in item.choices}) < len(item.choices):
        yield "choices", "选项的值重复"
    if item.yes_is_fault and item.kind is not ItemKind.YES_NO:
        yield "yes_is_fault", "只有是否项才能这样设置"
    if not is_number and (item.unit or any(bound is not None for bound in bounds)):
        yield "unit", "只有数值项才有单位和上下限"
    if _is_empty(item.least, item.most):
        yield "most", "上限小于下限"
    if _is_empty(item.good_from, item.good_to):
        yield "good_to", "合格上限小于合格下限"
    if item.fault is not None and item.fault.category not in categories:
        yield "fault.category", "没有这个隐患类别"
    if item.shown_if is not None:
        yield from _condition_errors(item.shown_if, items)


def _is_empty(least: float | None, most: float | None) -> bool:
    return least is not None and most is not None and most < least


def _condition_errors(condition: Condition, items: Mapping[str, Item]) -> Iterable[tuple[str, str]]:
    asked = items.get(condition.item)
    if asked is None:
        yield "shown_if.item", f"没有检查项 {condition.item}"
    elif unknown := set(condition.answers) - set(possible_answers(asked)):
        yield "shown_if.answers", f"检查项 {condition.item} 没有这些答案：{'、'.join(sorted(unknown))}"


def possible_answers(item: Item) -> tuple[str, ...]:
    """Returns the answers that a condition may name; none for numbers and texts."""
    if item.kind is ItemKind.YES_NO:
        return "yes", "no"
    return tuple(choice.value for choice in item.choices)


def _circle_errors(items: Mapping[str, Item]) -> Iterable[str]:
    """Words for each circle of conditions, which would hide all of its items for ever."""
    judged: set[str] = set()
    for code in items:
        path: list[str] = []
        while code not in judged:
            judged.add(code)
            path.append(code)
            condition = items[code].shown_if
            if condition is None:
                break
            code = condition.item  # noqa: PLW2901 - the walk goes on from here
            if code in path:
                yield f"检查项 {'、'.join(path[path.index(code) :])} 的显示条件互相依赖"


def is_faulty(item: Item, value: str | float) -> bool:
    """Tells whether this answer, which fits the item, is a fault."""
    if isinstance(value, float | int):
        least, most = item.good_from, item.good_to
        return value < (-math.inf if least is None else least) or value > (math.inf if most is None else most)
    if item.kind is ItemKind.YES_NO:
        return value == ("yes" if item.yes_is_fault else "no")
    return any(choice.fails for choice in item.choices if choice.value == value)
