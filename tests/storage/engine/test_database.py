"""Concurrent actions commit in groups, each exactly once, and a failed one does not affect the others."""

import asyncio
import multiprocessing
import re
import sqlite3
import threading
from functools import partial
from uuid import UUID

import pytest
from msgspec.structs import replace
from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError, OperationalError

from inspections.change import Change
from inspections.errors import Conflict, IdOwnerConflict, InvalidInput, Unavailable, VersionConflict
from inspections.hazards.records import DuplicateCandidate, Hazard
from inspections.photos.actions.intake import PhotoMetadata, receive_photos, record_processed_photo
from inspections.places.communities import Street
from inspections.remediation.actions.escalation import escalate
from inspections.remediation.actions.photo_damage import CLAIM, claim_unprocessed_photos
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Note
from storage.database import open_database
from storage.engine import postgres
from storage.engine.connections import writing_engine
from storage.engine.postgres_rows import PostgresRows
from storage.engine.sqlite import DatabaseInUse, write_lock
from storage.schema import TABLE_OF
from tests.builders.failures import failing_commits
from tests.builders.office import HERE, NOW, later, li, new_id, photo, photo_declaration, wang
from tests.builders.postgres import cut_connections
from tests.builders.reports import report
from tests.builders.waiting import PATIENCE


def run_concurrently(database, *actions):
    async def all_at_once():
        return await asyncio.gather(*(database.transact(action) for action in actions), return_exceptions=True)

    return asyncio.run(all_at_once())


def test_an_answered_action_is_committed(database, url):
    answer = run_concurrently(database, lambda repository: report_hazard(repository, wang, report(), NOW))[0]
    other = open_database(url)
    assert other.read_sync(lambda repository: repository.hazard(answer.reported.hazard.id)) == answer.reported.hazard
    asyncio.run(other.close())
    assert database.read_sync(lambda repository: repository.hazard(answer.reported.hazard.id)) == answer.reported.hazard


def test_concurrent_actions_see_each_other(database):
    body = report()
    answers = run_concurrently(database, *[lambda repository: report_hazard(repository, wang, body, NOW)] * 20)
    assert sorted(answer.repeated for answer in answers) == [False] + [True] * 19
    assert len({answer.reported.hazard.number for answer in answers}) == 1


def run_in_one_group(database, *actions):
    database._permits = 1  # on PostgreSQL two groups would share them
    return run_concurrently(database, *actions)


def test_an_id_that_two_people_use_at_once_makes_one_hazard(database):
    body = report()
    first, again, taken = run_in_one_group(
        database, *[partial(report_hazard, person=person, report=body, now=NOW) for person in (wang, wang, li)]
    )
    assert (first.repeated, again.repeated) == (False, True)
    assert first.reported == again.reported
    assert isinstance(taken, IdOwnerConflict)
    assert len(database.read_sync(lambda repository: repository.history(body.id))) == 1


def test_a_group_reads_stored_rows_and_the_writes_of_its_earlier_actions(desk):
    desk.do(receive_photos, wang, [photo("a")], NOW)
    desk.do(receive_photos, li, [photo("b")], NOW)
    declared = (*map(photo_declaration, "abcd"),)
    before, _, twice, after = run_in_one_group(
        desk.database,
        partial(report_hazard, person=wang, report=report(photos=declared), now=NOW),
        partial(receive_photos, person=wang, arrived=[photo("c")], now=NOW),
        partial(receive_photos, person=wang, arrived=[photo("c")], now=NOW),
        partial(report_hazard, person=wang, report=report(photos=declared), now=NOW, arrived=[photo("b")]),
    )
    present = [[each.is_present for each in answer.reported.photos] for answer in (before, after)]
    assert present == [[True, False, False, False], [True, True, True, False]]
    assert twice.known
    kept = desk.database.read_sync(lambda repository: repository.declared_photos([after.reported.hazard.id]))
    assert kept == after.reported.photos


