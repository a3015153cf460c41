"""Stored records are read back unchanged, and queries apply the same rules as the domain."""

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
from inspections.photos.records import PhotoReference, Stage
from inspections.places.coordinates import Point
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Note
from storage.hazards.filters import HazardFilters
from storage.hazards.listing import ListScopes, hazard_page
from storage.photos.folder_store import PhotoFolder
from storage.photos.names import original_name
from storage.photos.sample_images import draw_sample_photo
from storage.repository import Repository
from storage.schema import TABLE_OF
from storage.sync.change_feed import read_changes, read_head
from storage.upkeep.verification import verify
from tests.builders.office import HERE, NOW, THERE, later, li, new_id, photo, photo_declaration, qian, wang, zhao
from tests.builders.reports import report

POINT = Point(30.77, 120.75, "gcj02", 12.5)


@pytest.mark.parametrize("kind", list(TABLE_OF))
def test_columns_have_the_order_of_the_record_fields(kind):
    assert list(TABLE_OF[kind].c.keys()) == list(kind.__struct_fields__)
    assert kind.__struct_encode_fields__ == kind.__struct_fields__  # PostgreSQL gets new rows as JSON objects
    assert not kind.__struct_config__.omit_defaults


def full_hazard(desk):
    hazard = desk.do(report_hazard, wang, report(), NOW).reported.hazard
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


def test_a_stored_hazard_is_read_back_unchanged(desk):
    before, after = full_hazard(desk)
    desk.do(lambda _: Change(None, changed=((before, after),)))
    assert desk.hazard(before.id) == after


