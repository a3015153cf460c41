"""Every reset of an account ends its own sessions and linked identities, and those of no other account."""

import pytest

from inspections.accounts.actions.people import admin_scopes, change_person
from inspections.accounts.actions.second_factor import begin_factor_enrollment, confirm_factor, reset_factor
from inspections.accounts.actions.sessions import revoke_all_sessions, revoke_all_sessions_as_admin, revoke_session
from inspections.accounts.actions.sign_in import change_password, open_session
from inspections.accounts.decision_links import DecisionLink
from inspections.accounts.external_identities import ExternalIdentity
from inspections.accounts.people import ERASED, PersonChange, Role
from inspections.accounts.policy import Scope
from inspections.accounts.second_factor import SubmittedCode
from inspections.accounts.sessions import Session, TokenDigests
from inspections.errors import NotFound
from tests.builders.office import NOW, THERE, Office, later, li, new_id, person, wang

zheng = person("zheng", Role.ADMIN, scope="")
ADMIN = admin_scopes(zheng)


@pytest.fixture
def office():
    """Return an office in which two people have two devices, two linked identities and a second factor each."""
    office = Office()
    office.keep(zheng)
    for who in (wang, li):
        for device in ("phone", "desk"):
            tokens = TokenDigests(f"access {who.username} {device}", f"refresh {who.username} {device}")
            office.do(open_session, who, new_id(), device, tokens, NOW)
        office.keep(
            DecisionLink(f"link {who.username}", who.username, new_id(), "confirm_major", 1, NOW, later(days=3))
        )
        office.keep(*(ExternalIdentity(each, f"o-{who.username}", who.username, NOW) for each in ("wechat", "zwding")))
        office.do(begin_factor_enrollment, who, "SECRET", NOW)
        office.do(confirm_factor, who.username, SubmittedCode(100, "-"), ("first",), NOW)
    return office


def remaining_access(office, who):
    """Return the devices that are signed in and the providers that are linked."""
    open_ones = [each.device for each in office.open_sessions(who.username)]
    return open_ones, [each.provider for each in office.identities(who.username)]


def change_wang(office, hashed=None, **facts):
    version = office.person("wang").version
    office.do(change_person, ADMIN, "wang", PersonChange(version, **facts), hashed, later(minutes=1))


RESETS = {
    "a new password by an administrator": lambda office: change_wang(office, "hash", password="x" * 12),
    "deactivation": lambda office: change_wang(office, active=False),
    "erasure": lambda office: change_wang(office, erase=True),
    "no second factor any more": lambda office: office.do(reset_factor, ADMIN, "wang", later(minutes=1)),
    "every device revoked": lambda office: office.do(revoke_all_sessions, "wang", later(minutes=1)),
    "every device revoked by an administrator": lambda office: office.do(
        revoke_all_sessions_as_admin, ADMIN.rights, "wang", later(minutes=1)
    ),
}


@pytest.mark.parametrize("event", RESETS)
def test_sessions_and_linked_identities_end(office, event):
    RESETS[event](office)
    assert remaining_access(office, wang) == ([], [])
    assert {each.revoked_at for each in office.sessions("wang")} == {later(minutes=1)}
    assert remaining_access(office, li) == (["phone", "desk"], ["wechat", "zwding"])
    assert [each.username for each in office.all(DecisionLink)] == ["li"]


def test_changing_one_s_own_password_keeps_the_device_in_use(office):
    ended = office.do(change_password, wang, "access wang desk", "new hash", NOW)
    assert (ended.providers, len(ended.sessions)) == (("wechat", "zwding"), 1)
    assert remaining_access(office, wang) == (["desk"], [])
    assert office.decision_links("wang") == []


def test_revoking_one_device_keeps_the_others(office):
    (phone, _) = office.open_sessions("wang")
    office.do(revoke_session, "wang", phone.id, NOW)
    assert remaining_access(office, wang) == (["desk"], ["wechat", "zwding"])


def test_a_change_of_the_name_ends_no_session(office):
    change_wang(office, name="王")
    assert remaining_access(office, wang) == (["phone", "desk"], ["wechat", "zwding"])


def test_a_repeated_reset_ends_no_newer_session(office):
    office.do(reset_factor, ADMIN, "wang", NOW)
    office.do(open_session, wang, new_id(), "new phone", TokenDigests("a", "r"), NOW)
    office.do(reset_factor, ADMIN, "wang", NOW)
    assert remaining_access(office, wang) == (["new phone"], [])


def test_an_administrator_revokes_within_their_scope(office):
    with pytest.raises(NotFound):
        office.do(revoke_all_sessions_as_admin, Scope("wu", (THERE.code,), ()), "wang", NOW)
    assert remaining_access(office, wang) == (["phone", "desk"], ["wechat", "zwding"])


def test_erasing_a_person_erases_device_names_and_keeps_the_revocation_times(office):
    (phone, _) = office.open_sessions("wang")
    office.do(revoke_session, "wang", phone.id, NOW)
    change_wang(office, erase=True)
    kept = sorted((each.revoked_at, each.device) for each in office.all(Session) if each.username == "wang")
    assert kept == [(NOW, ERASED), (later(minutes=1), ERASED)]
