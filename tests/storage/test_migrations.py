from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from storage.database import writing_engine
from storage.migration import HEAD, config, is_current, migrate


def test_the_tables_of_the_code_are_the_tables_of_the_migrations(url):
    engine = writing_engine(url)
    with engine.begin() as connection:
        command.check(config(connection))
    engine.dispose()


def test_the_code_knows_its_newest_revision():
    assert ScriptDirectory.from_config(config()).get_heads() == [HEAD]


def test_down_and_up_again(url):
    engine = writing_engine(url)
    with engine.begin() as connection:
        command.downgrade(config(connection), "base")
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    assert not is_current(engine)
    engine.dispose()
    migrate(url)
    engine = writing_engine(url)
    assert is_current(engine)
    engine.dispose()
