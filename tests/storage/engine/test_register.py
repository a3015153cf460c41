from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy.event import listen

from inspections.accounts.delegations import Delegation
from inspections.accounts.people import Grant, Person, Role
from inspections.accounts.policy import scope
from inspections.accounts.sessions import Session, TokenPair
from inspections.calendar import CalendarDay
from inspections.change import Change
from inspections.hazards.deadlines import is_overdue
from inspections.hazards.records import Hazard, Outcome, Party, State
from inspections.photos.actions.intake import receive_photos
from inspections.photos.records import Mention, Stage
from inspections.places.coordinates import Point
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Note
from storage.hazards.listing import HazardFilters, Reaches, page
from storage.photos.folder_store import PhotoFolder
from storage.photos.names import original
from storage.photos.sample_images import draw
from storage.repository import Repository
from storage.schema import TABLE_OF
from storage.sync.change_feed import changed, head
from storage.upkeep.verification import verify
from tests.builders.office import HERE, NOW, THERE, later, li, mention, new_id, photo, qian, wang, zhao
from tests.builders.reports import report

POINT = Point(30.77, 120.75, "gcj02", 12.5)


@pytest.mark.parametrize("kind", list(TABLE_OF))
def test_columns_stand_in_the_order_of_the_record_s_fields(kind):
    assert list(TABLE_OF[kind].c.keys()) == list(kind.__struct_fields__)


def full_hazard(desk):
    hazard = desk.do(report_hazard, wang, report(), NOW).dossier.hazard
    return hazard, replace(
        hazard,
        state=State.CLOSED,
        outcome=Outcome.REFUSED_CONTROLLED,
        point=POINT,
        responsible_party=Party("merchant", "某店", "0573-123"),
        reporters=("li", "zhou"),
        lead="zhao",
        assisting=("sun", "zhao"),
        fix_method="拆除",
        fix_outcome="removed",
        fixed_by="zhao",
        accepted_at=later(hours=1),
        submitted_at=later(hours=2, microseconds=1),
        closed_at=later(days=1),
        due_at=later(days=2),
        recheck_due_at=later(days=3),
        next_check_at=later(days=4),
        due_provisional=True,
        merged_into=hazard.id,
        recurrence_of=hazard.id,
        rebounded_as=hazard.id,
    )


def test_a_hazard_comes_back_as_it_went(desk):
    before, after = full_hazard(desk)
    desk.do(lambda _: Change(None, changed=((before, after),)))
    assert desk.hazard(before.id) == after


def test_everything_else_comes_back_as_it_went(desk):
    hazard = desk.do(report_hazard, wang, report(), NOW).dossier.hazard
    day = CalendarDay(date(2027, 1, 1), working=False, name="元旦", source="office")
    session = Session(new_id(), "wang", "phone", NOW, NOW, NOW)
    pair = TokenPair(new_id(), session.id, new_id(), "a", NOW, "r", NOW, NOW, NOW)
    picture = replace(photo("f"), point=POINT, taken_at=NOW, camera="Phone")
    said = Mention(hazard.id, "f" * 64, Stage.AFTER, hazard.id, "wang", NOW, by_sight=True, taken_at=NOW, point=POINT)
    grant = Grant(Role.ADMIN, "", NOW, later(days=1))
    person = Person("new", "新人", (grant,), "-", active=False, demo=True, version=3)
    lent = Delegation(new_id(), "new", "wang", Role.SUPERVISOR, HERE.code, NOW, later(days=1), "休假", NOW, NOW)
    desk.do(lambda _: Change(None, (day, session, pair, picture, said, person, lent)))

    def kept(repository: Repository):
        return (
            repository.kept(Session, session.id),
            repository.open_sessions("wang"),
            repository.pair_of("a"),
            repository.pair_of("r"),
            repository.standing_pairs(session.id),
            repository.expired_pairs(NOW, 9),
            repository.photo("f" * 64),
            repository.person("new"),
            repository.account("new"),
            repository.administrators(),
            repository.delegation(lent.id),
            repository.delegations(None),
            repository.delegations("wang"),
            repository.delegations("li"),
            repository.received("wang", NOW),
            repository.calendar.is_working(day.day),
        )

    assert desk.database.ask(kept) == (
        session,
        [session],
        pair,
        pair,
        [pair],
        [pair],
        picture,
        person,
        person,
        [person],
        lent,
        [lent],
        [lent],
        [],
        [],
        False,
    )


