"""Indexes find every duplicate candidate, and of two concurrent opposite merges one is refused, on every database."""

import asyncio
import random
import threading
from functools import partial

import pytest

from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.change import Change
from inspections.errors import InvalidInput
from inspections.hazards.duplicates import EarlierReport, duplicate_candidates
from inspections.hazards.records import Hazard, State
from inspections.photos.actions.intake import PhotoMetadata, receive_photos, record_processed_photo
from inspections.photos.records import PhotoReference
from inspections.places.coordinates import Point
from inspections.remediation.actions.photo_findings import examine_photos
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Merge, Reject
from storage.database import open_database
from storage.hazards.tables import hazards, mentions
from tests.builders.office import HERE, NOW, THERE, later, li, new_id, photo, photo_declaration, qian, wang, zhou
from tests.builders.reports import report
from tests.builders.waiting import PATIENCE

CRS = ("wgs84", "gcj02", "bd09")


def create_hazard(desk, now=NOW, by=wang, **facts):
    return desk.do(report_hazard, by, report(**facts), now).reported.hazard


def prepare_merge(hazard, master):
    step = Merge(id=new_id(), version=hazard.version, into=master.id)
    return partial(take_step, person=li, hazard_id=hazard.id, step=step, now=NOW)


@pytest.fixture
def second_database(database, url):
    """Yields the database of a second process on PostgreSQL; on SQLite there is only one process."""
    other = database if url.startswith("sqlite") else open_database(url)
    yield other
    asyncio.run(other.close())


def run_concurrently(*acts):
    """Runs each (database, action) concurrently; returns the answers and refusals in the same order."""

    async def all_at_once():
        return await asyncio.gather(*(where.transact(action) for where, action in acts), return_exceptions=True)

    return asyncio.run(all_at_once())


def random_report(chance, number):
    """Draws a report within a few hundred metres of one point, in either community, with a point or only words."""
    here = chance.random() < 0.7
    point = Point(
        30.77 + chance.uniform(-0.003, 0.003), 120.75 + chance.uniform(-0.003, 0.003), chance.choice(CRS), 20.0
    )
    return (wang if here else zhou), report(
        community=HERE.code if here else THERE.code,
        category=chance.choice(["EV-03", "EB-04"]),
        place=chance.choice(["东门", "西门", "3号楼", "三幢", f"{number}幢"]),
        point=chance.choice([point, point, None]),
    )


def test_the_indexes_find_the_same_candidates_as_a_full_scan(desk):
    chance = random.Random(20261123)  # noqa: S311  # a fixed sample
    for number in range(120):
        by, body = random_report(chance, number)
        now = later(hours=chance.uniform(0, 100))
        everything = desk.database.read_sync(lambda repository: repository.select(Hazard, hazards.select()))
        answer = desk.do(report_hazard, by, body, now)
        hazard = answer.reported.hazard
        earlier = [EarlierReport(*(getattr(each, name) for name in EarlierReport._fields)) for each in everything]
        assert answer.similar == duplicate_candidates(hazard, earlier, scope(by, "hazard.see"))
        assert len({each.id for each in answer.similar}) == len(answer.similar)
        if answer.similar and chance.random() < 0.2:
            step = Reject(id=new_id(), version=1, reason="非隐患")
            desk.do(take_step, li if by == wang else qian, hazard.id, step, now)


def test_each_report_of_a_group_gets_its_own_candidates(desk):
    near = create_hazard(desk, place="东门", point=Point(30.77, 120.75, "wgs84"))
    words = create_hazard(desk, place="西门")
    bodies = [
        report(place="北门", point=Point(30.7701, 120.75, "wgs84")),
        report(place="西 门"),
        report(place="西门", point=Point(30.7702, 120.75, "wgs84")),
        report(place="南门"),
    ]
    desk.database._permits = 1  # on PostgreSQL two groups would share them
    answers = run_concurrently(
        *((desk.database, partial(report_hazard, person=wang, report=body, now=NOW)) for body in bodies)
    )
    named = [[each.id for each in answer.similar] for answer in answers]
    assert named == [[near.id], [words.id], [words.id, near.id], []]


