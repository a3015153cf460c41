"""Brings a database to the schema of this code, by alembic; the scripts travel in the package."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from storage.database import writing_engine

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0002"
"""The newest revision (a test compares it with alembic's own answer)."""


def config(connection: Connection | None = None) -> "Config":
    from alembic.config import Config  # noqa: PLC0415  # a start that migrates nothing does without alembic

    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    made.attributes["connection"] = connection
    return made


def migrate(url: str, revision: str = "head") -> None:
    """Upgrades (or fills) the database behind `url`. On SQLite only the process that owns the file may call this."""
    engine = writing_engine(url)
    try:
        if not is_current(engine):
            from alembic import command  # noqa: PLC0415

            with engine.begin() as connection:
                if connection.dialect.name == "postgresql":  # several processes may begin at once
                    connection.execute(text("select pg_advisory_xact_lock(hashtext('anxun migrate'))"))
                command.upgrade(config(connection), revision)
    finally:
        engine.dispose()


def is_current(engine: Engine) -> bool:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return connection.scalars(text("select version_num from alembic_version")).all() == [HEAD]
