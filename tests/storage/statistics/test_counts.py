"""Counts agree with the hazards at every moment, also during concurrent writes and rollups."""

import asyncio
from datetime import timedelta

import pytest
from alembic import command
from sqlalchemy import delete, literal, select, text, update
from sqlalchemy.event import listen

from inspections import periods
from inspections.accounts.policy import Scope
from inspections.hazards.measures import date_from_day_number, day_number
from inspections.hazards.records import Evaluation, Outcome, State
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Reject
from inspections.statistics.metrics import Counts, satisfies_identities
from storage.database import open_database
from storage.engine.columns import FirstOfMonth, FirstOfQuarter
from storage.engine.connections import writing_engine
from storage.hazards.tables import hazards
from storage.migration import alembic_config, migrate
from storage.statistics.metrics import Filters, count_hazards, data_version
from storage.statistics.rollup import check_counts, check_office_counts, recount_database, roll_up_deltas
from storage.statistics.tables import Grain, counter_deltas, counters
from tests.builders.office import HERE, NOW, THERE, later, li, new_id, wang
from tests.builders.reports import report

CODES = [HERE.code, THERE.code]
EVERYTHING = Scope("", ("",), ())


def total(database, filters=None):
    found = database.read_sync(
        lambda repository: count_hazards(repository, "community", CODES, filters or Filters(), NOW)
    )
    return sum(found.values(), Counts()).numbers()


def findings(database):
    return database.read_sync(
        lambda repository: [
            *check_office_counts(repository),
            *(each for code in CODES for each in check_counts(repository, code)),
        ]
    )