def test_one_of_two_concurrent_opposite_merges_is_refused(desk, second_database):
    one, other = create_hazard(desk), create_hazard(desk)
    answers = run_concurrently((desk.database, prepare_merge(one, other)), (second_database, prepare_merge(other, one)))
    assert sum(isinstance(answer, InvalidInput) for answer in answers) == 1, answers
    ends = {each.id: desk.hazard(each.id) for each in (one, other)}
    master = next(each for each in ends.values() if each.state is State.REPORTED)
    assert sorted(each.state for each in ends.values()) == [State.DUPLICATE, State.REPORTED]
    assert {each.merged_into for each in ends.values()} == {None, master.id}
    assert [line.step for line in desk.history(master.id)] == ["report", "merged"]


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_two_opposite_merges_do_not_deadlock(desk, second_database):
    """Each transaction has locked its own duplicate before either asks for its master."""
    one, other = create_hazard(desk), create_hazard(desk)
    held = threading.Barrier(2)

    def slowly(action):
        first = iter([True])

        def act(repository):
            repository.hazard(action.keywords["hazard_id"])
            if next(first, False):  # not when it is run again
                held.wait(PATIENCE)
            return action(repository)

        return act

    answers = run_concurrently(
        (desk.database, slowly(prepare_merge(one, other))), (second_database, slowly(prepare_merge(other, one)))
    )
    assert sum(isinstance(answer, InvalidInput) for answer in answers) == 1, answers


def test_many_duplicates_join_one_master_at_once(desk):
    master = create_hazard(desk)
    others = [create_hazard(desk, by=li) for _ in range(8)]

    run_concurrently(*((desk.database, prepare_merge(each, master)) for each in others))
    after = desk.hazard(master.id)
    assert (after.version, after.history_length, after.reporters) == (1, 9, ("li",))
    numbers = [line.facts["number"] for line in desk.history(master.id)[1:]]
    assert sorted(numbers) == sorted(each.number for each in others)
    listed = desk.database.read_sync(lambda repository: repository.duplicates([master.id]))
    assert {each.id for each in listed} == {each.id for each in others}


def find_flags(desk):
    desk.do(examine_photos, NOW, 99)
    rows = desk.database.read_sync(lambda repository: repository.select(PhotoReference, mentions.select()))
    return {(each.sha256[0], each.hazard): [(flag.kind, flag.hazard) for flag in each.flags] for each in rows}


def test_a_duplicate_and_its_master_are_not_flagged_for_each_other(desk):
    for who in (wang, li):
        desk.do(receive_photos, who, [photo("a"), photo("b")], NOW)
    master, hazard = (
        create_hazard(desk),
        create_hazard(desk, by=li, photos=(photo_declaration("a"), photo_declaration("b"))),
    )
    desk.do(prepare_merge(hazard, master))
    for letter in "ab":
        desk.do(record_processed_photo, letter * 64, PhotoMetadata(), 0x0F0F_3C3C_5A5A_9696)
    found = find_flags(desk)
    assert set(found) == {("a", master.id), ("b", master.id), ("a", hazard.id), ("b", hazard.id)}
    assert not any(found.values())
    desk.do(receive_photos, zhou, [photo("a")], NOW)
    foreign = create_hazard(desk, by=zhou, community=THERE.code)
    assert find_flags(desk)["a", foreign.id] == [("reused", master.id)]


def test_a_merge_removes_the_flags(desk):
    for who in (wang, li):
        desk.do(receive_photos, who, [photo("a")], NOW)
    master, hazard = create_hazard(desk), create_hazard(desk, by=li)
    desk.do(record_processed_photo, "a" * 64, PhotoMetadata())
    assert find_flags(desk)["a", master.id] == [("reused", hazard.id)]
    desk.do(prepare_merge(hazard, master))
    assert not any(find_flags(desk).values())


def test_a_person_who_sees_the_master_sees_the_photo_of_its_duplicate(desk):
    both = (li, wang)
    master = create_hazard(desk, photos=(photo_declaration("c"),))
    foreign = desk.do(report_hazard, zhou, report(community=THERE.code), NOW, [photo("a")]).reported.hazard
    over_both = Person("over", "over", (*li.grants, *qian.grants), "-")
    desk.do(lambda _: Change(None, (over_both,)))
    step = Merge(id=new_id(), version=1, into=master.id)

    def see():
        return [desk.database.read_sync(lambda r, who=who: r.may_see_photo(who, "a" * 64)) for who in both]

    assert see() == [False, False]
    desk.do(take_step, over_both, foreign.id, step, NOW)
    assert see() == [True, True]
