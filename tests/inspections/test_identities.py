"""Names elsewhere: linked by their owner, to one account, gone with it."""

import pytest
from msgspec.structs import replace

from inspections.actions.identities import link_identity, linked_person, unlink_identity
from inspections.actions.people import change_person, powers
from inspections.errors import Forbidden, IdentityTaken, NotLinked
from inspections.identities import Identity
from inspections.people import PersonChange, Role
from tests.inspections.office import NOW, Office, later, li, person, wang


@pytest.fixture
def office():
    office = Office()
    office.do(link_identity, wang, "wechat", "o-wang", NOW)
    return office


def test_a_linked_name_is_its_owner_s_and_nobody_else_s(office):
    assert linked_person(office, "wechat", "o-wang") == wang
    office.do(link_identity, wang, "wechat", "o-wang", later(days=1))
    assert office.all(Identity) == [Identity("wechat", "o-wang", "wang", NOW)]
    with pytest.raises(IdentityTaken):
        office.do(link_identity, li, "wechat", "o-wang", NOW)
    for provider, subject in (("zwding", "o-wang"), ("wechat", "o-li")):
        with pytest.raises(NotLinked):
            linked_person(office, provider, subject)


def test_another_name_of_the_same_provider_takes_its_place(office):
    office.do(link_identity, wang, "zwding", "123", NOW)
    office.do(link_identity, wang, "wechat", "o-new", NOW)
    assert [(each.provider, each.subject) for each in office.identities("wang")] == [
        ("wechat", "o-new"),
        ("zwding", "123"),
    ]


def test_what_is_unlinked_or_of_an_account_that_ended_opens_nothing(office):
    office.keep(replace(wang, active=False))
    with pytest.raises(NotLinked):
        linked_person(office, "wechat", "o-wang")
    for _ in range(2):
        office.do(unlink_identity, wang, "wechat")
    assert office.all(Identity) == []


def test_it_goes_with_the_name_of_the_account(office):
    zheng = person("zheng", Role.ADMIN, scope="")
    office.keep(zheng)
    office.do(change_person, powers(zheng), "wang", PersonChange(1, erase=True), None, NOW)
    assert office.all(Identity) == []


def test_accounts_of_the_demo_office_are_not_linked():
    for nobody in (replace(wang, demo=True), replace(wang, username="key of a program")):
        with pytest.raises(Forbidden):
            Office().do(link_identity, nobody, "wechat", "o", NOW)
