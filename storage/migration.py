"""Brings a database to the schema of this code, by alembic; the scripts travel in the package."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from storage.accounts.append_only import guard_tables
from storage.engine.connections import sqlite_path, writing_engine
from storage.engine.failures import Unready
from storage.schema import METADATA
from storage.statistics.rollup import fill
from storage.statistics.views import add_views
from storage.sync.change_log import begin_feed

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = max(file.name[:4] for file in (_MIGRATIONS / "versions").glob("[0-9]*.py"))
"""The newest revision (a test compares it with alembic's own answer)."""


guard_tables()
add_views()


class WrongSchema(Unready):
    """The database is not at the schema of this program; says what to do."""


def config(connection: Connection | None = None) -> "Config":
    from alembic.config import Config  # noqa: PLC0415  # a start that migrates nothing does without alembic

    made = Config()
    made.set_main_option("script_location", str(_MIGRATIONS))
    made.attributes["connection"] = connection
    return made


def migrate(url: str) -> None:
    """Upgrades (or fills) the database behind `url`. On SQLite only the process that owns the file may call this.

    Raises WrongSchema where a newer program has been here.
    """
    engine = writing_engine(url)
    try:
        if engine.dialect.name == "sqlite":
            _write_a_little(engine)
        if present_revision(engine) != HEAD:
            with engine.begin() as connection:
                if connection.dialect.name == "postgresql":  # several processes may begin at once
                    connection.execute(text("select pg_advisory_xact_lock(hashtext('anxun migrate'))"))
                _bring_to_head(connection)
    finally:
        engine.dispose()


def _bring_to_head(connection: Connection) -> None:
    """An empty database gets the tables as they are, without alembic, whose 15 MB a server would then keep for nothing.

    A test holds them equal to what the revisions make.
    """
    found = _revision(connection)
    if found is None:
        METADATA.create_all(connection)
        begin_feed(connection)
        connection.execute(
            text("create table if not exists alembic_version (version_num varchar(32) not null primary key)")
        )
        connection.execute(text("insert into alembic_version values (:head)"), {"head": HEAD})
    elif found != HEAD:
        from alembic import command  # noqa: PLC0415  # as above

        _refuse_newer(found)
        command.upgrade(config(connection), "head")
        fill(connection)  # what was not counted before, or otherwise


def _write_a_little(engine: Engine) -> None:
    """SQLite opens a file that it may not write for reading alone, and says so only at the first write: now."""
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA user_version = 0")


def check(url: str) -> None:
    """For who does not migrate. Raises WrongSchema, and FileNotFoundError for an SQLite file that is not there."""
    path = sqlite_path(url)
    if path is not None and not path.exists():
        raise FileNotFoundError(f"{path} is not there")
    engine = writing_engine(url)
    try:
        if (found := present_revision(engine)) != HEAD:
            _refuse_newer(found)
            raise WrongSchema(f"the database has schema {found or 'none'}, this program {HEAD}: run anxun migrate")
    finally:
        engine.dispose()


def present_revision(engine: Engine) -> str | None:
    """None where nothing is there yet."""
    with engine.connect() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(text("select version_num from alembic_version"))


def _refuse_newer(found: str | None) -> None:
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # as above

    known = {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}
    if found is not None and found not in known:
        raise WrongSchema(f"the database has schema {found}, newer than this program ({HEAD}): install the newer one")
