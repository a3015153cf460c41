"""Lists of hazards: every order is a permutation of the whole list, and several values of a filter are their union."""

import random
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from inspections.accounts.people import Grant, Person, Role
from inspections.accounts.policy import scope
from inspections.change import Change
from inspections.hazards.deadlines import CLOCKS
from inspections.hazards.records import OPEN_STATES, State
from inspections.office.categories import Priority, Severity
from inspections.remediation.actions.reporting import report_hazard
from storage.hazards.filters import HazardFilters
from storage.hazards.listing import ListScopes, hazard_page, list_total, page_cursor
from tests.builders.office import HERE, NOW, THERE, new_id, wang
from tests.builders.reports import report

ALL = scope(Person("all", "all", (Grant(Role.OFFICER, ""),), "-"), "hazard.see")
EVERYWHERE = ListScopes(ALL, ALL)
HOUR = timedelta(hours=1)
EACH_VALUE = {
    "community": (HERE.code, THERE.code, "330402009099"),
    "street": ("330402009", "330402010"),
    "category": ("EB-01", "WN-02", "EL-04"),
    "group": ("电动车充电", "防盗窗拆除", "无"),
    "state": tuple(State),
    "priority": tuple(Priority),
    "severity": tuple(Severity),
    "source": ("inspector", "resident", "device"),
    "assignee": ("zhao", "sun", "nobody"),
    "reporter": ("wang", "li", "nobody"),
    "clock": tuple(CLOCKS),
    "clock_overdue": tuple(CLOCKS),
    "counted_as": ("received", "overdue", "closed"),
    "vehicle_standard": ("old", "new"),
}
SORTS = [sign + column for column in ("due_at", "reported_at", "updated_at") for sign in ("", "-")]


@pytest.fixture
def filled(desk):
    """A desk with sixty hazards of every kind; many are due, reported or updated at the same instant."""
    first = desk.do(report_hazard, wang, report(), NOW).reported.hazard
    chance = random.Random(8)  # noqa: S311  # the same in every run

    def draw(at):
        return replace(
            first,
            id=new_id(),
            number=f"DRAWN-{at}",
            state=list(State)[at % len(State)],
            community=chance.choice((HERE, THERE)).code,
            category=chance.choice(EACH_VALUE["category"]),
            priority=chance.choice((None, *Priority)),
            severity=chance.choice(list(Severity)),
            source=chance.choice(EACH_VALUE["source"]),
            lead=chance.choice((None, "zhao", "sun")),
            reporter=chance.choice(("wang", "li")),
            vehicle_standard=chance.choice((None, "old", "new")),
            reported_at=NOW + chance.randrange(6) * HOUR,
            updated_at=NOW + chance.randrange(6) * HOUR,
            due_at=chance.choice((None, *(NOW + hours * HOUR for hours in range(-3, 4)))),
            recheck_due_at=NOW + chance.randrange(-1, 2) * HOUR,
        )

    desk.do(lambda _: Change(None, tuple(map(draw, range(60)))))
    return desk


def ask(desk, filters, **options):
    return desk.database.read_sync(
        lambda repository: hazard_page(repository, EVERYWHERE, filters, None, 500, **options)
    )


def read_pages(desk, filters, sort, limit):
    found, after = [], None
    while True:
        page = desk.database.read_sync(
            lambda repository, after=after: hazard_page(repository, EVERYWHERE, filters, after, limit, sort)
        )
        found += page
        if len(page) < limit:
            return found
        after = page_cursor(page[-1], filters, sort)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"open": True},
        {"open": False},
        {"state": (State.ACCEPTED, State.CLOSED)},
        {"community": (HERE.code, THERE.code), "state": (State.PENDING_RECHECK, State.ASSIGNED)},
        {"unassigned": True},
    ],
)
def test_the_pages_of_every_order_are_the_whole_list_in_that_order(filled, sort, asked):
    filters = HazardFilters(NOW, **asked)
    whole = ask(filled, filters)
    column, descending = sort.removeprefix("-"), sort.startswith("-")
    dated = sorted(
        (each for each in whole if getattr(each, column)),
        key=lambda each: (getattr(each, column), each.id),
        reverse=descending,
    )
    undated = sorted(
        (each for each in whole if not getattr(each, column)), key=lambda each: each.id, reverse=descending
    )
    for limit in (1, 7, 500):
        assert [each.id for each in read_pages(filled, filters, sort, limit)] == [
            each.id for each in (*dated, *undated)
        ]
    total = filled.database.read_sync(lambda repository: list_total(repository, EVERYWHERE, filters))
    assert total == len(whole) > 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_several_values_of_a_filter_are_the_union_of_each(filled, data):
    name = data.draw(st.sampled_from(sorted(EACH_VALUE)))
    values = data.draw(st.lists(st.sampled_from(EACH_VALUE[name]), min_size=1, unique=True))
    other = data.draw(st.sampled_from(({}, {"open": True}, {"severity": (Severity.GENERAL,)}, {"due_before": NOW})))
    sort = data.draw(st.sampled_from(SORTS))
    together = ask(filled, HazardFilters(NOW, **(other | {name: tuple(values)})), sort=sort)
    each_alone = [ask(filled, HazardFilters(NOW, **(other | {name: (value,)}))) for value in values]
    assert {each.id for each in together} == {each.id for found in each_alone for each in found}
    assert len({each.id for each in together}) == len(together)


def test_filters_of_an_officer_select_what_they_say(filled):
    whole = ask(filled, HazardFilters(NOW))

    def matches(found, condition):
        return {each.id for each in found} == {each.id for each in whole if condition(each)} != set()

    assert matches(ask(filled, HazardFilters(NOW, open=True)), lambda each: each.state in OPEN_STATES)
    assert matches(
        ask(filled, HazardFilters(NOW, unassigned=True)),
        lambda each: each.state in {State.REPORTED, State.ACCEPTED} and each.lead is None,
    )
    assert matches(
        ask(filled, HazardFilters(NOW, due_from=NOW - HOUR, due_before=NOW + HOUR)),
        lambda each: each.due_at is not None and NOW - HOUR <= each.due_at < NOW + HOUR,
    )
    assert matches(
        ask(filled, HazardFilters(NOW, clock_overdue=("recheck",))),
        lambda each: each.state is State.PENDING_RECHECK and each.recheck_due_at and each.recheck_due_at < NOW,
    )
    assert matches(ask(filled, HazardFilters(NOW, priority=("urgent",))), lambda each: each.priority is Priority.URGENT)
    assert matches(ask(filled, HazardFilters(NOW, reporter=("li",))), lambda each: each.reporter == "li")


def test_names_are_filtered_only_where_they_are_visible(filled):
    nowhere = scope(Person("none", "none", (), "-"), "hazard.personal")
    filters = HazardFilters(NOW, reporter=("wang", "li"))
    reach = ListScopes(ALL, nowhere)
    assert filled.database.read_sync(lambda repository: hazard_page(repository, reach, filters, None, 9)) == []


def test_the_newest_come_first_by_default(filled):
    found = ask(filled, HazardFilters(NOW))
    assert all((one.reported_at, one.id) > (next_.reported_at, next_.id) for one, next_ in pairwise(found))
