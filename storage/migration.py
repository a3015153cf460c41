"""Brings a database to the schema of this code, by alembic; the scripts travel in the package."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from storage.database import sqlite_engine


def config(connection: Connection | None = None) -> Config:
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    made.attributes["connection"] = connection
    return made


def migrate(database: Path, revision: str = "head") -> None:
    """Upgrades (or creates) the SQLite file. Only the process that owns the file may call this."""
    engine = sqlite_engine(database, writing=True)
    try:
        if not is_current(engine):
            with engine.begin() as connection:
                command.upgrade(config(connection), revision)
    finally:
        engine.dispose()


def is_current(engine: Engine) -> bool:
    with engine.connect() as connection:
        there = MigrationContext.configure(connection).get_current_heads()
    return set(there) == set(ScriptDirectory.from_config(config()).get_heads())
