"""The SQL views give the figures of the statistics and contain no names or texts of people."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from inspections.hazards.records import Party
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Reject
from inspections.statistics.metrics import COUNT_NAMES
from storage.engine.connections import writing_engine
from storage.statistics.metrics import Filters, count_hazards, flow_by_day
from storage.statistics.rollup import roll_up_deltas
from storage.statistics.views import VIEWS
from tests.builders.office import HERE, NOW, THERE, li, new_id, wang
from tests.builders.reports import report

CODES = [HERE.code, THERE.code]
SECRET = "张三家的秘密"


@pytest.fixture
def engine(url):
    engine = writing_engine(url)
    yield engine
    engine.dispose()


def read_view(engine, view):
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(f"SELECT * FROM {view}")).mappings()]  # noqa: S608


def create_hazards(desk):
    party = Party("owner", SECRET, "13800000000")
    facts = {"description": SECRET, "place": SECRET, "responsible_party": party}
    waiting, accepted, rejected = (desk.do(report_hazard, wang, report(**facts), NOW).reported.hazard for _ in range(3))
    desk.do(take_step, li, accepted.id, Accept(id=new_id(), version=accepted.version), NOW)
    desk.do(roll_up_deltas, NOW, 2)
    desk.do(roll_up_deltas, NOW, 2)
    desk.do(take_step, li, rejected.id, Reject(id=new_id(), version=rejected.version, reason=SECRET), NOW)
    return waiting


def test_the_views_have_the_figures_of_the_statistics(desk, database, engine):
    create_hazards(desk)
    found = {row["community"]: row for row in read_view(engine, "anxun_communities")}
    now = database.read_sync(lambda repository: count_hazards(repository, "community", CODES, Filters(), NOW))
    numbers = now[HERE.code].numbers()
    shown = set(COUNT_NAMES) & set(found[HERE.code])
    assert {"received", "open", "waiting", "on_time", "overdue", "rejected", "quantity_found"} <= shown
    late = {"on_time", "overdue"}  # as of the database's clock
    assert {name: found[HERE.code][name] for name in shown - late} == {name: numbers[name] for name in shown - late}
    assert found[HERE.code]["on_time"] + found[HERE.code]["overdue"] == numbers["on_time"] + numbers["overdue"]
    assert {found[THERE.code][name] for name in shown} == {0}
    (day,) = read_view(engine, "anxun_days")
    flow = database.read_sync(lambda repository: flow_by_day(repository, CODES, Filters()))[NOW.date()]
    assert str(day.pop("day")) == "2026-11-23"
    assert day == {"community": HERE.code, "received": 3, "accepted": 1, "closed": 0, "fixed": 0}
    assert (flow.received, flow.accepted) == (3, 1)
    assert len(read_view(engine, "anxun_hazards")) == 3


def test_the_views_contain_no_names_and_no_texts(desk, engine):
    create_hazards(desk)
    for view in VIEWS:
        rows = read_view(engine, view)
        assert rows
        assert SECRET not in str(rows)
        assert "13800000000" not in str(rows)
        assert "wang" not in str(rows)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_role_of_postgresql_reads_the_views_and_nothing_else(desk, engine):
    create_hazards(desk)
    role = f"reader_{new_id().hex[:12]}"
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'for-tests'"))
        connection.execute(text(f"GRANT SELECT ON {', '.join(VIEWS)} TO {role}"))
    try:
        with engine.connect() as connection:
            connection.execute(text(f"SET ROLE {role}"))
            assert connection.execute(text("SELECT count(*) FROM anxun_hazards")).scalar_one() == 3
            with pytest.raises(DBAPIError, match="permission denied"):
                connection.execute(text("SELECT description FROM hazards"))
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))
