"""Within a group, a read sees the pending records that it names, and the others stay together."""

import asyncio
from functools import partial

import pytest
from sqlalchemy import select

from inspections.change import Change
from inspections.hazards.records import Hazard, HistoryEntry
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept
from storage.engine.columns import in_list
from storage.engine.rows import SqliteRows
from storage.hazards.tables import hazards
from storage.sync.tables import changes
from tests.builders.office import NOW, li, new_id, photo_declaration, wang
from tests.builders.reports import report


def transact_together(database, *actions):
    """Runs the actions in one group, as requests that arrive at the same moment, and returns their answers."""

    async def run():
        return await asyncio.gather(*(database.transact(action) for action in actions))

    return asyncio.run(run())


def report_action(**facts):
    return partial(report_hazard, person=wang, report=report(**facts), now=NOW)


def accept_action(hazard):
    step = Accept(id=new_id(), version=hazard.version)
    return partial(take_step, person=li, hazard_id=hazard.id, step=step, now=NOW)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # PostgreSQL writes two actions in two groups at once
def test_a_read_sees_the_photos_that_the_same_group_declares(database):
    id_ = new_id()
    reporting = report_action(id=id_, photos=(photo_declaration("a"), photo_declaration("b")))
    _, declared = transact_together(database, reporting, lambda repository: Change(repository.declared_photos([id_])))
    assert [each.mention.sha256[0] for each in declared] == ["a", "b"]


def test_two_steps_of_one_group_see_each_other(database):
    reported = asyncio.run(database.transact(report_action())).reported.hazard
    accepted, repeated = transact_together(database, action := accept_action(reported), action)
    assert accepted.hazard == repeated.hazard
    assert accepted.hazard.version == 2


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_steps_of_one_group_are_written_together(database, monkeypatch):
    reported = [asyncio.run(database.transact(report_action())).reported.hazard for _ in range(8)]
    written = []

    def insert(rows, records, plain=SqliteRows.insert):
        written.append((type(records[0]), len(records)))
        plain(rows, records)

    monkeypatch.setattr(SqliteRows, "insert", insert)
    transact_together(database, *map(accept_action, reported))
    assert written == [(HistoryEntry, 8)]


def test_the_feed_gets_one_change_of_each_hazard_of_a_group(database):
    first, second = new_id(), new_id()

    def count(repository):
        return repository.rows(select(changes.c.hazard).where(changes.c.hazard.in_([first, second])))

    transact_together(
        database,
        report_action(id=first, photos=(photo_declaration("a"),)),
        lambda repository: Change(repository.declared_photos([first])),
        report_action(id=second, photos=(photo_declaration("b"),)),
    )
    assert sorted(row[0] for row in database.read_sync(count)) == sorted([first, second])


@pytest.mark.parametrize("number", [0, 1, 300])
def test_a_list_of_any_length_is_one_parameter(database, number):
    kept = [asyncio.run(database.transact(report_action())).reported.hazard.id for _ in range(3)]
    asked = (*kept[:number], *(new_id() for _ in range(number - 3)))
    query = select(hazards).where(in_list(hazards.c.id, "ids"))
    found = database.read_sync(lambda repository: [Hazard(*row) for row in repository.rows(query, {"ids": asked})])
    assert {each.id for each in found} == set(kept[:number])