def create_hazards(desk, number):
    """Reports `number` hazards and accepts the first half of them."""
    made = [desk.do(report_hazard, wang, report(), NOW).reported.hazard for _ in range(number)]
    for hazard in made[: number // 2]:
        desk.do(take_step, li, hazard.id, Accept(id=new_id(), version=hazard.version), NOW)
    return made


def test_counts_are_complete_before_and_after_a_rollup(desk, database):
    create_hazards(desk, 6)
    before = total(database)
    assert (before["received"], before["waiting"], before["on_time"]) == (6, 3, 3)
    desk.do(roll_up_deltas, NOW, 100)  # makes the job's row first
    assert desk.do(roll_up_deltas, NOW, 5) == 5
    assert total(database) == before
    assert desk.do(roll_up_deltas, NOW, 5) == 4
    assert total(database) == before
    assert desk.do(roll_up_deltas, NOW, 5) == 0
    assert not findings(database)
    today = NOW.date()
    assert total(database, Filters(first=today, last=today)) == before
    assert total(database, Filters(first=today + timedelta(days=1)))["received"] == 0
    assert total(database, Filters(last=today, category=("EV-03",)))["received"] == before["received"]


def test_counts_stay_consistent_during_concurrent_writes_and_rollups(database):
    """Two rollups and a reader run all the while as ten people report."""
    seen = []

    async def write_reports():
        for _ in range(12):
            done = await database.transact(lambda repository: report_hazard(repository, wang, report(), NOW))
            hazard = done.reported.hazard
            step = Reject(id=new_id(), version=hazard.version, reason="非隐患")
            await database.transact(lambda repository: take_step(repository, li, hazard.id, step, NOW))  # noqa: B023

    async def repeat_until(done, work):
        while not done.is_set():
            await work()
            await asyncio.sleep(0)

    async def read():
        found = await database.read(lambda repository: count_hazards(repository, "community", CODES, Filters(), NOW))
        seen.append(sum(found.values(), Counts()).numbers())

    async def run_all():
        done = asyncio.Event()
        sums = [
            repeat_until(done, lambda: database.transact(lambda repository: roll_up_deltas(repository, NOW, 5)))
            for _ in range(2)
        ]
        beside = [asyncio.create_task(each) for each in (*sums, repeat_until(done, read))]
        await asyncio.gather(*(write_reports() for _ in range(10)))
        done.set()
        await asyncio.gather(*beside)
        await read()

    asyncio.run(run_all())
    assert all(satisfies_identities(numbers) for numbers in seen)
    received = [numbers["received"] for numbers in seen]
    assert received == sorted(received)
    assert (seen[-1]["received"], seen[-1]["rejected"]) == (120, 120)
    assert not findings(database)


def test_verify_names_a_wrong_count_and_a_migration_counts_an_older_database(desk, database, url):
    create_hazards(desk, 4)
    desk.do(roll_up_deltas, NOW, 100)
    desk.do(roll_up_deltas, NOW, 100)
    before = total(database)
    engine = writing_engine(url)
    with engine.begin() as connection:
        connection.execute(
            update(counters).where(counters.c.grain == Grain.DAY_KINDS).values(received=counters.c.received + 1)
        )
    found = findings(database)
    assert found[0].what == "count is wrong"
    assert f"{HERE.code} 2026-11-23 EV-03 general" in found[0].where
    assert "received is 5, not 4" in found[0].where
    recount_database(url)
    assert not findings(database)
    assert total(database) == before
    with engine.begin() as connection:
        of_office = (counters.c.grain == Grain.OFFICE_DAYS) & (counters.c.received > 0)
        connection.execute(update(counters).where(of_office).values(received=5))
    assert [each.where for each in findings(database)] == ["OFFICE_DAYS 2026-11-23: received is 5, not 4"]
    with engine.begin() as connection:
        connection.execute(delete(counter_deltas))
        command.downgrade(alembic_config(connection), "0020")
    engine.dispose()
    migrate(url)
    again = open_database(url)
    assert total(again) == before
    assert not findings(again)
    asyncio.run(again.close())


def test_the_data_version_changes_only_when_the_data_change(desk, database):
    def read_version():
        return database.read_sync(lambda repository: data_version(repository, EVERYTHING, NOW))

    before = read_version()
    assert read_version() == before
    (hazard, _) = create_hazards(desk, 2)
    after = read_version()
    assert after != before
    assert desk.hazard(hazard.id).due_at in after
    desk.do(roll_up_deltas, NOW, 100)
    desk.do(roll_up_deltas, NOW, 100)
    assert read_version() == after  # a rollup changes no count


def test_sql_and_python_agree_on_the_first_days_of_months_and_quarters(database):
    days = [day_number(NOW.date()) + at for at in range(3 * 366)]
    begin = database.read_sync(
        lambda repository: [
            tuple(repository.rows(select(FirstOfMonth(literal(day)), FirstOfQuarter(literal(day))))[0]) for day in days
        ]
    )
    months = [day_number(date_from_day_number(day).replace(day=1)) for day in days]
    assert begin == list(
        zip(months, [day_number(periods.first_of_quarter(date_from_day_number(day))) for day in days], strict=True)
    )


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_late_hazards_are_counted_by_index(database):
    asked = []
    listen(database._reader, "before_cursor_execute", lambda *facts: asked.append(facts[2:4]))
    for codes in (CODES, CODES[:1]):
        database.read_sync(
            lambda repository, codes=codes: count_hazards(repository, "community", codes, Filters(), NOW)
        )
    counting = [each for each in asked if "FROM counters" in each[0]]
    assert len(counting) == 2
    for statement, parameters in counting:
        with database._reader.connect() as connection:
            plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())
        assert "ix_hazards_late (community=? AND due_at<?)" in plan
        assert "ix_hazards_extended (community=? AND original_due_at<?)" in plan


def test_an_upgrade_counts_the_evaluations_that_were_given_before(desk, database, url):
    """There are two evaluated closings, one of an alert check, and an evaluation of a hazard that is open again."""
    made = create_hazards(desk, 6)
    scores = (5, 3, 4, 2)
    closed = {"state": State.CLOSED, "outcome": Outcome.FIXED, "closed_at": later(days=1)}
    changes = ({}, {}, {"source": "device"}, {"state": State.REPORTED, "outcome": None, "closed_at": None})
    engine = writing_engine(url)
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "0036")
        for hazard, score, change in zip(made, scores, changes, strict=False):
            evaluation = Evaluation("wang", later(days=2), score, None)
            facts = {**closed, "evaluation": evaluation, **change}
            connection.execute(update(hazards).where(hazards.c.id == hazard.id).values(**facts))
    migrate(url)
    with engine.connect() as connection:
        (row,) = connection.execute(
            text("SELECT evaluated, satisfied, score_total FROM anxun_communities WHERE community = :code"),
            {"code": HERE.code},
        )
    engine.dispose()
    assert tuple(row) == (2, 1, 8)
    names = ("evaluated", "satisfied", "score_total")
    day = later(days=1).date()
    for filters in (Filters(), Filters(first=day, last=day)):
        found = total(database, filters)
        assert [found[name] for name in names] == [2, 1, 8]
    found = total(database, Filters(last=NOW.date()))
    assert [found[name] for name in names] == [0, 0, 0]
    assert not findings(database)
