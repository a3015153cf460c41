"""Edited rules, calendars and dispatch rules are stored unchanged and seen by every process."""

import asyncio
import re
from functools import partial

import pytest
from msgspec.structs import replace

from inspections.accounts.people import Role
from inspections.calendar import CalendarDay
from inspections.change import Change
from inspections.errors import RulesVersionConflict
from inspections.hazards.records import State
from inspections.office.actions import NewRules, edit_calendar, edit_category, edit_rules
from inspections.office.rules import Rulebook
from inspections.remediation.actions.dispatch_rules import add_dispatch_rule, remove_dispatch_rule
from inspections.remediation.actions.reporting import report_hazard
from storage.database import open_database
from storage.engine import postgres
from storage.engine.postgres_rows import PostgresRows
from tests.builders.edited_rules import QUICK, calendar, new_rule, policy
from tests.builders.office import HERE, NOW, person, wang
from tests.builders.published_years import scheduled_days
from tests.builders.reports import report

admin = person("admin", Role.ADMIN, scope=HERE.street)
only_postgres = pytest.mark.parametrize("url", ["postgresql"], indirect=True)


def test_edited_rules_are_stored_unchanged(desk):
    assert desk.do(edit_rules, admin, NewRules(0, QUICK), NOW).version == 1
    assert desk.database.read_sync(lambda repository: repository.rules) == QUICK
    assert desk.do(edit_rules, admin, NewRules(1, replace(QUICK, quiet_hours=None)), NOW).version == 2
    assert desk.database.read_sync(lambda repository: repository.rules.quiet_hours) is None


def test_concurrent_edits_do_not_overwrite_each_other(desk):
    async def both():
        edits = [partial(edit_rules, person=admin, sent=NewRules(0, rules), now=NOW) for rules in _two_rules()]
        return await asyncio.gather(*(desk.database.transact(edit) for edit in edits), return_exceptions=True)

    answers = asyncio.run(both())
    assert {type(answer) for answer in answers} == {Rulebook, RulesVersionConflict}


def _two_rules():
    return QUICK, replace(QUICK, reopen_within_days=7)


def test_a_schedule_replaces_the_previous_days(desk):
    days = scheduled_days(2026)
    desk.do(edit_calendar, 2026, calendar(days))
    desk.do(edit_calendar, 2026, calendar([day for day in days if day.day.isoformat() != "2026-09-20"]))
    kept = desk.database.read_sync(lambda repository: repository.calendar_days(2026))
    assert [day.day for day in kept] == sorted(day.day for day in days if day.day.isoformat() != "2026-09-20")
    assert desk.database.read_sync(lambda repository: repository.calendar.published) == {2026}


@only_postgres
def test_a_process_sees_what_another_process_edits_or_removes(desk, url, monkeypatch):
    """A changed or removed row is seen too, although no row is new."""
    monkeypatch.setattr(postgres, "_REFERENCE_SECONDS", 0)
    other = open_database(url)
    desk.do(edit_category, "EV-03", policy(look_back_days=7))
    assert other.read_sync(lambda repository: repository.category("EV-03")).look_back_days == 7
    sent = new_rule()
    desk.do(add_dispatch_rule, admin, sent)
    assert [rule.id for rule in other.read_sync(lambda repository: repository.dispatch_rules)] == [sent.id]
    desk.do(remove_dispatch_rule, admin, sent.id)
    assert other.read_sync(lambda repository: repository.dispatch_rules) == []
    desk.do(edit_calendar, 2026, calendar(scheduled_days(2026)))
    first = other.read_sync(lambda repository: repository.get(CalendarDay, scheduled_days(2026)[0].day))
    desk.do(lambda _: Change(None, removed=(first,)))
    assert not other.read_sync(lambda repository: repository.calendar.published)
    asyncio.run(other.close())


@only_postgres
def test_dispatched_reports_share_a_commit_and_its_queries(desk, monkeypatch):
    monkeypatch.setattr(postgres, "_REFERENCE_SECONDS", 3600)
    desk.do(add_dispatch_rule, admin, new_rule(assisting=("sun",), accepts=True))
    desk.do(lambda _: Change(None))
    asked = []
    run = PostgresRows.run
    monkeypatch.setattr(PostgresRows, "run", lambda rows, sql, values: (asked.append(sql), run(rows, sql, values))[1])

    async def all_at_once():
        reports = [partial(report_hazard, person=wang, report=report(), now=NOW) for _ in range(20)]
        return await asyncio.gather(*(desk.database.transact(each) for each in reports))

    done = asyncio.run(all_at_once())
    assert {each.reported.hazard.state for each in done} == {State.ASSIGNED}
    tables = [found for sql in asked if sql.startswith("SELECT") for found in re.findall(r"FROM (people)", sql)]
    assert 1 <= len(tables) <= 2  # once for each group, and there are two at most
