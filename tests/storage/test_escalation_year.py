"""Untouched hazards of a whole year reach each rung of escalation once, on the right day of the published calendar."""

from collections import Counter
from datetime import date, time, timedelta

from inspections.calendar import WorkingCalendar, midnight, shanghai_date, shanghai_instant
from inspections.hazards.deadlines import scheduled_rungs
from inspections.remediation.actions.escalation import escalate
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.steps import Accept
from storage.office.published_calendar import PUBLISHED, published_days
from tests.builders.office import Office, li, wang
from tests.builders.reports import report
from tests.builders.steps import take

DAYS = [day for year in PUBLISHED for day in published_days(year)]
CALENDAR = WorkingCalendar({each.day: each.working for each in DAYS}, frozenset(PUBLISHED))
CATEGORIES = ("EV-03", "FF-01", "EB-01", "EB-04", "WN-03")
LAST_DAYS = {
    # Wednesday before the Spring Festival of 2026 (15–23 February off, Saturday 14th worked): 12, 13, 14, 24, 25
    ("FF-01", date(2026, 2, 11)): date(2026, 2, 25),
    # Thursday before a Sunday that is worked (20 September 2026): 18, 20, 21
    ("EV-03", date(2026, 9, 17)): date(2026, 9, 21),
    # New Year's Eve (1–3 January 2026 off, Sunday the 4th worked): 4, 5, 6
    ("EV-03", date(2025, 12, 31)): date(2026, 1, 6),
    # before the National Day of 2026 (1–7 October off, Saturday the 10th worked): 30, 8, 9
    ("EV-03", date(2026, 9, 29)): date(2026, 10, 9),
}


class YearOffice(Office):
    calendar = CALENDAR


def hourly_instants(first, days):
    start = shanghai_instant(first, time(9))
    return (start + timedelta(hours=hours) for hours in range(24 * days))


def test_each_rung_of_a_year_is_recorded_once_and_on_the_right_working_day():
    office = YearOffice()
    accepted = {}
    for now in hourly_instants(date(2025, 12, 1), 380):
        if now.hour == 2 and now.date() <= date(2026, 11, 1):  # ten o'clock in Shanghai
            day = shanghai_date(now)
            todays = CATEGORIES[day.toordinal() % len(CATEGORIES)]
            for code in {todays, *(code for code, named in LAST_DAYS if named == day)}:
                sent = report(category=code, found_at=now)
                hazard = office.do(report_hazard, wang, sent, now).reported.hazard
                accepted[hazard.id] = (code, day, take(office, li, hazard, Accept, now=now))
        while office.do(escalate, now, 50).looked_at:
            pass
    for code, day, hazard in accepted.values():
        check_rungs(office, hazard, LAST_DAYS.get((code, day)))


def check_rungs(office, hazard, last_day):
    lines = [line for line in office.history(hazard.id) if line.step == "escalate"]
    rungs = Counter(line.facts["rung"] for line in lines)
    assert rungs == Counter({reach.rung.name: 1 for reach in scheduled_rungs(hazard, office.rules, CALENDAR)})
    assert hazard.category == "WN-03" or rungs["fix.overdue"] == 1
    due_at = {reach.rung.name: reach.at for reach in scheduled_rungs(hazard, office.rules, CALENDAR)}
    for line in lines:
        assert timedelta() <= line.at - due_at[line.facts["rung"]] <= timedelta(hours=1)
    if last_day:
        assert hazard.due_at == midnight(last_day + timedelta(days=1))
    assert office.hazard(hazard.id).next_check_at is None
