from datetime import date, time

import msgspec
import pytest

from inspections.calendar import WorkingCalendar, shanghai_instant
from inspections.hazards.deadlines import compute_deadline
from inspections.office.categories import Priority, Severity, Term, TimeUnit
from inspections.office.rules import Rules
from tests.builders.office import NOW

JSON = msgspec.json.Decoder(Rules)
HOUR = {"amount": 1, "unit": "h"}


def decode_rules(**rules):
    return JSON.decode(msgspec.json.encode(rules))


def test_rules_survive_encoding_and_decoding():
    assert JSON.decode(msgspec.json.encode(Rules())) == Rules() == decode_rules()


def test_a_hazard_without_a_priority_waits_as_a_normal_one():
    acceptance = Rules().acceptance
    assert acceptance[None] == acceptance[Priority.NORMAL] == Term(4, TimeUnit.WORKING_HOURS)
    assert acceptance[Priority.URGENT] == Term(30, TimeUnit.MINUTES)


def test_an_overdue_fix_is_escalated_rung_by_rung_and_a_major_one_sooner():
    for severity in Severity:
        fix = [rung for rung in Rules().ladders[severity] if rung.clock == "fix"]
        assert [rung.tells for rung in fix if not rung.before] == ["officer", "supervisor", "supervisor"]
        assert all(rung.tells == "handler" for rung in fix if rung.before)
        assert [rung.name for rung in fix if rung.proposes] == ["fix.supervise"]
    assert Rules().ladders[Severity.MAJOR] != Rules().ladders[Severity.GENERAL]


def test_every_clock_notifies_somebody_when_it_runs_out():
    for severity in Severity:
        at_due = {rung.clock for rung in Rules().ladders[severity] if not (rung.before or rung.after)}
        assert at_due == {"accept", "start", "fix", "recheck", "review", "reply"}


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"recheck": {"amount": 0, "unit": "wd"}}, ">= 1"),
        ({"recheck": {"amount": -3, "unit": "wd"}}, ">= 1"),
        ({"recheck": {"amount": 10_001, "unit": "wd"}}, "<= 10000"),
        ({"recheck": {"amount": 1, "unit": "weeks"}}, "Invalid enum value"),
        ({"recheck": {"amount": 1, "unit": "h", "per": "day"}}, "unknown field"),
        ({"office_hours": []}, "length >= 1"),
        ({"office_hours": [["12:00:00", "08:30:00"]]}, "各段须依次排列"),
        ({"office_hours": [["08:30:00", "08:30:00"]]}, "各段须依次排列"),
        ({"office_hours": [["08:30:00", "12:00:00"], ["11:00:00", "17:00:00"]]}, "各段须依次排列"),
        ({"office_hours": [["08:30:00", "09:00:00"], ["10:00:00", "10:29:00"]]}, "至少一小时"),
        ({"office_hours": [["08:30:00Z", "12:00:00Z"]]}, "timezone"),
        ({"quiet_hours": ["22:00:00", "22:00:00"]}, "起止时间不能相同"),
        ({"acceptance": {"normal": HOUR, "high": HOUR}}, "missing required field `urgent`"),
        ({"ladders": {"general": [], "major": [{"name": "X", "clock": "fix", "tells": "officer"}]}}, "regex"),
        ({"ladders": {"general": [], "major": [{"name": "x", "clock": "fix", "tells": "admin"}]}}, "tells"),
        ({"ladders": {"general": [], "major": [{"name": "x", "clock": "fix", "tells": "officer"}] * 2}}, "major"),
    ],
)
def test_rules_that_make_no_sense_are_refused(rules, words):
    with pytest.raises(msgspec.ValidationError, match=words):
        decode_rules(**rules)


@pytest.mark.parametrize("offset", [{"before": HOUR, "after": HOUR}, {"before": {"amount": 1, "unit": "wd"}}])
def test_a_rung_lies_before_in_hours_or_after_but_not_both(offset):
    rung = {"name": "x", "clock": "fix", "tells": "officer", **offset}
    with pytest.raises(msgspec.ValidationError, match=r"before|after"):
        decode_rules(ladders={"general": [rung], "major": []})


@pytest.mark.parametrize(
    ("quiet", "clock", "delivered"),
    [
        ((time(22), time(7)), time(21, 59), (23, time(21, 59))),
        ((time(22), time(7)), time(22), (24, time(7))),
        ((time(22), time(7)), time(6, 59), (23, time(7))),
        ((time(22), time(7)), time(7), (23, time(7))),
        ((time(12), time(13)), time(12, 30), (23, time(13))),
        ((time(12), time(13)), time(13), (23, time(13))),
        (None, time(3), (23, time(3))),
    ],
)
def test_quiet_hours_hold_delivery_until_they_end(quiet, clock, delivered):
    day, when = delivered
    delivery = Rules(quiet_hours=quiet).delivery_time(shanghai_instant(date(2026, 11, 23), clock))
    assert delivery == shanghai_instant(date(2026, 11, day), when)


def test_the_longest_term_ends_even_with_the_shortest_office_hours():
    hours = Rules(office_hours=((time(9), time(10)),)).office_hours
    shortest = WorkingCalendar({}, frozenset({2026}), hours)
    assert compute_deadline(Term(10_000, TimeUnit.WORKING_HOURS), NOW, shortest).at.year < 2100


def test_an_office_has_its_own_hours():
    late = WorkingCalendar({}, frozenset({2026}), ((time(10), time(16)),))
    assert compute_deadline(Term(4, TimeUnit.WORKING_HOURS), NOW, late).at == shanghai_instant(
        date(2026, 11, 23), time(14)
    )
