"""Actions of an administrator on the office's settings: rules and terms, category policies, the calendar.

A change applies to later events only. The exception: deadlines that relied on an unpublished year are recomputed.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, Struct

from inspections.accounts.people import Person
from inspections.calendar import YEARS, CalendarDay, schedule_errors
from inspections.change import Change
from inspections.errors import InvalidInput, RulesVersionConflict
from inspections.field_types import Name, ShortText, TextKind
from inspections.office.categories import Category, Priority, Term
from inspections.office.repository import OfficeRepository
from inspections.office.rules import OFFICE, Rulebook, Rules
from inspections.request_texts import clean_texts

CODE_PATTERN = r"\A[A-Z]{2,4}-[0-9]{2,4}\Z"
Code = Annotated[str, Meta(pattern=CODE_PATTERN)]
Area = Annotated[str, Meta(pattern=r"\A([0-9]{6}|[0-9]{9}|[0-9]{12})\Z")]


class NewRules(Struct, frozen=True, forbid_unknown_fields=True):
    """The request to replace all rules; `version` is the one that was read."""

    version: Annotated[int, Meta(ge=0, le=1_000_000)]
    rules: Rules


class CategoryPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """The request to replace a category: all its fields except the code."""

    name: Name
    group: Name
    priority: Priority | None
    term: Term
    unit: Annotated[str, Meta(pattern=r"\A\w+\Z", max_length=16, extra={"text": TextKind.NAME})]
    advisory: bool = False
    from_device: bool = False
    proposes_major: bool = False
    major_term: Term | None = None
    look_back_days: Annotated[int, Meta(ge=1, le=3650)] | None = None


class NamedDay(Struct, frozen=True, forbid_unknown_fields=True):
    """A day off, or a working weekend day, with its name."""

    day: date
    working: bool
    name: Name


class NewCalendar(Struct, frozen=True, forbid_unknown_fields=True):
    """The request for the schedule of a whole year; `source` names the publisher and the document number."""

    source: ShortText
    days: Annotated[tuple[NamedDay, ...], Meta(max_length=200)]


def rulebook(repository: OfficeRepository) -> Rulebook:
    """Returns the stored rules, or the defaults as version 0 if they were never edited."""
    return repository.get(Rulebook, OFFICE) or Rulebook(OFFICE, 0, Rules(), None, None)


def edit_rules(repository: OfficeRepository, person: Person, sent: NewRules, now: datetime) -> Change[Rulebook]:
    """Replaces the rules; a repeated request gets the same answer as the first. Raises RulesVersionConflict."""
    before = rulebook(repository)
    if (sent.version + 1, sent.rules, person.username) == (before.version, before.rules, before.edited_by):
        return Change(before)
    if sent.version != before.version:
        raise RulesVersionConflict(sent.version, before.version)
    after = Rulebook(OFFICE, before.version + 1, sent.rules, person.username, now)
    return Change(after, changed=((before, after),)) if before.version else Change(after, (after,))


def edit_category(repository: OfficeRepository, code: str, sent: CategoryPolicy) -> Change[Category]:
    """Replaces or creates a category. Existing deadlines stay unchanged. Raises InvalidInput."""
    before = repository.get(Category, code)
    clean_texts(sent, (before.name, before.group, before.unit) if before else ())
    after = Category(code=code, **{name: getattr(sent, name) for name in sent.__struct_fields__})
    if before is None:
        return Change(after, (after,))
    return Change(after, changed=((before, after),) if before != after else ())


def edit_calendar(repository: OfficeRepository, year: int, sent: NewCalendar) -> Change[Sequence[CalendarDay]]:
    """Replaces the calendar days of a year. Raises InvalidInput if they are not a complete schedule."""
    if year not in YEARS:
        raise InvalidInput(("year", "年份超出范围"))
    kept = {each.day: each for each in repository.calendar_days(year)}
    sent = clean_texts(sent, {text for each in kept.values() for text in (each.name, each.source)})
    days = [CalendarDay(each.day, each.working, each.name, sent.source) for each in sent.days]
    if errors := schedule_errors(year, days):
        raise InvalidInput(*errors)
    days.sort(key=lambda each: each.day)
    here = {each.day for each in days}
    new = tuple(each for each in days if each.day not in kept)
    changed = tuple((kept[each.day], each) for each in days if each.day in kept and kept[each.day] != each)
    return Change(days, new, changed, tuple(each for day, each in kept.items() if day not in here))
