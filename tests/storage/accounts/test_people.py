"""Concurrent changes of accounts give the same result on every database."""

import asyncio
from functools import partial

from inspections.accounts.actions.delegations import make_delegation, revoke_delegation
from inspections.accounts.actions.people import AdminScopes, change_person
from inspections.accounts.delegations import NewDelegation
from inspections.accounts.people import PersonChange, Role
from inspections.accounts.policy import Scope
from inspections.change import Change
from inspections.errors import LastAdministrator, PersonVersionConflict
from tests.builders.office import NOW, later, new_id, person

EVERYWHERE = Scope("", ("",), ())
zheng, feng = (person(name, Role.ADMIN, scope="") for name in ("zheng", "feng"))
wu = person("wu", Role.SUPERVISOR)


def run_concurrently(database, *actions):
    async def all_of_them():
        return await asyncio.gather(*map(database.transact, actions), return_exceptions=True)

    return asyncio.run(all_of_them())


def prepare_change(username, **facts):
    asked, by = PersonChange(1, **facts), AdminScopes(*[EVERYWHERE] * 3)
    return partial(change_person, by=by, username=username, asked=asked, password=None, now=NOW)


def test_two_administrators_who_remove_each_other_leave_one(desk):
    desk.do(lambda _: Change(None, (zheng, feng)))
    answers = run_concurrently(
        desk.database, prepare_change("zheng", active=False), prepare_change("feng", active=False)
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["LastAdministrator", "Person"]
    left = desk.database.read_sync(
        lambda repository: [each.username for each in repository.lock_administrators() if each.active]
    )
    assert len(left) == 1
    assert any(isinstance(answer, LastAdministrator) for answer in answers)


def test_only_one_of_several_concurrent_changes_succeeds(desk):
    answers = run_concurrently(desk.database, *(prepare_change("wang", name=name) for name in ("王一", "王二", "王三")))
    assert sum(isinstance(answer, PersonVersionConflict) for answer in answers) == 2
    assert desk.database.read_sync(lambda repository: repository.person("wang")).version == 2


def test_a_delegation_sent_twice_at_once_is_made_once(desk):
    desk.do(lambda _: Change(None, (wu,)))
    asked = NewDelegation(new_id(), "li", NOW, later(days=1), "休假")
    made = run_concurrently(desk.database, *[partial(make_delegation, person=wu, asked=asked, now=NOW)] * 2)
    assert sorted(each.repeated for each in made) == [False, True]
    revoke = partial(revoke_delegation, person=wu, delegation_id=asked.id, now=NOW)
    one, other = run_concurrently(desk.database, revoke, revoke)
    assert one == other
    assert desk.database.read_sync(lambda repository: repository.received_delegations("li", NOW)) == []
