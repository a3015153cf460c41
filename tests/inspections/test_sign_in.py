from msgspec.structs import replace

from inspections.actions.sign_in import Pair, behind_access, close_session, open_session, refresh_session
from inspections.people import Session
from tests.inspections.office import NOW, Office, later, new_id, wang


def pair(name):
    return Pair(f"access {name}", f"refresh {name}")


def signed_in():
    office = Office()
    office.do(open_session, wang, SESSION, "phone", pair(1), NOW)
    return office


SESSION = new_id()


def test_an_access_token_is_good_for_a_quarter_of_an_hour():
    office = signed_in()
    assert behind_access(office, "access 1", later(minutes=14)).person == wang
    assert behind_access(office, "access 1", later(minutes=15)) is None
    assert behind_access(office, "refresh 1", NOW) is None
    assert behind_access(office, "nobody's", NOW) is None


def test_a_refresh_token_rotates_and_the_one_before_stays_good_for_a_minute():
    office = signed_in()
    assert office.do(refresh_session, "refresh 1", pair(2), later(minutes=20)).person == wang
    assert behind_access(office, "access 1", later(minutes=20)) is None
    assert behind_access(office, "access 2", later(minutes=20)).person == wang
    # the answer was lost in a stairwell: the phone asks again with the old one
    assert office.do(refresh_session, "refresh 1", pair(3), later(minutes=20, seconds=30))
    assert behind_access(office, "access 3", later(minutes=21)).person == wang


def test_a_spent_refresh_token_ends_the_session():
    office = signed_in()
    office.do(refresh_session, "refresh 1", pair(2), NOW)
    assert office.do(refresh_session, "refresh 1", pair(3), later(minutes=2)) is None
    assert office.session(SESSION).revoked_at == later(minutes=2)
    assert behind_access(office, "access 2", later(minutes=3)) is None
    assert office.do(refresh_session, "refresh 2", pair(4), later(minutes=3)) is None


def test_what_is_no_refresh_token_renews_nothing():
    office = signed_in()
    assert office.do(refresh_session, "unknown", pair(2), NOW) is None
    assert office.do(refresh_session, "access 1", pair(2), NOW) is None
    assert office.do(refresh_session, "refresh 1", pair(2), later(days=14)) is None
    office.keep(replace(wang, active=False))
    assert office.do(refresh_session, "refresh 1", pair(2), NOW) is None
    assert behind_access(office, "access 1", NOW) is None


def test_signing_out_ends_the_session_once():
    office = signed_in()
    office.do(close_session, "access 1", NOW)
    office.do(close_session, "access 1", later(minutes=1))
    office.do(close_session, "unknown", NOW)
    assert office.all(Session)[0].revoked_at == NOW
    assert behind_access(office, "access 1", NOW) is None
