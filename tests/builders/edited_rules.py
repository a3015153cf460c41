"""Builds rules, categories and calendars as an administrator edits them."""

from inspections.office.actions import CategoryPolicy, NamedDay, NewCalendar
from inspections.office.categories import Priority, Term, TimeUnit
from inspections.office.rules import Rules
from inspections.remediation.actions.dispatch_rules import NewDispatchRule
from tests.builders.office import HERE, new_id

QUICK = Rules(recheck=Term(1, TimeUnit.WORKING_DAYS))


def policy(**more):
    facts = {"name": "楼道堆物", "group": "生命通道", "priority": Priority.NORMAL, "unit": "处", **more}
    return CategoryPolicy(term=Term(2, TimeUnit.WORKING_DAYS), **facts)


def calendar(days):
    return NewCalendar("国办发明电", tuple(NamedDay(day.day, day.working, day.name) for day in days))


def new_rule(**facts):
    return NewDispatchRule(**{"id": new_id(), "community": HERE.code, "lead": "zhao", **facts})
