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
from storage.migration import HEAD, WrongSchema, check, config, migrate, present_revision
from storage.schema import METADATA
from storage.statistics.tables import counter_deltas, counters
from storage.sync.change_log import FEED
from storage.upkeep.histories import histories
from tests.builders.migrations import move
from tests.builders.office import NOW, li, new_id, photo, wang
from tests.builders.reports import report


def test_the_tables_of_the_code_are_the_tables_of_the_migrations(engine):
    with engine.begin() as connection:
        command.check(config(connection))


def test_the_code_knows_its_newest_revision():
    assert ScriptDirectory.from_config(config()).get_heads() == [HEAD]


GONE = {
    "entries": {"clocks", "salts", "digest"},
    "hazards": {"history_head", "stage_term"},
    "notices": {"seq", "line", "to", "by", "facts", "told_at", "delivered_at"},
}
"""What an older schema has no room for, and a newer one cannot make again: which deadlines a line had set; salts, which
are random, and the digests made with them; by which term a provisional clock was set; whom a notice named, and whether
it was told. Who comes back gets a whole chain, and another.
"""


def rows_of(engine):
    """Every row of every table as it is in the database, whatever the code says of its schema; but for GONE.

    And but for what has changed, since an older schema does not say, and what is counted, which follows from the rest.
    """
    left_out = {"alembic_version", *(table.name for table in (*FEED, counters, counter_deltas))}
    with engine.connect() as connection:
        return {
            name: sorted(
                (
                    sorted((column, value) for column, value in row.items() if column not in GONE.get(name, ()))
                    for row in connection.execute(text(f'select * from "{name}"')).mappings()  # noqa: S608  # its own
                ),
                key=repr,
            )
            for name in inspect(connection).get_table_names()
            if name not in left_out
        }


def schema_of(engine):
    """Every table with its columns, keys, indexes and rules, as the database itself has them."""
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
    return {"triggers": triggers} | {name: [sorted(_said(each(name))) for each in ask] for name in tables}


TRIGGERS = {
    "sqlite": "select name, sql from sqlite_master where type = 'trigger' order by name",
    "postgresql": "select tgname, pg_get_triggerdef(t.oid), prosrc from pg_trigger t join pg_proc p on p.oid = tgfoid "
    "where not tgisinternal order by tgname",
}


def _said(found):
    """Each thing found as text, the same for the same thing."""
    them = found if isinstance(found, list) else [found]
    return [json.dumps(each, default=str, sort_keys=True) for each in them]


def test_a_new_database_is_what_the_revisions_make_of_an_empty_one(engine):
    made = schema_of(engine)
    move(engine, command.downgrade, "base")
    move(engine, command.upgrade, "head")
    assert schema_of(engine) == made
    assert len(made) == len(METADATA.tables) + 1  # and the triggers


def test_each_revision_goes_down_and_up_again_with_rows_in_it(desk, engine):
    desk.do(receive_photos, wang, [photo("a")], NOW)
    desk.do(report_hazard, wang, report(place="三号楼 2单元", point=Point(30.77, 120.75, "gcj02")), NOW)
    before = rows_of(engine)
    for script in ScriptDirectory.from_config(config()).walk_revisions():
        assert before["hazards"]
        move(engine, command.downgrade, script.down_revision or "base")
        if script.down_revision is None:
            break
        older = rows_of(engine)
        move(engine, command.upgrade, script.revision)
        assert rows_of(engine) == before
        move(engine, command.downgrade, script.down_revision)
        assert rows_of(engine) == older
        before = older
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    assert present_revision(engine) is None


def test_what_was_written_before_the_chain_is_chained_by_the_upgrade(desk, url, engine):
    hazards = [desk.do(report_hazard, wang, report(), NOW).dossier.hazard for _ in range(3)]
    desk.do(take_step, li, hazards[0].id, Note(id=new_id(), version=1, note="看过"), NOW)
    before = desk.history(hazards[0].id)
    move(engine, command.downgrade, "0005")
    migrate(url)
    again = open_database(url)
    assert [list(history.breaks()) for history in histories(again)] == [[], [], []]
    after = again.ask(lambda repository: repository.history(hazards[0].id))
    asyncio.run(again.close())
    assert [line.facts for line in after] == [line.facts for line in before]
    assert all(len(salt) == 32 for line in after for salt in line.salts.values())


def test_a_database_without_its_schema_is_said_to_need_it(url, engine):
    move(engine, command.downgrade, "base")
    with pytest.raises(WrongSchema, match="run anxun migrate"):
        check(url)
    move(engine, command.upgrade, "head")
    check(url)


def test_an_older_database_is_brought_to_the_present_schema(url, engine):
    move(engine, command.downgrade, "-1")
    with pytest.raises(WrongSchema, match="run anxun migrate"):
        check(url)
    migrate(url)
    check(url)


def test_a_schema_of_a_newer_program_is_refused_and_left_alone(url, engine):
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    for start in (check, migrate):
        with pytest.raises(WrongSchema, match="newer than this program"):
            start(url)
    assert present_revision(engine) == "9999"


@pytest.fixture
def engine(url):
    engine = writing_engine(url)
    yield engine
    engine.dispose()
