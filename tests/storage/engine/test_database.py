import asyncio
import contextlib
import multiprocessing
import re
import sqlite3
import threading
from functools import partial
from uuid import UUID

import pytest
from msgspec.structs import replace
from sqlalchemy import Transaction, delete, insert
from sqlalchemy.event import listen
from sqlalchemy.exc import IntegrityError, OperationalError

from inspections.change import Change
from inspections.errors import Conflict, IdTaken, Invalid, Stale, Unavailable
from inspections.hazards.records import Candidate, Hazard
from inspections.photos.actions.intake import Facts, developed, receive_photos
from inspections.places.communities import Street
from inspections.remediation.actions.escalation import escalate
from inspections.remediation.actions.photo_damage import CLAIM, claim_undeveloped
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Note
from storage.database import open_database
from storage.engine import postgres
from storage.engine.connections import writing_engine
from storage.engine.sqlite import Locked, owning
from storage.schema import TABLE_OF
from tests.builders.office import HERE, NOW, later, li, mention, new_id, photo, wang
from tests.builders.postgres import cut_connections
from tests.builders.reports import report


def gathered(database, *actions):
    async def all_at_once():
        return await asyncio.gather(*(database.transact(action) for action in actions), return_exceptions=True)

    return asyncio.run(all_at_once())


def test_what_is_answered_is_committed(database, url):
    answer = gathered(database, lambda repository: report_hazard(repository, wang, report(), NOW))[0]
    other = open_database(url)
    assert other.ask(lambda repository: repository.hazard(answer.dossier.hazard.id)) == answer.dossier.hazard
    asyncio.run(other.close())
    assert database.ask(lambda repository: repository.hazard(answer.dossier.hazard.id)) == answer.dossier.hazard


def test_actions_that_wait_together_see_each_other(database):
    body = report()
    answers = gathered(database, *[lambda repository: report_hazard(repository, wang, body, NOW)] * 20)
    assert sorted(answer.repeated for answer in answers) == [False] + [True] * 19
    assert len({answer.dossier.hazard.number for answer in answers}) == 1


def in_one_group(database, *actions):
    database._places = 1  # on PostgreSQL two groups would share them
    return gathered(database, *actions)


def test_an_id_that_two_people_use_at_once_makes_one_hazard(database):
    body = report()
    first, again, taken = in_one_group(
        database, *[partial(report_hazard, person=person, report=body, now=NOW) for person in (wang, wang, li)]
    )
    assert (first.repeated, again.repeated) == (False, True)
    assert first.dossier == again.dossier
    assert isinstance(taken, IdTaken)
    assert len(database.ask(lambda repository: repository.history(body.id))) == 1


def test_what_a_group_reads_is_what_is_there_and_what_its_earlier_members_bring(desk):
    desk.do(receive_photos, wang, [photo("a")], NOW)
    desk.do(receive_photos, li, [photo("b")], NOW)
    declared = (*map(mention, "abcd"),)
    before, _, twice, after = in_one_group(
        desk.database,
        partial(report_hazard, person=wang, report=report(photos=declared), now=NOW),
        partial(receive_photos, person=wang, arrived=[photo("c")], now=NOW),
        partial(receive_photos, person=wang, arrived=[photo("c")], now=NOW),
        partial(report_hazard, person=wang, report=report(photos=declared), now=NOW, arrived=[photo("b")]),
    )
    present = [[each.present for each in answer.dossier.shown] for answer in (before, after)]
    assert present == [[True, False, False, False], [True, True, True, False]]
    assert twice.known
    kept = desk.database.ask(lambda repository: repository.shown([after.dossier.hazard.id]))
    assert kept == after.dossier.shown


def test_each_of_a_group_is_told_of_the_hazards_that_are_similar_to_its_own(desk):
    places = ["3幢", "4幢", "5幢"]
    known = {
        place: [desk.do(report_hazard, wang, report(place=place), later(hours=at)).dossier.hazard for at in range(many)]
        for place, many in zip(places, (7, 0, 2), strict=True)
    }
    now = later(hours=9)
    answers = in_one_group(
        desk.database,
        *[partial(report_hazard, person=wang, report=report(place=place), now=now) for place in places],
    )
    for place, answer in zip(places, answers, strict=True):
        newest = [Candidate(each.id, each.number, each.state, None, same_place=True) for each in reversed(known[place])]
        assert answer.similar == newest[:5]


