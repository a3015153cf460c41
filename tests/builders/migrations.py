"""Moves a database to any revision."""

from storage.migration import alembic_config


def move(engine, direction, revision):
    with engine.begin() as connection:
        direction(alembic_config(connection), revision)
