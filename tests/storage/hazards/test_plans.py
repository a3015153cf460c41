"""The queries of the hot path use indexes on tables that have never been analyzed, on every database."""

import asyncio
import re
from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import event, text

from inspections.accounts.people import Role
from inspections.accounts.policy import scope
from inspections.change import Change
from inspections.hazards.records import Extension, Hazard, HistoryEntry, State, Suspension
from inspections.notices.outbox import Notice
from inspections.photos.actions.intake import prepare_intake
from inspections.photos.evidence import Flag
from inspections.photos.records import Photo, PhotoReference, PhotoState, UploadReceipt
from inspections.remediation.actions.photo_findings import examine_photos
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.pending_decisions import DecisionKind
from storage.engine.connections import writing_engine
from storage.engine.postgres_rows import PostgresRows
from storage.engine.rows import SqliteRows
from storage.hazards.filters import HazardFilters
from storage.hazards.listing import ListScopes, hazard_page, page_cursor
from storage.remediation.pending_decisions import DecisionFilters, pending_decisions_page
from storage.schema import TABLE_OF
from tests.builders.office import HERE, NOW, THERE, li, ma, new_id, photo, photo_declaration, wang
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
def unanalyzed(url, desk):
    """Keeps PostgreSQL from renewing its statistics while a test writes, which would make half of the rows unknown."""
    if url.startswith("postgresql"):
        engine = writing_engine(url)
        with engine.begin() as connection:
            for table in TABLE_OF.values():
                connection.execute(text(f"alter table {table.name} set (autovacuum_enabled = false)"))
        engine.dispose()
    return desk


@pytest.fixture
def filled(unanalyzed):
    records = reported_records(desk := unanalyzed)
    desk.do(lambda _: Change(None, (replace(records[0], number="COPY-0"), *records[1:])))
    for at in range(1, ROWS, BATCH):
        made = copies_of(*records, at, BATCH)
        desk.do(lambda _, made=made: Change(None, made))
    return desk


@pytest.fixture
def aged(unanalyzed):
    """An office of ten thousand hazards: nine of ten have ended, and a hundred wait for acceptance."""
    first = (desk := unanalyzed).do(report_hazard, wang, report(), NOW).reported.hazard
    for start in range(0, ROWS, BATCH):
        made = tuple(_aged_copy(first, at) for at in range(start, start + BATCH))
        desk.do(lambda _, made=made: Change(None, made))
    return desk


def _aged_copy(hazard, at):
    state = State.REPORTED if at % 100 == 0 else (State.ASSIGNED, State.PENDING_RECHECK)[at % 2]
    return replace(
        hazard,
        id=new_id(),
        number=f"AGED-{at}",
        state=state if at % 10 == 0 or at % 100 == 1 else State.CLOSED,
        due_at=None if state is State.REPORTED else NOW + timedelta(minutes=at * 7919 % ROWS),
        reported_at=NOW + timedelta(seconds=at),
        updated_at=NOW + timedelta(seconds=at * 7919 % ROWS),
    )


SORTED_LISTS = [
    ("due_at", {}),
    ("-due_at", {}),
    ("due_at", {"open": True}),
    ("-due_at", {"open": True}),
    ("due_at", {"state": (State.ASSIGNED, State.PENDING_RECHECK)}),
    ("due_at", {"open": True, "community": (HERE.code,)}),
    ("due_at", {"open": True, "community": (HERE.code, THERE.code)}),
    ("due_at", {"open": False}),
    ("updated_at", {}),
    ("-updated_at", {}),
    ("reported_at", {}),
    ("-reported_at", {"community": (HERE.code, THERE.code)}),
]


@pytest.mark.parametrize(("sort", "asked"), SORTED_LISTS)
def test_every_order_of_the_list_is_a_short_walk_of_an_index(aged, monkeypatch, sort, asked):
    watch = PlanWatch(monkeypatch, aged.database)
    reach, filters = ListScopes(scope(li, "hazard.see"), scope(li, "hazard.personal")), HazardFilters(NOW, **asked)
    after = None
    for _ in range(2):
        page = aged.database.read_sync(
            lambda repository, after=after: hazard_page(repository, reach, filters, after, 20, sort)
        )
        assert len(page) == 20
        after = page_cursor(page[-1], filters, sort)
    plans = [plan for sql, plan in watch.plans if "FROM hazards" in sql.replace("\n", " ")]
    assert plans
    long = [plan for plan in plans if most_rows(plan) > 500 or re.search(r"TEMP B-TREE FOR ORDER|Seq Scan", plan)]
    assert not long, "\n\n".join(long)


@pytest.fixture
def deciding(unanalyzed):
    """An office of ten thousand hazards, of which one in ten waits for a decision of each kind."""
    first = (desk := unanalyzed).do(report_hazard, wang, report(), NOW).reported.hazard
    for start in range(0, ROWS, BATCH):
        made = tuple(_undecided_copy(first, at) for at in range(start, start + BATCH))
        desk.do(lambda _, made=made: Change(None, made))
    return desk


def _undecided_copy(hazard, at):
    due_at = NOW + timedelta(minutes=1 + at * 7919 % ROWS)
    own = {"id": new_id(), "number": f"OPEN-{at}", "state": State.RECTIFYING, "due_at": due_at}
    if at % 10 == 0:
        own["extension"] = Extension("zhao", NOW, due_at + timedelta(days=9), "配件未到")
    if at % 10 == 1:
        own["major_proposed"] = True
    if at % 10 == 2:
        stood = Suspension("ma", NOW, State.RECTIFYING, "争议", "断电", due_at, None)
        own |= {"state": State.SUSPENDED, "due_at": None, "suspension": stood, "review_due_at": due_at}
    return replace(hazard, **own)


@pytest.mark.parametrize("asked", [{}, {"community": (HERE.code, THERE.code)}, {"kind": (DecisionKind.SUSPENSION,)}])
def test_what_waits_for_a_decision_is_found_by_short_walks_of_indexes(deciding, monkeypatch, asked):
    watch = PlanWatch(monkeypatch, deciding.database)
    reach, filters = scope(ma, "decision.see"), DecisionFilters(NOW + timedelta(days=30), **asked)
    after, found = None, []
    for _ in range(2):
        page, after = deciding.database.read_sync(
            lambda repository, after=after: pending_decisions_page(repository, reach, filters, after, 20)
        )
        found += [(each.hazard.id, each.kind) for each in page]
    assert len(set(found)) == 40
    plans = [plan for sql, plan in watch.plans if "FROM hazards" in sql.replace("\n", " ")]
    assert len(plans) >= 2
    long = [plan for plan in plans if most_rows(plan) > 500 or re.search(r"TEMP B-TREE FOR ORDER|Seq Scan", plan)]
    assert not long, "\n\n".join(long)


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
    assert len(watch.plans) >= 12
    costly = [plan for _, plan in watch.plans if most_rows(plan) > ROWS]
    assert not costly, "\n".join(costly)
    whole = [(found.group(), sql) for sql, plan in watch.plans if (found := WHOLE.search(plan))]
    assert not whole, "\n".join(plan for _, plan in watch.plans if WHOLE.search(plan))
