"""Streamed PostgreSQL results give exactly the rows of their query, also after an early stop or an error."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storage.engine.connections import reading_engine

pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)
NUMBERS = text("SELECT n, n::text AS word FROM generate_series(1, :last) AS n ORDER BY n")


@pytest.fixture
def connection(url):
    engine = reading_engine(url)
    with engine.connect() as connection:
        yield connection.execution_options(yield_per=100)
    engine.dispose()


@pytest.mark.parametrize("last", [0, 1, 499, 500, 501, 1234])
def test_every_row_comes_once_and_in_order(connection, last):
    found = connection.execute(NUMBERS, {"last": last})
    assert list(found.keys()) == ["n", "word"]
    assert [tuple(row) for row in found] == [(n, str(n)) for n in range(1, last + 1)]


def test_consecutive_statements_give_their_own_rows(connection):
    for last in (600, 0, 3):
        assert len(connection.execute(NUMBERS, {"last": last}).all()) == last


def test_a_reader_that_stops_early_can_begin_another_transaction(connection):
    found = connection.execute(NUMBERS, {"last": 1_000_000})
    assert found.fetchone() == (1, "1")
    found.close()
    connection.rollback()
    assert connection.execute(NUMBERS, {"last": 2}).all() == [(1, "1"), (2, "2")]


def test_an_error_in_the_middle_of_a_stream_is_raised(connection):
    broken = text("SELECT 1 / (5000 - n) FROM generate_series(1, 10000) AS n")
    with pytest.raises(DBAPIError, match="division by zero"):
        connection.execute(broken).all()