def test_what_one_action_writes_the_next_of_its_group_reads(desk):
    def group(repository: Repository):
        repository.write(receive_photos(repository, wang, [photo("a")], NOW))
        change = report_hazard(repository, wang, report(), NOW)
        repository.write(change)
        hazard = change.answer.dossier.hazard
        assert repository.hazard(hazard.id) == hazard
        assert repository.shown([hazard.id])[0].present
        assert [line.step for line in repository.history(hazard.id)] == ["report"]
        changed = replace(hazard, version=2)
        repository.write(Change(None, changed=((hazard, changed),)))
        assert repository.hazard(hazard.id) == changed
        reach = Reaches(scope(li, "hazard.see"), scope(li, "hazard.personal"))
        assert page(repository, reach, HazardFilters(NOW), None, 10) == [changed]
        return Change(hazard.id)

    assert desk.hazard(desk.do(group)).version == 2


def test_a_photo_is_seen_through_a_hazard_by_whom_may_see_the_hazard(desk):
    desk.do(report_hazard, wang, report(), NOW, [photo("a")])

    def sees(person):
        return desk.database.ask(lambda repository: repository.may_see_photo(person, "a" * 64))

    assert sees(li)
    assert not sees(qian)
    assert not sees(zhao)
    assert not sees(Person("none", "none", (), "-"))


def test_declaring_a_digest_does_not_show_it(desk):
    desk.do(receive_photos, qian, [photo("a")], NOW)
    desk.do(report_hazard, wang, report(), NOW)
    assert not desk.database.ask(lambda repository: repository.may_see_photo(li, "a" * 64))


def test_similar_hazards_are_open_near_in_time_and_in_the_same_place(desk):
    first = desk.do(report_hazard, wang, report(), NOW).dossier.hazard
    answer = desk.do(report_hazard, wang, report(), later(hours=71))
    assert [each.id for each in answer.similar] == [first.id]
    assert desk.do(report_hazard, wang, report(), later(hours=200)).similar == []
    assert desk.do(report_hazard, wang, report(place="别处"), later(hours=1)).similar == []


