"""Every revision can be upgraded to the schema of the code and downgraded again without losing rows."""

import asyncio
import json

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from inspections.photos.actions.intake import receive_photos
from inspections.places.coordinates import Point
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Note
from storage.database import open_database
from storage.engine.connections import writing_engine
from storage.migration import HEAD, WrongSchema, alembic_config, check_schema, current_revision, migrate
from storage.schema import METADATA
from storage.statistics.tables import counter_deltas, counters
from storage.sync.change_log import FEED_TABLES
from storage.upkeep.histories import read_histories
from tests.builders.migrations import move
from tests.builders.office import NOW, li, new_id, photo, wang
from tests.builders.reports import report


def test_the_tables_of_the_code_are_the_tables_of_the_migrations(engine):
    with engine.begin() as connection:
        command.check(alembic_config(connection))


def test_the_code_knows_its_newest_revision():
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD]


LOST_COLUMNS = {
    "entries": {"clocks", "salts", "digest"},
    "hazards": {"history_head", "stage_term"},
    "notices": {"seq", "line", "to", "by", "facts", "told_at", "delivered_at"},
}
"""Columns that an older schema cannot hold and a newer one cannot restore: which deadlines a line had set; salts, which
are random, and the digests made with them; by which term a provisional clock was set; whom a notice named, and whether
it was sent. A database that is upgraded again gets a complete chain, but a different one.
"""


def read_rows(engine):
    """Returns every row of every table, by the schema of the database itself, without LOST_COLUMNS.

    It leaves out the change feed, which an older schema lacks, and the counters, which follow from the other rows.
    """
    left_out = {"alembic_version", *(table.name for table in (*FEED_TABLES, counters, counter_deltas))}
    with engine.connect() as connection:
        return {
            name: sorted(
                (
                    sorted((column, value) for column, value in row.items() if column not in LOST_COLUMNS.get(name, ()))
                    for row in connection.execute(text(f'select * from "{name}"')).mappings()  # noqa: S608  # its own
                ),
                key=repr,
            )
            for name in inspect(connection).get_table_names()
            if name not in left_out
        }


def read_schema(engine):
    """Returns every table with its columns, keys, indexes and rules, as the database itself has them."""
    found = inspect(engine)
    ask = (
        found.get_columns,
        found.get_pk_constraint,
        found.get_foreign_keys,
        found.get_indexes,
        found.get_unique_constraints,
        found.get_check_constraints,
    )
    tables = [name for name in found.get_table_names() if name != "alembic_version"]
    with engine.connect() as connection:
        triggers = [str(row) for row in connection.execute(text(TRIGGERS[engine.dialect.name]))]
    assert triggers
    return {"triggers": triggers} | {name: [sorted(_serialize(each(name))) for each in ask] for name in tables}


TRIGGERS = {
    "sqlite": "select name, sql from sqlite_master where type = 'trigger' order by name",
    "postgresql": "select tgname, pg_get_triggerdef(t.oid), prosrc from pg_trigger t join pg_proc p on p.oid = tgfoid "
    "where not tgisinternal order by tgname",
}


def _serialize(found):
    """Serializes each thing found, so that equal things give equal texts."""
    them = found if isinstance(found, list) else [found]
    return [json.dumps(each, default=str, sort_keys=True) for each in them]


def test_a_new_database_equals_one_that_was_downgraded_and_upgraded_again(engine):
    made = read_schema(engine)
    move(engine, command.downgrade, "base")
    move(engine, command.upgrade, "head")
    assert read_schema(engine) == made
    assert len(made) == len(METADATA.tables) + 1  # and the triggers


def test_each_revision_is_downgraded_and_upgraded_with_rows_in_it(desk, engine):
    desk.do(receive_photos, wang, [photo("a")], NOW)
    desk.do(report_hazard, wang, report(place="三号楼 2单元", point=Point(30.77, 120.75, "gcj02")), NOW)
    before = read_rows(engine)
    for script in ScriptDirectory.from_config(alembic_config()).walk_revisions():
        assert before["hazards"]
        move(engine, command.downgrade, script.down_revision or "base")
        if script.down_revision is None:
            break
        older = read_rows(engine)
        move(engine, command.upgrade, script.revision)
        assert read_rows(engine) == before
        move(engine, command.downgrade, script.down_revision)
        assert read_rows(engine) == older
        before = older
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    assert current_revision(engine) is None


def test_the_upgrade_chains_lines_that_were_written_before_the_chain(desk, url, engine):
    hazards = [desk.do(report_hazard, wang, report(), NOW).reported.hazard for _ in range(3)]
    desk.do(take_step, li, hazards[0].id, Note(id=new_id(), version=1, note="看过"), NOW)
    before = desk.history(hazards[0].id)
    move(engine, command.downgrade, "0005")
    migrate(url)
    again = open_database(url)
    assert [list(history.breaks()) for history in read_histories(again)] == [[], [], []]
    after = again.read_sync(lambda repository: repository.history(hazards[0].id))
    asyncio.run(again.close())
    assert [line.facts for line in after] == [line.facts for line in before]
    assert all(len(salt) == 32 for line in after for salt in line.salts.values())


def test_a_database_without_a_schema_is_refused_until_it_is_upgraded(url, engine):
    move(engine, command.downgrade, "base")
    with pytest.raises(WrongSchema, match="run anxun migrate"):
        check_schema(url)
    move(engine, command.upgrade, "head")
    check_schema(url)


def test_an_older_database_is_refused_until_it_is_migrated(url, engine):
    move(engine, command.downgrade, "-1")
    with pytest.raises(WrongSchema, match="run anxun migrate"):
        check_schema(url)
    migrate(url)
    check_schema(url)


def test_a_schema_of_a_newer_program_is_refused_and_left_alone(url, engine):
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    for start in (check_schema, migrate):
        with pytest.raises(WrongSchema, match="newer than this program"):
            start(url)
    assert current_revision(engine) == "9999"


@pytest.fixture
def engine(url):
    engine = writing_engine(url)
    yield engine
    engine.dispose()