def test_a_hundred_reports_have_a_hundred_numbers(database):
    bodies = [report() for _ in range(100)]
    answers = gathered(
        database, *[lambda repository, body=body: report_hazard(repository, wang, body, NOW) for body in bodies]
    )
    assert sorted(answer.dossier.hazard.number for answer in answers) == [f"XJ-2026-{at:06d}" for at in range(1, 101)]


only_postgres = pytest.mark.parametrize("url", ["postgresql"], indirect=True)


@only_postgres
def test_what_a_group_reads_is_asked_for_all_of_it_at_once(database, monkeypatch):
    monkeypatch.setattr(postgres, "_REFERENCE_SECONDS", 3600)
    gathered(database, lambda _: Change(None))
    asked = []
    listen(database._engine, "before_cursor_execute", lambda *facts: asked.append(facts[2]))
    in_one_group(database, *[partial(report_hazard, person=wang, report=report(), now=NOW) for _ in range(20)])
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

    numbers = [answer.dossier.hazard.number for answer in asyncio.run(both())]
    assert len(set(numbers)) == 15  # fifteen reports, each sent to both
    asyncio.run(other.close())


def test_a_refusal_costs_the_others_of_its_group_nothing(database):
    answers = gathered(
        database,
        lambda repository: report_hazard(repository, wang, report(), NOW),
        lambda repository: report_hazard(repository, wang, report(photos=()), NOW),
        lambda repository: report_hazard(repository, wang, report(), NOW),
    )
    assert isinstance(answers[1], Invalid)
    assert [answer.dossier.hazard.version for answer in (answers[0], answers[2])] == [1, 1]


