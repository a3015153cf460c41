"""Whatever resets an account ends its sessions and its linked identities, and nobody else's."""

import pytest

from inspections.accounts.actions.people import change_person, powers
from inspections.accounts.actions.second_factor import begin_factor, confirm_factor, take_factor
from inspections.accounts.actions.sessions import revoke, revoke_all, revoke_all_of
from inspections.accounts.actions.sign_in import change_password, open_session
from inspections.accounts.external_identities import Identity
from inspections.accounts.people import ERASED, PersonChange, Role
from inspections.accounts.policy import Scope
from inspections.accounts.second_factor import Shown
from inspections.accounts.sessions import Digests, Session
from inspections.errors import Missing
from tests.builders.office import NOW, THERE, Office, later, li, new_id, person, wang

zheng = person("zheng", Role.ADMIN, scope="")
ADMIN = powers(zheng)


@pytest.fixture
def office():
    """Two people with two devices, two linked identities and a second factor each."""
    office = Office()
    office.keep(zheng)
    for who in (wang, li):
        for device in ("phone", "desk"):
            tokens = Digests(f"access {who.username} {device}", f"refresh {who.username} {device}")
            office.do(open_session, who, new_id(), device, tokens, NOW)
        office.keep(*(Identity(each, f"o-{who.username}", who.username, NOW) for each in ("wechat", "zwding")))
        office.do(begin_factor, who, "SECRET", NOW)
        office.do(confirm_factor, who.username, Shown(100, "-"), ("first",), NOW)
    return office


def left(office, who):
    """The devices that are signed in, and the providers that are linked."""
    open_ones = [each.device for each in office.open_sessions(who.username)]
    return open_ones, [each.provider for each in office.identities(who.username)]


def changed(office, hashed=None, **facts):
    version = office.person("wang").version
    office.do(change_person, ADMIN, "wang", PersonChange(version, **facts), hashed, later(minutes=1))


ENDS = {
    "a new password by an administrator": lambda office: changed(office, "hash", password="x" * 12),
    "deactivation": lambda office: changed(office, active=False),
    "erasure": lambda office: changed(office, erase=True),
    "no second factor any more": lambda office: office.do(take_factor, ADMIN.rights, "wang", later(minutes=1)),
    "every device revoked": lambda office: office.do(revoke_all, "wang", later(minutes=1)),
    "every device revoked by an administrator": lambda office: office.do(
        revoke_all_of, ADMIN.rights, "wang", later(minutes=1)
    ),
}


@pytest.mark.parametrize("event", ENDS)
def test_sessions_and_linked_identities_end(office, event):
    ENDS[event](office)
    assert left(office, wang) == ([], [])
    assert {each.revoked_at for each in office.sessions("wang")} == {later(minutes=1)}
    assert left(office, li) == (["phone", "desk"], ["wechat", "zwding"])


def test_an_own_password_spares_the_device_that_asks(office):
    ended = office.do(change_password, wang, "access wang desk", "new hash", NOW)
    assert (ended.providers, len(ended.sessions)) == (("wechat", "zwding"), 1)
    assert left(office, wang) == (["desk"], [])


def test_one_device_ends_alone(office):
    (phone, _) = office.open_sessions("wang")
    office.do(revoke, "wang", phone.id, NOW)
    assert left(office, wang) == (["desk"], ["wechat", "zwding"])


def test_what_changes_nothing_of_who_comes_in_ends_nothing(office):
    changed(office, name="王")
    assert left(office, wang) == (["phone", "desk"], ["wechat", "zwding"])


def test_asked_again_nothing_more_ends(office):
    office.do(take_factor, ADMIN.rights, "wang", NOW)
    office.do(open_session, wang, new_id(), "new phone", Digests("a", "r"), NOW)
    office.do(take_factor, ADMIN.rights, "wang", NOW)
    assert left(office, wang) == (["new phone"], [])


def test_an_administrator_revokes_within_their_scope(office):
    with pytest.raises(Missing):
        office.do(revoke_all_of, Scope("wu", (THERE.code,), ()), "wang", NOW)
    assert left(office, wang) == (["phone", "desk"], ["wechat", "zwding"])


def test_with_the_name_the_names_of_devices_go_and_when_they_ended_stays(office):
    (phone, _) = office.open_sessions("wang")
    office.do(revoke, "wang", phone.id, NOW)
    changed(office, erase=True)
    kept = sorted((each.revoked_at, each.device) for each in office.all(Session) if each.username == "wang")
    assert kept == [(NOW, ERASED), (later(minutes=1), ERASED)]