GRANTS = st.lists(
    st.builds(Grant, st.sampled_from(Role), st.sampled_from(["", "330402", "330402009", HERE.code, THERE.code])),
    max_size=3,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(grants=GRANTS, username=st.sampled_from(["zhao", "Zhao", "zha_", "z%", 'z"']))
def test_the_query_s_scope_is_the_policy_s_scope(desk, grants, username):
    """The WHERE clause and Scope.covers say the same of every hazard."""
    register_one_of_each(desk)
    person = Person(username, username, tuple(grants), "-")
    reach = scope(person, "hazard.see")
    everything = desk.database.ask(lambda repository: page(repository, EVERYWHERE, HazardFilters(NOW), None, 500))
    seen = desk.database.ask(lambda repository: page(repository, Reaches(reach, reach), HazardFilters(NOW), None, 500))
    assert {each.id for each in seen} == {each.id for each in everything if reach.covers(each)}


ALL = scope(Person("all", "all", (Grant(Role.OFFICER, ""),), "-"), "hazard.see")
EVERYWHERE = Reaches(ALL, ALL)


def register_one_of_each(desk):
    """Hazards in both communities, free, led by and assisted by people whose names are nearly the same."""
    if desk.database.ask(lambda repository: page(repository, EVERYWHERE, HazardFilters(NOW), None, 1)):
        return
    names = [None, "zhao", "sun"]
    for who, community in ((wang, HERE), (replace(wang, grants=(Grant(Role.INSPECTOR, ""),)), THERE)):
        for lead in names:
            for assisting in ((), ("zhao",), ("sun", "zhaoer")):
                hazard = desk.do(report_hazard, who, report(community=community.code), NOW).dossier.hazard
                after = replace(hazard, lead=lead, assisting=assisting)
                desk.do(lambda _, pair=(hazard, after): Change(None, changed=(pair,)))


def test_the_list_s_overdue_is_the_domain_s_overdue(desk):
    before = [desk.do(report_hazard, wang, report(), NOW).dossier.hazard for _ in State]
    for at, (hazard, state) in enumerate(zip(before, State, strict=True)):
        due = [None, later(hours=1), later(hours=3)][at % 3]
        after = replace(hazard, state=state, due_at=due, advisory=at % 5 == 4)
        desk.do(lambda _, pair=(hazard, after): Change(None, changed=(pair,)))
    now = later(hours=2)

    def listed(overdue: bool) -> list[Hazard]:
        filters = HazardFilters(now, overdue=overdue)
        return desk.database.ask(lambda repository: page(repository, EVERYWHERE, filters, None, 500))

    late, rest = listed(overdue=True), listed(overdue=False)
    assert len(late) + len(rest) == len(before)
    assert all(is_overdue(hazard, now) for hazard in late)
    assert not any(is_overdue(hazard, now) for hazard in rest)


def test_declared_photos_stand_in_the_order_of_the_history(desk):
    answer = desk.do(report_hazard, wang, report(photos=(mention("b"), mention("a", Stage.AFTER))), NOW)
    shown = desk.database.ask(lambda repository: repository.shown([answer.dossier.hazard.id]))
    assert [each.mention.sha256[0] for each in shown] == ["a", "b"]
    assert desk.database.ask(lambda repository: repository.shown([])) == []


def test_what_actions_keep_is_whole(desk, tmp_path):
    store = PhotoFolder(tmp_path / "photos")
    with store.receive() as incoming:
        incoming.write(draw("whole", "EB-01", NOW))
        store.keep(incoming, original(incoming.sha256))
        arrived = incoming.described(NOW)
    hazard = desk.do(report_hazard, wang, report(), NOW, [arrived]).dossier.hazard
    desk.do(take_step, li, hazard.id, Note(id=new_id(), version=1, note="…"), NOW)
    told = []
    assert list(verify(desk.database, store, lambda *far: told.append(far))) == []
    assert told == [(1, 1)]
    store.remove(original(arrived.sha256))
    assert [finding.what for finding in verify(desk.database, store, lambda *_: None)] == ["photo is missing"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_page_walks_the_newest_hazards_and_never_sorts_all_of_them(database):
    asked = []
    listen(database._reader, "before_cursor_execute", lambda *facts: asked.append(facts[2:4]))
    several = replace(li, grants=(*li.grants, Grant(Role.OFFICER, THERE.code)))
    for person in (several, li, replace(li, grants=(Grant(Role.OFFICER, HERE.street),))):
        reach = Reaches(scope(person, "hazard.see"), scope(person, "hazard.personal"))
        database.ask(lambda repository, reach=reach: page(repository, reach, HazardFilters(NOW), None, 100))
        statement, parameters = asked[-1]
        explain = f"EXPLAIN QUERY PLAN {statement}"
        with database._reader.connect() as connection:
            plan = str(connection.exec_driver_sql(explain, parameters).all())
        assert "USE TEMP B-TREE FOR ORDER BY" not in plan


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_page_of_changes_looks_up_its_hazards_and_not_all_of_their_communities(desk):
    begun = desk.database.ask(head).place
    desk.do(report_hazard, wang, report(), NOW)
    asked = []
    listen(desk.database._reader, "before_cursor_execute", lambda *facts: asked.append(facts[2:4]))
    several = replace(li, grants=(*li.grants, Grant(Role.OFFICER, THERE.code)))
    page_ = desk.database.ask(
        lambda repository: changed(repository, scope(several, "hazard.see"), head(repository), begun, 500)
    )
    assert len(page_.hazards) == 1
    statement, parameters = next(each for each in asked if "hazards.description" in each[0])
    with desk.database._reader.connect() as connection:
        plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())
    assert "(id=?)" in plan
    assert "community" not in plan
