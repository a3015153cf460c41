"""The published calendar agrees with the State Council's schedules and with the library `holidays`."""

import holidays
import pytest

from inspections.calendar import WorkingCalendar, schedule_errors
from storage.office.published_calendar import PUBLISHED, published_days
from tests.builders.published_years import SCHEDULES, days_of


@pytest.mark.parametrize("year", PUBLISHED)
def test_every_day_of_a_published_year_matches_the_state_council(year):
    calendar = WorkingCalendar({each.day: each.working for each in published_days(year)}, frozenset({year}))
    wrong = [day for day, working in days_of(year).items() if calendar.is_working(day) is not working]
    assert not wrong
    assert len(days_of(year)) in {365, 366}


@pytest.mark.parametrize("year", PUBLISHED)
def test_published_days_pass_the_checks_of_an_administrator_s_schedule(year):
    assert schedule_errors(year, published_days(year)) == []


def test_every_published_year_is_compared():
    assert set(PUBLISHED) == set(SCHEDULES)


@pytest.mark.parametrize("year", PUBLISHED)
def test_the_holidays_library_has_the_same_days(year):
    china = holidays.country_holidays("CN", years=year)
    for day, working in days_of(year).items():
        assert working is china.is_working_day(day), day
