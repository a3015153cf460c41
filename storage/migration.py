"""Creates and upgrades the schema of a database with alembic; the scripts are part of the package."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from storage.accounts.append_only_triggers import register_triggers
from storage.engine.connections import analyze, sqlite_path, writing_engine
from storage.engine.failures import OperatorError
from storage.schema import METADATA
from storage.statistics.rollup import rebuild_counters
from storage.statistics.views import add_views
from storage.sync.change_log import reset_feed

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = max(file.name[:4] for file in (_MIGRATIONS / "versions").glob("[0-9]*.py"))
"""The newest revision (a test compares it with alembic's)."""


register_triggers()
add_views()


class WrongSchema(OperatorError):
    """The database does not have the schema of this program; the message says what to do."""


def alembic_config(connection: Connection | None = None) -> "Config":
    from alembic.config import Config  # noqa: PLC0415  # a start that migrates nothing does without alembic

    made = Config()
    made.set_main_option("script_location", str(_MIGRATIONS))
    made.attributes["connection"] = connection
    return made


def migrate(url: str) -> None:
    """Creates or upgrades the schema of a database. On SQLite the caller must hold the write lock.

    Raises WrongSchema if a newer program has upgraded it.
    """
    engine = writing_engine(url)
    try:
        if engine.dialect.name == "sqlite":
            _require_writable(engine)
        before = current_revision(engine)
        if before != HEAD:
            with engine.begin() as connection:
                if connection.dialect.name == "postgresql":  # several processes may start at once
                    connection.execute(text("select pg_advisory_xact_lock(hashtext('anxun migrate'))"))
                _upgrade_to_head(connection)
    finally:
        engine.dispose()
    if before not in {None, HEAD}:
        analyze(url)


def _upgrade_to_head(connection: Connection) -> None:
    """Upgrades the schema with alembic, or creates the current tables in an empty database without alembic.

    Importing alembic would cost a server 15 MB. A test compares the tables with those that the revisions create.
    """
    found = _read_revision(connection)
    if found is None:
        METADATA.create_all(connection)
        reset_feed(connection)
        connection.execute(
            text("create table if not exists alembic_version (version_num varchar(32) not null primary key)")
        )
        connection.execute(text("insert into alembic_version values (:head)"), {"head": HEAD})
    elif found != HEAD:
        from alembic import command  # noqa: PLC0415  # as above

        refuse_newer_schema(found)
        command.upgrade(alembic_config(connection), "head")
        rebuild_counters(connection)  # counters that are new or defined differently


def _require_writable(engine: Engine) -> None:
    """Writes once to the database, because SQLite reports a read-only file only at the first write."""
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA user_version = 0")


def check_schema(url: str) -> None:
    """Checks that the schema is current, without migrating. Raises WrongSchema, FileNotFoundError (SQLite)."""
    path = sqlite_path(url)
    if path is not None and not path.exists():
        raise FileNotFoundError(f"{path} is not there")
    engine = writing_engine(url)
    try:
        if (found := current_revision(engine)) != HEAD:
            refuse_newer_schema(found)
            raise WrongSchema(f"the database has schema {found or 'none'}, this program {HEAD}: run anxun migrate")
    finally:
        engine.dispose()


def current_revision(engine: Engine) -> str | None:
    """The schema revision of the database; None if it is empty."""
    with engine.connect() as connection:
        return _read_revision(connection)


def _read_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(text("select version_num from alembic_version"))


def refuse_newer_schema(found: str | None) -> None:
    """Raises WrongSchema for a revision that this program does not know."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # as above

    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if found is not None and found not in known:
        raise WrongSchema(f"the database has schema {found}, newer than this program ({HEAD}): install the newer one")
