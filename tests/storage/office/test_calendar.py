import holidays
import pytest

from inspections.calendar import WorkingCalendar, unlike_a_year
from storage.office.published_calendar import PUBLISHED, published_days
from tests.builders.published_years import SCHEDULES, days_of


@pytest.mark.parametrize("year", PUBLISHED)
def test_every_day_of_a_published_year_is_as_the_state_council_has_it(year):
    calendar = WorkingCalendar({each.day: each.working for each in published_days(year)}, frozenset({year}))
    wrong = [day for day, working in days_of(year).items() if calendar.is_working(day) is not working]
    assert not wrong
    assert len(days_of(year)) in {365, 366}


@pytest.mark.parametrize("year", PUBLISHED)
def test_what_is_loaded_would_be_taken_from_an_administrator_too(year):
    assert unlike_a_year(year, published_days(year)) == []


def test_the_published_years_are_those_compared():
    assert set(PUBLISHED) == set(SCHEDULES)


@pytest.mark.parametrize("year", PUBLISHED)
def test_a_library_that_knows_them_too_has_the_same_days(year):
    china = holidays.country_holidays("CN", years=year)
    for day, working in days_of(year).items():
        assert working is china.is_working_day(day), day
