"""Fills the tables of a database by SQL with copies of one record each, and counts the statements of a read."""

import threading
from collections import Counter

from sqlalchemy import event, text

from inspections.accounts.security_log import Event, SecurityEvent
from inspections.change import Change
from inspections.hazards.records import Hazard, HistoryEntry
from inspections.monitoring.alerts import Alert, Grade, Metric, MonitorKind
from inspections.monitoring.devices import Monitor, Outage
from inspections.monitoring.vendors import Vendor
from inspections.notices.outbox import Delivery, InboxEntry, Notice
from storage.engine.connections import writing_engine
from storage.engine.postgres_rows import PostgresRows
from storage.engine.rows import SqliteRows
from storage.schema import TABLE_OF
from tests.builders.api import HERE, MONDAY
from tests.builders.office import new_id

_SERIES = {
    "sqlite": "WITH RECURSIVE series(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM series WHERE n < :last)",
    "postgresql": "WITH series AS (SELECT generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n)",
}
_ID = {"sqlite": "printf('%032x', {})", "postgresql": "CAST(lpad(to_hex({}), 32, '0') AS uuid)"}
_EARLIER = {"sqlite": '"{0}" - n * 1000000', "postgresql": "\"{0}\" - n * interval '1 second'"}


class GrowingOffice:
    """An office with one record of each kind that has a list, and as many copies of them as a test wants."""

    def __init__(self, api):
        self.context = api.client.app.state.context
        self.filled = 0
        hazard = api.report("inspector")
        self.hazard = hazard["id"]
        self._store_templates(api)
        self._engine = writing_engine(self.context.settings.database_url)

    def _store_templates(self, api):
        database = self.context.database
        (found,) = database.read_sync(lambda repository: repository.select(Hazard, TABLE_OF[Hazard].select()))
        (line,) = database.read_sync(
            lambda repository: repository.select(HistoryEntry, TABLE_OF[HistoryEntry].select())
        )
        at, notice = MONDAY, Notice(new_id(), "report", MONDAY, found.id, 1, line.id, told_at=MONDAY)
        delivery = Delivery(new_id(), notice.id, "webhook", "", ("officer",), found.id, 1, at, 1, at)
        monitor = Monitor(
            "device", "device", MonitorKind.MAINS, HERE, "here", None, Vendor.CANONICAL, {}, "admin", at, "s"
        )
        alert = Alert(
            new_id(),
            "device",
            Metric.TEMPERATURE,
            HERE,
            Grade.ALARM,
            1,
            at,
            at,
            1.0,
            1.0,
            "{}",
            None,
            at,
            cleared_at=at,
        )
        outage = Outage(new_id(), "device", HERE, at, at, "sweep", at)
        logged = SecurityEvent(new_id(), at, Event.SIGNED_IN, "nobody", "nobody", "", {})
        entry = InboxEntry(new_id(), "officer", notice.id, at, at)
        made = (notice, delivery, monitor, alert, outage, logged, entry)
        api.client.blocking_portal.call(database.transact, lambda _: Change(None, made))
        self.templates = {Hazard: found, HistoryEntry: line} | {type(each): each for each in made}

    def fill(self, number):
        """Adds copies until there are `number` of each kind."""
        first, self.filled = self.filled + 1, number
        with self._engine.begin() as connection:
            for kind, template in self.templates.items():
                self._copy(connection, kind, template, first, number)
        if self._engine.dialect.name == "postgresql":
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("vacuum analyze"))

    def _copy(self, connection, kind, template, first, last):
        dialect, table = self._engine.dialect.name, TABLE_OF[kind]
        own = _ID[dialect].format("n")
        made = {"id": own, **{name: _EARLIER[dialect].format(name) for name in ("at", "reported_at", "opened_at")}}
        if kind is Hazard:
            made |= {"number": "'COPY-' || n", "next_check_at": "null", "state": "'closed'"}
            made["updated_at"] = _EARLIER[dialect].format("updated_at").replace("n *", "(10000000 + n) *")
        if kind is HistoryEntry:
            made |= {"hazard": own}
        if kind in {InboxEntry, Delivery}:
            made |= {"notice": own}
        if kind is Notice:
            made |= {"hazard": own, "line": own}
        if kind is Monitor:
            made |= {"id": "'device-' || n"}
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        values = ", ".join(made.get(column.name, f'"{column.name}"') for column in table.columns)
        key = template.id if isinstance(template.id, str) else template.id.hex if dialect == "sqlite" else template.id
        copies = (
            f"INSERT INTO {table.name} ({names}) {_SERIES[dialect]} SELECT {values} FROM series,"  # noqa: S608  # our own
            f" (SELECT * FROM {table.name} WHERE id = :key) AS one"
        )
        connection.execute(text(copies), {"first": first, "last": last, "key": key})

    def close(self):
        self._engine.dispose()


class StatementCounter:
    """Counts the statements of each read of a database, without background work. `last`: those of the last read."""

    def __init__(self, monkeypatch, database):
        self.last = 0
        self._by_thread = Counter()
        for rows in (SqliteRows, PostgresRows):
            monkeypatch.setattr(rows, "run", self._count_statements(rows.run))
        for name in ("_reader", "_writer", "_engine"):
            if engine := getattr(database, name, None):
                event.listen(engine, "before_cursor_execute", lambda *_: self._count())
        plain = database.read

        async def read(query):
            return await plain(lambda repository: self._watch(query, repository))

        monkeypatch.setattr(database, "read", read)

    def _count(self):
        self._by_thread[threading.get_ident()] += 1

    def _count_statements(self, run):
        def counted(rows, sql, parameters):
            self._count()
            return run(rows, sql, parameters)

        return counted

    def _watch(self, query, repository):
        before = self._by_thread[threading.get_ident()]
        try:
            return query(repository)
        finally:
            self.last = self._by_thread[threading.get_ident()] - before
