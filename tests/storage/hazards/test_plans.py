"""The queries of the hot path use indexes on tables that have never been analyzed, on every database."""

import asyncio
import re
from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import event

from inspections.accounts.people import Role
from inspections.accounts.policy import scope
from inspections.change import Change
from inspections.hazards.records import Hazard, HistoryEntry
from inspections.notices.outbox import Notice
from inspections.photos.actions.intake import prepare_intake
from inspections.photos.evidence import Flag
from inspections.photos.records import Photo, PhotoReference, PhotoState, UploadReceipt
from inspections.remediation.actions.photo_findings import examine_photos
from inspections.remediation.actions.reporting import report_hazard
from storage.engine.postgres_rows import PostgresRows
from storage.engine.rows import SqliteRows
from storage.hazards.listing import HazardFilters, ListScopes, hazard_page
from tests.builders.office import NOW, li, new_id, photo, photo_declaration, wang
from tests.builders.reports import report

ROWS, BATCH = 10_000, 2_000
BIG = ("hazards", "entries", "mentions", "photos", "receipts", "notices")
WAITING = 5
"""Every fifth photo is still to be compared, and as many notices are to be dispatched."""
STEPS = re.compile(r"actual rows=(\d+) loops=(\d+)|Rows Removed by Join Filter: (\d+)")
WHOLE = re.compile(rf"(?:Seq Scan on|SCAN) ({'|'.join(BIG)})\b(?! USING)")


def reported_records(desk):
    """The records of one report with a photo: its hazard, history entry and photo reference."""
    desk.do(_intake)
    change = desk.database.read_sync(
        lambda repository: report_hazard(repository, wang, report(photos=(photo_declaration("a"),)), NOW)
    )
    return [
        next(each for each in change.new if isinstance(each, kind)) for kind in (Hazard, HistoryEntry, PhotoReference)
    ]


def _intake(repository):
    sent = prepare_intake(repository, wang, (photo("a", PhotoState.DEVELOPED),), NOW)
    return Change(None, sent.records)


def copies_of(hazard, entry, mention, first, number):
    """Records of `number` hazards like this one, each with its own photo, which is flagged against the first."""
    made = []
    for at in range(first, first + number):
        new, digest, moment = new_id(), f"{at:064x}", NOW + timedelta(seconds=at)
        flags = (Flag("similar", hazard.id, 3),)
        made += [
            replace(hazard, id=new, number=f"COPY-{at}", place_key=f"{at % 997}", reported_at=moment),
            replace(entry, id=new, hazard=new),
            Photo(digest, 1000, "jpeg", 640, 480, PhotoState.DEVELOPED, moment),
            UploadReceipt(digest, "wang", moment),
            replace(mention, entry=new, hazard=new, sha256=digest, at=moment, examined=at % WAITING != 0, flags=flags),
        ]
        if at % WAITING == 0:
            made.append(Notice(new_id(), "report", moment, new, 1, new, Role.OFFICER))
    return tuple(made)


@pytest.fixture
def filled(desk):
    records = reported_records(desk)
    desk.do(lambda _: Change(None, (replace(records[0], number="COPY-0"), *records[1:])))
    for at in range(1, ROWS, BATCH):
        made = copies_of(*records, at, BATCH)
        desk.do(lambda _, made=made: Change(None, made))
    return desk


class PlanWatch:
    """Explains every query that the repositories execute, before it is executed."""

    def __init__(self, monkeypatch, database):
        self.plans = []
        sqlite = "Sqlite" in type(database).__name__
        self._explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN (ANALYZE, TIMING OFF) "
        for rows in (SqliteRows, PostgresRows):
            monkeypatch.setattr(rows, "run", self._watched(rows.run))
        for name in ("_reader", "_writer", "_engine"):
            if engine := getattr(database, name, None):
                event.listen(engine, "before_cursor_execute", self._explain_core)

    def _watched(self, run):
        def explained(rows, sql, parameters):
            if sql.lstrip().upper().startswith("SELECT"):
                self._keep(run(rows, self._explain + sql, parameters).fetchall(), sql)
            return run(rows, sql, parameters)

        return explained

    def _explain_core(self, connection, _cursor, sql, parameters, *_):
        if sql.lstrip().upper().startswith("SELECT"):
            cursor = connection.connection.dbapi_connection.cursor()
            self._keep(cursor.execute(self._explain + sql, parameters).fetchall(), sql)

    def _keep(self, rows, sql):
        self.plans.append((sql, "\n".join(str(row[-1]) for row in rows)))


def most_rows(plan):
    """Return the most rows that a step of the plan returned or discarded, in all its loops; 0 on SQLite."""
    found = (int(removed) if removed else int(rows) * int(loops) for rows, loops, removed in STEPS.findall(plan))
    return max(found, default=0)


def test_no_hot_query_reads_a_whole_table_without_statistics(filled, monkeypatch):
    watch = PlanWatch(monkeypatch, filled.database)
    reach = ListScopes(scope(li, "hazard.see"), scope(li, "hazard.personal"))

    def read_list(repository):
        hazards = hazard_page(repository, reach, HazardFilters(NOW), None, 100)
        shown = repository.declared_photos([each.id for each in hazards])
        return hazards, shown, repository.referenced_hazards(li, shown)

    hazards, shown, referenced = filled.database.read_sync(read_list)
    assert (len(hazards), len(shown), len(referenced)) == (100, 100, 1)
    last = hazards[0]
    filled.database.read_sync(lambda repository: (repository.hazard(last.id), repository.history(last.id)))
    new = report(photos=(photo_declaration("a"),), place="7", category=last.category)
    asyncio.run(filled.database.transact(lambda repository: report_hazard(repository, wang, new, NOW)))
    assert filled.do(examine_photos, NOW, 100)
    filled.do(lambda repository: Change(repository.pending_notices(100)))
    assert len(watch.plans) > 12
    costly = [plan for _, plan in watch.plans if most_rows(plan) > ROWS]
    assert not costly, "\n".join(costly)
    whole = [(found.group(), sql) for sql, plan in watch.plans if (found := WHOLE.search(plan))]
    assert not whole, "\n".join(plan for _, plan in watch.plans if WHOLE.search(plan))
