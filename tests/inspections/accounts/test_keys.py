"""Keys for programs: whose they are to manage, and which of their secrets is good."""

from datetime import timedelta

import pytest

from inspections.accounts.actions.api_keys import behind_key, keys_seen, make_key, revoke_key, rotate_key, use_key
from inspections.accounts.api_keys import LONGEST, Key, NewKey
from inspections.accounts.people import Grant, Role
from inspections.errors import Forbidden, IdConflict, IdTaken, Invalid, Missing
from tests.builders.office import HERE, NOW, THERE, Office, later, new_id, person

chief = person("chief", Role.ADMIN)
other = person("other", Role.ADMIN, scope=THERE.code)
ENDS = NOW + timedelta(days=30)


def asked(**more):
    return NewKey(**{"id": new_id(), "name": "大屏", "scope": HERE.code, "expires_at": ENDS, **more})


@pytest.fixture
def office():
    return Office()


def test_it_is_made_within_the_scope_of_who_makes_it(office):
    key = asked()
    assert not office.do(make_key, chief, key, "1", NOW).repeated
    assert office.do(make_key, chief, key, "2", NOW).key.secret == "1"
    with pytest.raises(IdConflict):
        office.do(make_key, chief, asked(id=key.id, name="别的"), "2", NOW)
    with pytest.raises(IdTaken):
        office.do(make_key, other, key, "2", NOW)
    with pytest.raises(Forbidden):
        office.do(make_key, other, asked(), "2", NOW)
    with pytest.raises(Invalid, match="社区"):
        office.do(make_key, person("far", Role.ADMIN, scope="99"), asked(scope="99"), "2", NOW)
    for ends in (NOW, NOW + LONGEST + timedelta(seconds=1)):
        with pytest.raises(Invalid):
            office.do(make_key, chief, asked(expires_at=ends), "2", NOW)
    assert [each.id for each in keys_seen(office, chief)] == [key.id]
    assert keys_seen(office, other) == []


def test_of_its_secrets_two_are_good(office):
    key = office.do(make_key, chief, asked(), "1", NOW).key
    assert key.holder.grants == (Grant(Role.ANALYST, HERE.code),)
    assert office.do(use_key, "1", NOW).used_at == NOW
    assert office.do(use_key, "1", later(hours=1)).used_at == NOW
    for secret in ("2", "3"):
        office.do(rotate_key, chief, key.id, secret, NOW)
    assert {each: bool(behind_key(office, each, NOW)) for each in "123"} == {"1": True, "2": False, "3": True}
    assert office.do(use_key, "3", NOW)
    assert office.do(use_key, "1", NOW)
    office.do(rotate_key, chief, key.id, "4", NOW)
    assert [each for each in "1234" if behind_key(office, each, NOW)] == ["3", "4"]
    assert office.do(use_key, "1", NOW) is None


def test_what_is_over_opens_nothing(office):
    key = office.do(make_key, chief, asked(), "1", NOW).key
    assert behind_key(office, "1", ENDS) is None
    assert office.do(use_key, "1", ENDS) is None
    with pytest.raises(Missing):
        office.do(rotate_key, chief, key.id, "2", ENDS)
    with pytest.raises(Missing):
        office.do(revoke_key, other, key.id, NOW)
    revoked = office.do(revoke_key, chief, key.id, NOW)
    assert office.do(revoke_key, chief, key.id, later(hours=1)) == revoked
    assert behind_key(office, "1", NOW) is None
    assert [each.revoked_at for each in office.all(Key)] == [NOW]