def test_a_fault_of_one_does_not_take_its_group_along(database):
    def faulty(_):
        raise ZeroDivisionError

    person = replace(wang, username="twice")
    answers = gathered(
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
    assert database.ask(lambda repository: repository.person("twice")) is None


def test_two_people_at_the_same_version_one_wins(desk):
    hazard = desk.do(report_hazard, wang, report(), NOW).dossier.hazard
    steps = [Accept(id=new_id(), version=1), Note(id=new_id(), version=1, note="…")]
    answers = gathered(
        desk.database,
        *[lambda repository, step=step: take_step(repository, li, hazard.id, step, NOW) for step in steps],
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Dossier", "Stale"]
    assert any(isinstance(answer, Stale) for answer in answers)
    assert desk.hazard(hazard.id).version == 2


def test_a_record_is_written_only_over_the_version_that_was_read(desk):
    hazard = desk.do(report_hazard, wang, report(), NOW).dossier.hazard
    gone = replace(hazard, version=7)
    with pytest.raises(Conflict):
        desk.do(lambda _: Change(None, changed=((gone, replace(gone, version=8)),)))
    assert desk.hazard(hazard.id) == hazard


def test_a_caller_that_goes_away_leaves_a_whole_record(database):
    body = report()

    async def hang_up():
        task = asyncio.create_task(database.transact(lambda repository: report_hazard(repository, wang, body, NOW)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(hang_up())
    gathered(database, lambda repository: report_hazard(repository, wang, body, NOW))
    assert len(database.ask(lambda repository: repository.history(body.id))) == 1


def test_close_finishes_what_was_accepted_and_refuses_the_rest(url):
    async def story():
        database = open_database(url)
        accepted = [asyncio.create_task(database.transact(lambda _: Change("kept"))) for _ in range(200)]
        await asyncio.sleep(0)
        await database.close()
        assert await asyncio.gather(*accepted) == ["kept"] * 200
        with pytest.raises(Unavailable):
            await database.transact(lambda _: Change("late"))

    asyncio.run(story())


def test_a_commit_that_fails_acknowledges_nobody(database, monkeypatch):
    bodies = [report() for _ in range(3)]
    actions = [lambda repository, body=body: report_hazard(repository, wang, body, NOW) for body in bodies]

    def full(_):
        raise OperationalError("COMMIT", {}, Exception("disk full"))

    with monkeypatch.context() as broken:
        broken.setattr(Transaction, "commit", full)
        assert {type(answer) for answer in gathered(database, *actions)} == {Unavailable}
    assert [answer.repeated for answer in gathered(database, *actions)] == [False] * 3


def test_a_reference_that_changes_is_seen_by_the_next_action(database):
    new = replace(HERE, code="330402009099", name="新社区")
    gathered(database, lambda _: Change(None, (new,)))
    assert gathered(database, lambda repository: Change(repository.community("330402009099")))[0] == new
    assert database.ask(lambda repository: repository.community("330402009099")) == new


def test_readers_cannot_write(database):
    with pytest.raises(Unavailable):
        database.ask(lambda repository: repository.rows(delete(TABLE_OF[Hazard])))


def _hold(path, ready, done):
    with owning(path):
        ready.set()
        done.wait(30)


def test_a_second_writing_process_is_refused_until_the_first_is_gone(tmp_path):
    path = tmp_path / "anxun.db"
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(path, ready, done))
    other.start()
    assert ready.wait(30)
    with pytest.raises(Locked, match="in use by another"), owning(path):
        pass
    other.kill()
    other.join()
    with owning(path):
        pass


@only_postgres
def test_connections_that_are_cut_are_unavailable_and_heal_by_themselves(database, url):
    """Only answers and Unavailable; what was answered is there; afterwards it goes on."""
    bodies = [report() for _ in range(60)]
    mine = url.rpartition("/")[2]

    async def story():
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

    answers = asyncio.run(story())
    failed = [answer for answer in answers if isinstance(answer, Exception)]
    assert {type(failure) for failure in failed} <= {Unavailable}
    for answer, body in zip(answers, bodies, strict=True):
        if not isinstance(answer, Exception):
            assert database.ask(lambda repository, body=body: repository.hazard(body.id)) is not None
    for _ in range(10):  # stale connections are found one by one
        gathered(database, *[lambda repository: report_hazard(repository, wang, report(), NOW)] * 4)
    assert not isinstance(
        gathered(database, lambda repository: report_hazard(repository, wang, report(), NOW))[0], Exception
    )


@only_postgres
def test_who_locks_a_row_leaves_the_group_and_its_place(desk):
    """A step that waits for another's lock holds up neither the reports beside it nor those after it."""
    hazard = desk.do(report_hazard, wang, report(), NOW).dossier.hazard
    held, release = threading.Event(), threading.Event()

    def hold(repository):
        repository.hazard(hazard.id)
        held.set()
        release.wait(30)
        return Change("held")

    async def story():
        db = desk.database
        holder = asyncio.create_task(db.transact(hold))
        await asyncio.to_thread(held.wait, 30)
        steps = [Note(id=new_id(), version=1, note="…") for _ in range(postgres.CONNECTIONS - 4)]
        waiting = [
            asyncio.create_task(
                db.transact(lambda repository, step=step: take_step(repository, li, hazard.id, step, NOW))
            )
            for step in steps
        ]
        for _ in range(3):
            async with asyncio.timeout(10):
                await asyncio.gather(
                    *(db.transact(partial(report_hazard, person=wang, report=report(), now=NOW)) for _ in range(9))
                )
        assert not any(task.done() for task in (holder, *waiting))
        release.set()
        return await asyncio.gather(holder, *waiting, return_exceptions=True)

    answers = asyncio.run(story())
    assert sorted(type(answer).__name__ for answer in answers) == ["Dossier", "Stale", "Stale", "Stale", "str"]


def test_a_database_that_closes_waits_for_who_still_reads_in_a_thread(url):
    """A job in a thread of its own, such as the daily digest, goes on when its server is told to stop."""
    database = open_database(url)
    begun, go_on = threading.Event(), threading.Event()

    def slow(repository):
        begun.set()
        assert go_on.wait(10)
        return repository.person("wang")

    async def story():
        reading = asyncio.create_task(asyncio.to_thread(database.ask, slow))
        await asyncio.to_thread(begun.wait)
        closing = threading.Thread(target=lambda: asyncio.run(database.close()))
        closing.start()
        await asyncio.sleep(0.2)
        still = closing.is_alive()
        go_on.set()
        answer = await reading
        await asyncio.to_thread(closing.join)
        return still, answer

    still, answer = asyncio.run(story())
    assert (still, answer) == (True, None)
    with pytest.raises(Unavailable):
        database.ask(lambda repository: repository.person("wang"))


def test_who_asks_beside_gets_other_hazards_to_sweep(desk):
    """Two sweeps at once, each with room for half: every hazard is escalated once, none waits for the other."""
    for _ in range(10):
        hazard = desk.do(report_hazard, wang, report(), NOW).dossier.hazard
        desk.do(take_step, li, hazard.id, Accept(id=new_id(), version=1), NOW)
    late = later(days=30)
    sweeps = gathered(desk.database, *[lambda repository: escalate(repository, late, 5)] * 2)
    assert [sweep.looked_at for sweep in sweeps] == [5, 5]
    assert [sweep.recorded for sweep in sweeps] == [25, 25]  # five rungs of each
    assert desk.do(escalate, late, 5).looked_at == 0


def test_who_asks_beside_gets_other_photos_to_develop(desk):
    for digit in "abcdef":
        desk.do(receive_photos, wang, [photo(digit)], NOW)
    claims = gathered(desk.database, *[lambda repository: claim_undeveloped(repository, NOW, 3)] * 2)
    assert sorted(each.sha256[0] for claim in claims for each in claim) == list("abcdef")
    assert desk.do(claim_undeveloped, NOW, 9) == ()
    desk.do(developed, "a" * 64, Facts())
    left = [desk.do(claim_undeveloped, NOW + CLAIM * 2, 9) for _ in range(6)]
    assert [len(claim) for claim in left] == [1, 1, 1, 1, 1, 0]


def test_a_provisional_deadline_of_fixing_and_of_any_other_stage_is_found(desk):
    by_weekdays = [desk.do(report_hazard, wang, report(), NOW).dossier.hazard.id for _ in range(2)]
    desk.do(take_step, li, by_weekdays[0], Accept(id=new_id(), version=1), NOW)
    found = desk.database.ask(lambda repository: repository.provisional(UUID(int=0), 9))
    assert {each.id: each.stage_term is None for each in found} == dict(zip(by_weekdays, (True, False), strict=True))


def test_what_people_wrote_is_not_said_of_a_statement_that_failed(url):
    engine = writing_engine(url)
    street = {"code": "330402009", "name": "某人的话", "abbreviation": "XJ"}
    with pytest.raises(IntegrityError) as failed, engine.begin() as connection:
        connection.execute(insert(TABLE_OF[Street]), [street, street])
    engine.dispose()
    assert "某人的话" not in str(failed.value)


def test_who_only_reads_beside_forgets_no_claim_on_a_photo(desk, url):
    desk.do(receive_photos, wang, [photo("a")], NOW)
    assert len(desk.do(claim_undeveloped, NOW, 9)) == 1
    beside = open_database(url)
    assert beside.ask(lambda repository: repository.photo("a" * 64)).claimed_until == NOW + CLAIM
    asyncio.run(beside.close())


@only_postgres
def test_a_reference_that_another_process_changes_is_seen(database, url, monkeypatch):
    other = open_database(url)
    new = replace(HERE, code="330402009099", name="新社区")
    assert other.ask(lambda repository: repository.community(new.code)) is None
    gathered(database, lambda _: Change(None, (new,)))
    monkeypatch.setattr(postgres, "_REFERENCE_SECONDS", 0)
    assert other.ask(lambda repository: repository.community(new.code)) == new
    asyncio.run(other.close())


@only_postgres
def test_two_actions_that_lock_each_other_out_both_succeed_in_the_end(desk):
    """A then b, and b then a: the database breaks the deadlock, the loser is run again."""
    one, two = (desk.do(report_hazard, wang, report(), NOW).dossier.hazard for _ in range(2))
    met = threading.Barrier(2)

    def both(first, second):
        def action(repository):
            before = repository.hazard(first.id)
            with contextlib.suppress(threading.BrokenBarrierError):
                met.wait(1)
            repository.hazard(second.id)
            return Change("done", changed=((before, replace(before, version=before.version + 1)),))

        return action

    assert gathered(desk.database, both(one, two), both(two, one)) == ["done", "done"]
    assert (desk.hazard(one.id).version, desk.hazard(two.id).version) == (2, 2)


def test_a_database_that_is_not_there_is_unavailable():
    with pytest.raises(OperationalError):
        open_database("sqlite:////nowhere/anxun.db")
    away = open_database("postgresql://postgres@127.0.0.1:1/nowhere")
    assert isinstance(gathered(away, lambda _: Change(None))[0], Unavailable)
    with pytest.raises(Unavailable):
        away.ask(lambda repository: repository.people())
    asyncio.run(away.close())