def test_each_report_of_a_group_gets_its_own_similar_hazards(desk):
    places = ["3幢", "4幢", "5幢"]
    known = {
        place: [
            desk.do(report_hazard, wang, report(place=place), later(hours=at)).reported.hazard for at in range(many)
        ]
        for place, many in zip(places, (7, 0, 2), strict=True)
    }
    now = later(hours=9)
    answers = run_in_one_group(
        desk.database,
        *[partial(report_hazard, person=wang, report=report(place=place), now=now) for place in places],
    )
    for place, answer in zip(places, answers, strict=True):
        newest = [
            DuplicateCandidate(each.id, each.number, each.state, None, same_place=True)
            for each in reversed(known[place])
        ]
        assert answer.similar == newest[:5]


def test_a_hundred_reports_have_a_hundred_numbers(database):
    bodies = [report() for _ in range(100)]
    answers = run_concurrently(
        database, *[lambda repository, body=body: report_hazard(repository, wang, body, NOW) for body in bodies]
    )
    assert sorted(answer.reported.hazard.number for answer in answers) == [f"XJ-2026-{at:06d}" for at in range(1, 101)]


only_postgres = pytest.mark.parametrize("url", ["postgresql"], indirect=True)


@only_postgres
def test_a_group_reads_each_table_with_one_query(database, monkeypatch):
    monkeypatch.setattr(postgres, "_REFERENCE_SECONDS", 3600)
    run_concurrently(database, lambda _: Change(None))
    asked = []
    run = PostgresRows.run
    monkeypatch.setattr(PostgresRows, "run", lambda rows, sql, values: (asked.append(sql), run(rows, sql, values))[1])
    run_in_one_group(database, *[partial(report_hazard, person=wang, report=report(), now=NOW) for _ in range(20)])
    tables = [re.findall(r"FROM (entries|photos|receipts|hazards)", sql) for sql in asked if sql.startswith("SELECT")]
    assert sorted(tables) == [["entries"], ["hazards"], ["photos"], ["receipts"]]


@only_postgres
def test_two_processes_never_give_the_same_number(database, url):
    other = open_database(url)
    actions = [
        lambda repository, body=body: report_hazard(repository, wang, body, NOW)
        for body in (report() for _ in range(30))
    ]

    async def both():
        return await asyncio.gather(*(db.transact(action) for db in (database, other) for action in actions[:15]))

    numbers = [answer.reported.hazard.number for answer in asyncio.run(both())]
    assert len(set(numbers)) == 15  # fifteen reports, each sent to both
    asyncio.run(other.close())


def test_a_refused_action_does_not_affect_the_others_of_its_group(database):
    answers = run_concurrently(
        database,
        lambda repository: report_hazard(repository, wang, report(), NOW),
        lambda repository: report_hazard(repository, wang, report(photos=()), NOW),
        lambda repository: report_hazard(repository, wang, report(), NOW),
    )
    assert isinstance(answers[1], InvalidInput)
    assert [answer.reported.hazard.version for answer in (answers[0], answers[2])] == [1, 1]


def test_a_failed_action_does_not_fail_its_group(database):
    def faulty(_):
        raise ZeroDivisionError

    person = replace(wang, username="twice")
    answers = run_concurrently(
        database,
        lambda repository: report_hazard(repository, wang, report(), NOW),
        faulty,
        lambda _: Change(None, (person, person)),  # breaks a rule of the tables when it is written
        lambda repository: report_hazard(repository, wang, report(), NOW),
    )
    assert isinstance(answers[1], ZeroDivisionError)
    assert answers[1].__cause__ is None
    assert isinstance(answers[2], IntegrityError | sqlite3.IntegrityError)
    assert [answer.repeated for answer in (answers[0], answers[3])] == [False, False]
    assert database.read_sync(lambda repository: repository.person("twice")) is None