def test_other_stored_records_are_read_back_unchanged(desk):
    hazard = desk.do(report_hazard, wang, report(), NOW).reported.hazard
    day = CalendarDay(date(2027, 1, 1), working=False, name="元旦", source="office")
    session = Session(new_id(), "wang", "phone", NOW, NOW, NOW)
    pair = TokenPair(new_id(), session.id, new_id(), "a", NOW, "r", NOW, NOW, NOW)
    picture = replace(photo("f"), point=POINT, taken_at=NOW, camera="Phone")
    mention = PhotoReference(
        hazard.id, "f" * 64, Stage.AFTER, hazard.id, "wang", NOW, by_sight=True, taken_at=NOW, point=POINT
    )
    grant = Grant(Role.ADMIN, "", NOW, later(days=1))
    person = Person("new", "新人", (grant,), "-", active=False, demo=True, version=3)
    lent = Delegation(new_id(), "new", "wang", Role.SUPERVISOR, HERE.code, NOW, later(days=1), "休假", NOW, NOW)
    desk.do(lambda _: Change(None, (day, session, pair, picture, mention, person, lent)))

    def read_records(repository: Repository):
        return (
            repository.get(Session, session.id),
            repository.open_sessions("wang"),
            repository.find_token_pair("a"),
            repository.find_token_pair("r"),
            repository.current_pairs(session.id),
            repository.expired_pairs(NOW, 9),
            repository.photo("f" * 64),
            repository.person("new"),
            repository.lock_person("new"),
            repository.lock_administrators(),
            repository.delegation(lent.id),
            repository.delegations(None),
            repository.delegations("wang"),
            repository.delegations("li"),
            repository.received_delegations("wang", NOW),
            repository.calendar.is_working(day.day),
        )

    assert desk.database.read_sync(read_records) == (
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


def test_an_action_reads_the_writes_of_earlier_actions_of_its_group(desk):
    def group(repository: Repository):
        repository.write(receive_photos(repository, wang, [photo("a")], NOW))
        change = report_hazard(repository, wang, report(), NOW)
        repository.write(change)
        hazard = change.answer.reported.hazard
        assert repository.hazard(hazard.id) == hazard
        assert repository.declared_photos([hazard.id])[0].is_present
        assert [line.step for line in repository.history(hazard.id)] == ["report"]
        changed = replace(hazard, version=2)
        repository.write(Change(None, changed=((hazard, changed),)))
        assert repository.hazard(hazard.id) == changed
        reach = ListScopes(scope(li, "hazard.see"), scope(li, "hazard.personal"))
        assert hazard_page(repository, reach, HazardFilters(NOW), None, 10) == [changed]
        return Change(hazard.id)

    assert desk.hazard(desk.do(group)).version == 2


def test_a_person_who_may_see_a_hazard_may_see_its_photo(desk):
    desk.do(report_hazard, wang, report(), NOW, [photo("a")])

    def sees(person):
        return desk.database.read_sync(lambda repository: repository.may_see_photo(person, "a" * 64))

    assert sees(li)
    assert not sees(qian)
    assert not sees(zhao)
    assert not sees(Person("none", "none", (), "-"))


def test_declaring_a_digest_gives_no_access_to_the_photo(desk):
    desk.do(receive_photos, qian, [photo("a")], NOW)
    desk.do(report_hazard, wang, report(), NOW)
    assert not desk.database.read_sync(lambda repository: repository.may_see_photo(li, "a" * 64))


def test_similar_hazards_are_open_near_in_time_and_in_the_same_place(desk):
    first = desk.do(report_hazard, wang, report(), NOW).reported.hazard
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
def test_the_query_applies_the_scope_of_the_policy(desk, grants, username):
    """The WHERE clause and Scope.covers agree on every hazard."""
    report_one_of_each(desk)
    person = Person(username, username, tuple(grants), "-")
    reach = scope(person, "hazard.see")
    everything = desk.database.read_sync(
        lambda repository: hazard_page(repository, EVERYWHERE, HazardFilters(NOW), None, 500)
    )
    seen = desk.database.read_sync(
        lambda repository: hazard_page(repository, ListScopes(reach, reach), HazardFilters(NOW), None, 500)
    )
    assert {each.id for each in seen} == {each.id for each in everything if reach.covers(each)}


ALL = scope(Person("all", "all", (Grant(Role.OFFICER, ""),), "-"), "hazard.see")
EVERYWHERE = ListScopes(ALL, ALL)


def report_one_of_each(desk):
    """Reports hazards in both communities, free, led by and assisted by people whose names are nearly the same."""
    if desk.database.read_sync(lambda repository: hazard_page(repository, EVERYWHERE, HazardFilters(NOW), None, 1)):
        return
    names = [None, "zhao", "sun"]
    for who, community in ((wang, HERE), (replace(wang, grants=(Grant(Role.INSPECTOR, ""),)), THERE)):
        for lead in names:
            for assisting in ((), ("zhao",), ("sun", "zhaoer")):
                hazard = desk.do(report_hazard, who, report(community=community.code), NOW).reported.hazard
                after = replace(hazard, lead=lead, assisting=assisting)
                desk.do(lambda _, pair=(hazard, after): Change(None, changed=(pair,)))


def test_the_overdue_filter_agrees_with_the_domain(desk):
    before = [desk.do(report_hazard, wang, report(), NOW).reported.hazard for _ in State]
    for at, (hazard, state) in enumerate(zip(before, State, strict=True)):
        due = [None, later(hours=1), later(hours=3)][at % 3]
        after = replace(hazard, state=state, due_at=due, advisory=at % 5 == 4)
        desk.do(lambda _, pair=(hazard, after): Change(None, changed=(pair,)))
    now = later(hours=2)

    def list_hazards(overdue: bool) -> list[Hazard]:
        filters = HazardFilters(now, overdue=overdue)
        return desk.database.read_sync(lambda repository: hazard_page(repository, EVERYWHERE, filters, None, 500))

    late, rest = list_hazards(overdue=True), list_hazards(overdue=False)
    assert len(late) + len(rest) == len(before)
    assert all(is_overdue(hazard, now) for hazard in late)
    assert not any(is_overdue(hazard, now) for hazard in rest)


def test_declared_photos_have_the_order_of_the_history(desk):
    answer = desk.do(
        report_hazard, wang, report(photos=(photo_declaration("b"), photo_declaration("a", Stage.AFTER))), NOW
    )
    shown = desk.database.read_sync(lambda repository: repository.declared_photos([answer.reported.hazard.id]))
    assert [each.mention.sha256[0] for each in shown] == ["a", "b"]
    assert desk.database.read_sync(lambda repository: repository.declared_photos([])) == []


def test_verify_accepts_stored_records_and_reports_a_missing_photo(desk, tmp_path):
    store = PhotoFolder(tmp_path / "photos")
    with store.open_incoming_file() as incoming:
        incoming.write(draw_sample_photo("whole", "EB-01", NOW))
        store.save(incoming, original_name(incoming.sha256))
        arrived = incoming.inspect_photo(NOW)
    hazard = desk.do(report_hazard, wang, report(), NOW, [arrived]).reported.hazard
    desk.do(take_step, li, hazard.id, Note(id=new_id(), version=1, note="…"), NOW)
    told = []
    assert list(verify(desk.database, store, lambda *far: told.append(far))) == []
    assert told == [(1, 1)]
    store.remove(original_name(arrived.sha256))
    assert [finding.what for finding in verify(desk.database, store, lambda *_: None)] == ["photo is missing"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_page_of_hazards_is_read_by_index_without_sorting(database):
    asked = []
    listen(database._reader, "before_cursor_execute", lambda *facts: asked.append(facts[2:4]))
    several = replace(li, grants=(*li.grants, Grant(Role.OFFICER, THERE.code)))
    for person in (several, li, replace(li, grants=(Grant(Role.OFFICER, HERE.street),))):
        reach = ListScopes(scope(person, "hazard.see"), scope(person, "hazard.personal"))
        database.read_sync(
            lambda repository, reach=reach: hazard_page(repository, reach, HazardFilters(NOW), None, 100)
        )
        statement, parameters = asked[-1]
        explain = f"EXPLAIN QUERY PLAN {statement}"
        with database._reader.connect() as connection:
            plan = str(connection.exec_driver_sql(explain, parameters).all())
        assert "USE TEMP B-TREE FOR ORDER BY" not in plan


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_page_of_changes_reads_only_its_own_hazards(desk):
    begun = desk.database.read_sync(read_head).cursor
    desk.do(report_hazard, wang, report(), NOW)
    asked = []
    listen(desk.database._reader, "before_cursor_execute", lambda *facts: asked.append(facts[2:4]))
    several = replace(li, grants=(*li.grants, Grant(Role.OFFICER, THERE.code)))
    page_ = desk.database.read_sync(
        lambda repository: read_changes(repository, scope(several, "hazard.see"), read_head(repository), begun, 500)
    )
    assert len(page_.hazards) == 1
    statement, parameters = next(each for each in asked if "hazards.description" in each[0])
    with desk.database._reader.connect() as connection:
        plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())
    assert "(id=?)" in plan
    assert "community" not in plan
