"""API keys: administrators manage them within their scope, and at most two secrets of a key are valid."""

from datetime import timedelta

import pytest

from inspections.accounts.actions.api_keys import (
    find_valid_key,
    make_key,
    record_key_use,
    revoke_key,
    rotate_key,
    visible_keys,
)
from inspections.accounts.api_keys import MAX_LIFETIME, ApiKey, NewApiKey
from inspections.accounts.people import Grant, Role
from inspections.errors import Forbidden, IdConflict, IdOwnerConflict, InvalidInput, NotFound
from tests.builders.office import HERE, NOW, THERE, Office, later, new_id, person

chief = person("chief", Role.ADMIN)
other = person("other", Role.ADMIN, scope=THERE.code)
ENDS = NOW + timedelta(days=30)


def new_api_key(**more):
    return NewApiKey(**{"id": new_id(), "name": "大屏", "scope": HERE.code, "expires_at": ENDS, **more})


@pytest.fixture
def office():
    return Office()


def test_a_key_is_made_within_the_scope_of_its_maker(office):
    key = new_api_key()
    assert not office.do(make_key, chief, key, "1", NOW).repeated
    assert office.do(make_key, chief, key, "2", NOW).key.secret == "1"
    with pytest.raises(IdConflict):
        office.do(make_key, chief, new_api_key(id=key.id, name="别的"), "2", NOW)
    with pytest.raises(IdOwnerConflict):
        office.do(make_key, other, key, "2", NOW)
    with pytest.raises(Forbidden):
        office.do(make_key, other, new_api_key(), "2", NOW)
    with pytest.raises(InvalidInput, match="社区"):
        office.do(make_key, person("far", Role.ADMIN, scope="99"), new_api_key(scope="99"), "2", NOW)
    for ends in (NOW, NOW + MAX_LIFETIME + timedelta(seconds=1)):
        with pytest.raises(InvalidInput):
            office.do(make_key, chief, new_api_key(expires_at=ends), "2", NOW)
    assert [each.id for each in visible_keys(office, chief)] == [key.id]
    assert visible_keys(office, other) == []


def test_the_first_used_and_the_newest_secret_are_valid(office):
    key = office.do(make_key, chief, new_api_key(), "1", NOW).key
    assert key.principal.grants == (Grant(Role.ANALYST, HERE.code),)
    assert office.do(record_key_use, "1", NOW).used_at == NOW
    assert office.do(record_key_use, "1", later(hours=1)).used_at == NOW
    for secret in ("2", "3"):
        office.do(rotate_key, chief, key.id, secret, NOW)
    assert {each: bool(find_valid_key(office, each, NOW)) for each in "123"} == {"1": True, "2": False, "3": True}
    assert office.do(record_key_use, "3", NOW)
    assert office.do(record_key_use, "1", NOW)
    office.do(rotate_key, chief, key.id, "4", NOW)
    assert [each for each in "1234" if find_valid_key(office, each, NOW)] == ["3", "4"]
    assert office.do(record_key_use, "1", NOW) is None


def test_an_expired_or_revoked_key_opens_nothing(office):
    key = office.do(make_key, chief, new_api_key(), "1", NOW).key
    assert find_valid_key(office, "1", ENDS) is None
    assert office.do(record_key_use, "1", ENDS) is None
    with pytest.raises(NotFound):
        office.do(rotate_key, chief, key.id, "2", ENDS)
    with pytest.raises(NotFound):
        office.do(revoke_key, other, key.id, NOW)
    revoked = office.do(revoke_key, chief, key.id, NOW)
    assert office.do(revoke_key, chief, key.id, later(hours=1)) == revoked
    assert find_valid_key(office, "1", NOW) is None
    assert [each.revoked_at for each in office.all(ApiKey)] == [NOW]