def test_only_one_of_two_steps_at_the_same_version_succeeds(desk):
    hazard = desk.do(report_hazard, wang, report(), NOW).reported.hazard
    steps = [Accept(id=new_id(), version=1), Note(id=new_id(), version=1, note="…")]
    answers = run_concurrently(
        desk.database,
        *[lambda repository, step=step: take_step(repository, li, hazard.id, step, NOW) for step in steps],
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["HazardWithPhotos", "VersionConflict"]
    assert any(isinstance(answer, VersionConflict) for answer in answers)
    assert desk.hazard(hazard.id).version == 2


def test_a_record_is_written_only_over_the_version_that_was_read(desk):
    hazard = desk.do(report_hazard, wang, report(), NOW).reported.hazard
    gone = replace(hazard, version=7)
    with pytest.raises(Conflict):
        desk.do(lambda _: Change(None, changed=((gone, replace(gone, version=8)),)))
    assert desk.hazard(hazard.id) == hazard


def test_a_cancelled_call_leaves_a_complete_record(database):
    body = report()

    async def hang_up():
        task = asyncio.create_task(database.transact(lambda repository: report_hazard(repository, wang, body, NOW)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(hang_up())
    run_concurrently(database, lambda repository: report_hazard(repository, wang, body, NOW))
    assert len(database.read_sync(lambda repository: repository.history(body.id))) == 1


def test_close_finishes_accepted_actions_and_refuses_later_ones(url):
    async def run_scenario():
        database = open_database(url)
        accepted = [asyncio.create_task(database.transact(lambda _: Change("kept"))) for _ in range(200)]
        await asyncio.sleep(0)
        await database.close()
        assert await asyncio.gather(*accepted) == ["kept"] * 200
        with pytest.raises(Unavailable):
            await database.transact(lambda _: Change("late"))

    asyncio.run(run_scenario())


def test_a_failed_commit_fails_every_action_of_its_group(database, monkeypatch):
    bodies = [report() for _ in range(3)]
    actions = [lambda repository, body=body: report_hazard(repository, wang, body, NOW) for body in bodies]

    with failing_commits(monkeypatch):
        assert {type(answer) for answer in run_concurrently(database, *actions)} == {Unavailable}
    assert [answer.repeated for answer in run_concurrently(database, *actions)] == [False] * 3


def test_the_next_action_sees_changed_reference_data(database):
    new = replace(HERE, code="330402009099", name="新社区")
    run_concurrently(database, lambda _: Change(None, (new,)))
    assert run_concurrently(database, lambda repository: Change(repository.community("330402009099")))[0] == new
    assert database.read_sync(lambda repository: repository.community("330402009099")) == new


def test_readers_cannot_write(database):
    with pytest.raises(Unavailable):
        database.read_sync(lambda repository: repository.rows(delete(TABLE_OF[Hazard])))


def _hold_write_lock(path, ready, done):
    with write_lock(path):
        ready.set()
        done.wait(PATIENCE)


def test_a_second_writing_process_is_refused_until_the_first_is_gone(tmp_path):
    path = tmp_path / "anxun.db"
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_hold_write_lock, args=(path, ready, done))
    other.start()
    assert ready.wait(PATIENCE)
    with pytest.raises(DatabaseInUse, match="in use by another"), write_lock(path):
        pass
    other.kill()
    other.join()
    with write_lock(path):
        pass


@only_postgres
def test_cut_connections_raise_unavailable_and_recover(database, url):
    """Each call answers or raises Unavailable; an answered report is stored; later calls succeed."""
    bodies = [report() for _ in range(60)]
    mine = url.rpartition("/")[2]

    async def run_scenario():
        answers = []
        for start in range(0, 60, 10):
            actions = [
                lambda repository, body=body: report_hazard(repository, wang, body, NOW)
                for body in bodies[start : start + 10]
            ]
            tasks = [asyncio.create_task(database.transact(action)) for action in actions]
            await asyncio.to_thread(cut_connections, mine)
            answers += await asyncio.gather(*tasks, return_exceptions=True)
        return answers

    answers = asyncio.run(run_scenario())
    failed = [answer for answer in answers if isinstance(answer, Exception)]
    assert {type(failure) for failure in failed} <= {Unavailable}
    for answer, body in zip(answers, bodies, strict=True):
        if not isinstance(answer, Exception):
            assert database.read_sync(lambda repository, body=body: repository.hazard(body.id)) is not None
    for _ in range(10):  # stale connections are found one by one
        run_concurrently(database, *[lambda repository: report_hazard(repository, wang, report(), NOW)] * 4)
    assert not isinstance(
        run_concurrently(database, lambda repository: report_hazard(repository, wang, report(), NOW))[0], Exception
    )


@only_postgres
def test_an_action_that_locks_a_row_leaves_its_group(desk):
    """A step that waits for a lock delays neither concurrent reports nor later ones."""
    hazard = desk.do(report_hazard, wang, report(), NOW).reported.hazard
    held, release = threading.Event(), threading.Event()

    def hold(repository):
        repository.hazard(hazard.id)
        held.set()
        release.wait(PATIENCE)
        return Change("held")

    async def run_scenario():
        db = desk.database
        holder = asyncio.create_task(db.transact(hold))
        await asyncio.to_thread(held.wait, PATIENCE)
        steps = [Note(id=new_id(), version=1, note="…") for _ in range(postgres.CONNECTIONS - 4)]
        waiting = [
            asyncio.create_task(
                db.transact(lambda repository, step=step: take_step(repository, li, hazard.id, step, NOW))
            )
            for step in steps
        ]
        for _ in range(3):
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(
                    *(db.transact(partial(report_hazard, person=wang, report=report(), now=NOW)) for _ in range(9))
                )
        assert not any(task.done() for task in (holder, *waiting))
        release.set()
        return await asyncio.gather(holder, *waiting, return_exceptions=True)

    answers = asyncio.run(run_scenario())
    assert sorted(type(answer).__name__ for answer in answers) == ["HazardWithPhotos", *["VersionConflict"] * 3, "str"]


def test_close_waits_for_a_read_in_another_thread(url):
    """A job in a thread of its own, such as the daily digest, goes on when its server is told to stop."""
    database = open_database(url)
    begun, go_on = threading.Event(), threading.Event()

    def slow(repository):
        begun.set()
        assert go_on.wait(PATIENCE)
        return repository.person("wang")

    async def run_scenario():
        reading = asyncio.create_task(asyncio.to_thread(database.read_sync, slow))
        await asyncio.to_thread(begun.wait)
        closing = threading.Thread(target=lambda: asyncio.run(database.close()))
        closing.start()
        await asyncio.sleep(0.2)
        still = closing.is_alive()
        go_on.set()
        answer = await reading
        await asyncio.to_thread(closing.join)
        return still, answer

    still, answer = asyncio.run(run_scenario())
    assert (still, answer) == (True, None)
    with pytest.raises(Unavailable):
        database.read_sync(lambda repository: repository.person("wang"))


def test_concurrent_sweeps_get_different_hazards(desk):
    """Two concurrent sweeps, each limited to half of the hazards, escalate each hazard once and do not wait."""
    for _ in range(10):
        hazard = desk.do(report_hazard, wang, report(), NOW).reported.hazard
        desk.do(take_step, li, hazard.id, Accept(id=new_id(), version=1), NOW)
    late = later(days=30)
    sweeps = run_concurrently(desk.database, *[lambda repository: escalate(repository, late, 5)] * 2)
    assert [sweep.looked_at for sweep in sweeps] == [5, 5]
    assert [sweep.recorded for sweep in sweeps] == [25, 25]  # five rungs of each
    assert desk.do(escalate, late, 5).looked_at == 0


def test_concurrent_claims_get_different_photos(desk):
    for digit in "abcdef":
        desk.do(receive_photos, wang, [photo(digit)], NOW)
    claims = run_concurrently(desk.database, *[lambda repository: claim_unprocessed_photos(repository, NOW, 3)] * 2)
    assert sorted(each.sha256[0] for claim in claims for each in claim) == list("abcdef")
    assert desk.do(claim_unprocessed_photos, NOW, 9) == ()
    desk.do(record_processed_photo, "a" * 64, PhotoMetadata())
    left = [desk.do(claim_unprocessed_photos, NOW + CLAIM * 2, 9) for _ in range(6)]
    assert [len(claim) for claim in left] == [1, 1, 1, 1, 1, 0]


def test_provisional_deadlines_of_every_stage_are_found(desk):
    by_weekdays = [desk.do(report_hazard, wang, report(), NOW).reported.hazard.id for _ in range(2)]
    desk.do(take_step, li, by_weekdays[0], Accept(id=new_id(), version=1), NOW)
    found = desk.database.read_sync(lambda repository: repository.provisional_hazards(UUID(int=0), 9))
    assert {each.id: each.stage_term is None for each in found} == dict(zip(by_weekdays, (True, False), strict=True))


def test_the_error_of_a_failed_statement_does_not_contain_its_values(url):
    engine = writing_engine(url)
    street = {"code": "330402009", "name": "某人的话", "abbreviation": "XJ"}
    with pytest.raises(IntegrityError) as failed, engine.begin() as connection:
        connection.execute(insert(TABLE_OF[Street]), [street, street])
    engine.dispose()
    assert "某人的话" not in str(failed.value)


def test_a_second_database_that_only_reads_keeps_claims_on_photos(desk, url):
    desk.do(receive_photos, wang, [photo("a")], NOW)
    assert len(desk.do(claim_unprocessed_photos, NOW, 9)) == 1
    beside = open_database(url)
    assert beside.read_sync(lambda repository: repository.photo("a" * 64)).claimed_until == NOW + CLAIM
    asyncio.run(beside.close())


@only_postgres
def test_reference_data_changed_by_another_process_is_seen(database, url, monkeypatch):
    other = open_database(url)
    new = replace(HERE, code="330402009099", name="新社区")
    assert other.read_sync(lambda repository: repository.community(new.code)) is None
    run_concurrently(database, lambda _: Change(None, (new,)))
    monkeypatch.setattr(postgres, "_REFERENCE_SECONDS", 0)
    assert other.read_sync(lambda repository: repository.community(new.code)) == new
    asyncio.run(other.close())


@only_postgres
def test_two_deadlocked_actions_both_succeed(desk):
    """One action locks a then b, the other b then a: the database breaks the deadlock, and the loser runs again."""
    one, two = (desk.do(report_hazard, wang, report(), NOW).reported.hazard for _ in range(2))
    met = threading.Barrier(2)

    def both(first, second):
        once = iter([True])

        def action(repository):
            before = repository.hazard(first.id)
            if next(once, False):  # not when it is run again
                met.wait(PATIENCE)
            repository.hazard(second.id)
            return Change("done", changed=((before, replace(before, version=before.version + 1)),))

        return action

    assert run_concurrently(desk.database, both(one, two), both(two, one)) == ["done", "done"]
    assert (desk.hazard(one.id).version, desk.hazard(two.id).version) == (2, 2)


def test_a_missing_database_is_unavailable():
    with pytest.raises(OperationalError):
        open_database("sqlite:////nowhere/anxun.db")
    away = open_database("postgresql://postgres@127.0.0.1:1/nowhere")
    assert isinstance(run_concurrently(away, lambda _: Change(None))[0], Unavailable)
    with pytest.raises(Unavailable):
        away.read_sync(lambda repository: repository.people())
    asyncio.run(away.close())
