"""A database at any revision."""

from storage.migration import config


def move(engine, direction, revision):
    with engine.begin() as connection:
        direction(config(connection), revision)
