"""Databases of our own on a PostgreSQL server, made for a test and dropped after it."""

import os
import secrets
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

SERVER = f"postgresql://postgres@{os.environ.get('PGHOST', '127.0.0.1')}:{os.environ.get('PGPORT', '5432')}"


def administer(statement):
    """Runs a statement as the server's owner. Skips the test, visibly, where there is no server."""
    engine = create_engine(f"{SERVER}/postgres".replace(":", "+psycopg:", 1), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            return connection.execute(text(statement)).rowcount
    except OperationalError as error:
        if "connection failed" in str(error):
            pytest.skip(f"no PostgreSQL at {SERVER}")
        raise
    finally:
        engine.dispose()


@contextmanager
def new_database(template="template1"):
    """The URL of a new database, a copy of `template`."""
    name = f"anxun_test_{secrets.token_hex(6)}"
    administer(f"create database {name} template {template}")
    try:
        yield f"{SERVER}/{name}"
    finally:
        administer(f"drop database {name} with (force)")
