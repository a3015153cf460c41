"""Candidates are narrowed by indexes and lost by none; two who merge at once end in one refusal, on every database."""

import asyncio
import random
import threading
from functools import partial

import pytest

from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.change import Change
from inspections.errors import Invalid
from inspections.hazards.duplicates import Earlier, candidates
from inspections.hazards.records import Hazard, State
from inspections.photos.actions.intake import Facts, developed, receive_photos
from inspections.photos.records import Mention
from inspections.places.coordinates import Point
from inspections.remediation.actions.photo_findings import examine
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Merge, Reject
from storage.database import open_database
from storage.hazards.tables import hazards, mentions
from tests.builders.office import HERE, NOW, THERE, later, li, mention, new_id, photo, qian, wang, zhou
from tests.builders.reports import report

CRS = ("wgs84", "gcj02", "bd09")


def reported(desk, now=NOW, by=wang, **facts):
    return desk.do(report_hazard, by, report(**facts), now).dossier.hazard


def merging(hazard, master):
    step = Merge(id=new_id(), version=hazard.version, into=master.id)
    return partial(take_step, person=li, hazard_id=hazard.id, step=step, now=NOW)


@pytest.fixture
def second(database, url):
    """On PostgreSQL another process over the same database; on SQLite there is one."""
    other = database if url.startswith("sqlite") else open_database(url)
    yield other
    asyncio.run(other.close())


def at_once(*acts):
    """Each is (database, action); the answers and refusals in their order."""

    async def all_at_once():
        return await asyncio.gather(*(where.transact(action) for where, action in acts), return_exceptions=True)

    return asyncio.run(all_at_once())


def crowd(chance, number):
    """A report a few hundred metres about one point, of either community, with a point or only words."""
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


def test_what_the_indexes_bring_is_what_a_look_at_everything_finds(desk):
    chance = random.Random(20261123)  # noqa: S311  # a fixed crowd
    for number in range(120):
        by, body = crowd(chance, number)
        now = later(hours=chance.uniform(0, 100))
        everything = desk.database.ask(lambda repository: repository.select(Hazard, hazards.select()))
        answer = desk.do(report_hazard, by, body, now)
        hazard = answer.dossier.hazard
        earlier = [Earlier(*(getattr(each, name) for name in Earlier._fields)) for each in everything]
        assert answer.similar == candidates(hazard, earlier, scope(by, "hazard.see"))
        assert len({each.id for each in answer.similar}) == len(answer.similar)
        if answer.similar and chance.random() < 0.2:
            step = Reject(id=new_id(), version=1, reason="非隐患")
            desk.do(take_step, li if by == wang else qian, hazard.id, step, now)


def test_a_group_with_and_without_points_is_told_each_its_own(desk):
    near = reported(desk, place="东门", point=Point(30.77, 120.75, "wgs84"))
    words = reported(desk, place="西门")
    bodies = [
        report(place="北门", point=Point(30.7701, 120.75, "wgs84")),
        report(place="西 门"),
        report(place="西门", point=Point(30.7702, 120.75, "wgs84")),
        report(place="南门"),
    ]
    desk.database._places = 1  # on PostgreSQL two groups would share them
    answers = at_once(*((desk.database, partial(report_hazard, person=wang, report=body, now=NOW)) for body in bodies))
    named = [[each.id for each in answer.similar] for answer in answers]
    assert named == [[near.id], [words.id], [words.id, near.id], []]


def test_two_who_merge_two_hazards_into_each_other_at_once_end_in_one_refusal(desk, second):
    one, other = reported(desk), reported(desk)
    answers = at_once((desk.database, merging(one, other)), (second, merging(other, one)))
    assert sum(isinstance(answer, Invalid) for answer in answers) == 1, answers
    ends = {each.id: desk.hazard(each.id) for each in (one, other)}
    master = next(each for each in ends.values() if each.state is State.REPORTED)
    assert sorted(each.state for each in ends.values()) == [State.DUPLICATE, State.REPORTED]
    assert {each.merged_into for each in ends.values()} == {None, master.id}
    assert [line.step for line in desk.history(master.id)] == ["report", "merged"]


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_two_who_hold_each_other_s_master_do_not_wait_for_ever(desk, second):
    """Each transaction has locked its own duplicate before either asks for its master."""
    one, other = reported(desk), reported(desk)
    held = threading.Barrier(2)

    def slowly(action):
        first = iter([True])

        def act(repository):
            repository.hazard(action.keywords["hazard_id"])
            if next(first, False):  # not when it is run again
                held.wait(5)
            return action(repository)

        return act

    answers = at_once((desk.database, slowly(merging(one, other))), (second, slowly(merging(other, one))))
    assert sum(isinstance(answer, Invalid) for answer in answers) == 1, answers


def test_many_duplicates_join_one_master_at_once(desk):
    master = reported(desk)
    others = [reported(desk, by=li) for _ in range(8)]

    at_once(*((desk.database, merging(each, master)) for each in others))
    after = desk.hazard(master.id)
    assert (after.version, after.history_length, after.reporters) == (1, 9, ("li",))
    numbers = [line.facts["number"] for line in desk.history(master.id)[1:]]
    assert sorted(numbers) == sorted(each.number for each in others)
    listed = desk.database.ask(lambda repository: repository.duplicates([master.id]))
    assert {each.id for each in listed} == {each.id for each in others}


def flags_of(desk):
    desk.do(examine, NOW, 99)
    rows = desk.database.ask(lambda repository: repository.select(Mention, mentions.select()))
    return {(each.sha256[0], each.hazard): [(flag.kind, flag.hazard) for flag in each.flags] for each in rows}


def test_a_duplicate_and_its_master_are_not_flagged_for_each_other(desk):
    for who in (wang, li):
        desk.do(receive_photos, who, [photo("a"), photo("b")], NOW)
    master, hazard = reported(desk), reported(desk, by=li, photos=(mention("a"), mention("b")))
    desk.do(merging(hazard, master))
    for letter in "ab":
        desk.do(developed, letter * 64, Facts(), 0x0F0F_3C3C_5A5A_9696)
    found = flags_of(desk)
    assert set(found) == {("a", master.id), ("b", master.id), ("a", hazard.id), ("b", hazard.id)}
    assert not any(found.values())
    desk.do(receive_photos, zhou, [photo("a")], NOW)
    foreign = reported(desk, by=zhou, community=THERE.code)
    assert flags_of(desk)["a", foreign.id] == [("reused", master.id)]


def test_flags_fall_away_with_the_merger(desk):
    for who in (wang, li):
        desk.do(receive_photos, who, [photo("a")], NOW)
    master, hazard = reported(desk), reported(desk, by=li)
    desk.do(developed, "a" * 64, Facts())
    assert flags_of(desk)["a", master.id] == [("reused", hazard.id)]
    desk.do(merging(hazard, master))
    assert not any(flags_of(desk).values())


def test_the_photo_of_a_duplicate_is_seen_by_who_sees_the_master(desk):
    both = (li, wang)
    master = reported(desk, photos=(mention("c"),))
    foreign = desk.do(report_hazard, zhou, report(community=THERE.code), NOW, [photo("a")]).dossier.hazard
    over_both = Person("over", "over", (*li.grants, *qian.grants), "-")
    desk.do(lambda _: Change(None, (over_both,)))
    step = Merge(id=new_id(), version=1, into=master.id)

    def see():
        return [desk.database.ask(lambda r, who=who: r.may_see_photo(who, "a" * 64)) for who in both]

    assert see() == [False, False]
    desk.do(take_step, over_both, foreign.id, step, NOW)
    assert see() == [True, True]
