"""Known devices: which sign-ins make a device known, and what ends that."""

from msgspec.structs import replace

from inspections.accounts.actions.sessions import revoke_session
from inspections.accounts.actions.sign_in import SessionOptions, close_session, find_known_device, open_session
from inspections.accounts.known_devices import KNOWN_DEVICE_LIFETIME, MAX_KNOWN_DEVICES, KnownDevice, surplus_devices
from inspections.accounts.sessions import TokenDigests
from tests.builders.office import NOW, Office, later, li, new_id, wang


def sign_in(office, who, secret, now=NOW):
    tokens = TokenDigests(f"access {new_id()}", f"refresh {new_id()}")
    options = SessionOptions(device_secret=secret)
    return office.do(open_session, who, new_id(), "phone", tokens, now, options)


def test_a_device_is_known_to_its_account_alone_and_for_half_a_year_after_its_last_sign_in():
    office = Office()
    sign_in(office, wang, "secret")
    again = later(days=100)
    second = sign_in(office, wang, "secret", again)
    known = find_known_device(office, "wang", "secret", again)
    assert known == KnownDevice("secret", "wang", second.session.id, again)
    assert find_known_device(office, "li", "secret", again) is None
    assert find_known_device(office, "wang", "another", again) is None
    assert find_known_device(office, "wang", "secret", again + KNOWN_DEVICE_LIFETIME) is None


def test_signing_out_keeps_a_device_known_and_revoking_it_does_not():
    office = Office()
    sessions = {secret: sign_in(office, wang, secret) for secret in ("desk", "phone")}
    office.do(close_session, sessions["desk"].pair.access, later(minutes=1))
    office.do(revoke_session, "wang", sessions["phone"].session.id, later(minutes=1))
    assert [each.secret for each in office.known_devices("wang")] == ["desk"]


def test_an_account_has_at_most_twenty_known_devices():
    office = Office()
    for at in range(MAX_KNOWN_DEVICES + 3):
        sign_in(office, wang, f"{at}", later(minutes=at))
    sign_in(office, li, "li's")
    assert {each.secret for each in office.known_devices("wang")} == {str(at) for at in range(3, MAX_KNOWN_DEVICES + 3)}
    assert len(office.known_devices("li")) == 1


def test_expired_devices_are_forgotten_first():
    fresh = KnownDevice("fresh", "wang", new_id(), NOW)
    expired = replace(fresh, secret="expired", signed_in_at=NOW - KNOWN_DEVICE_LIFETIME)
    assert surplus_devices([expired, fresh], NOW) == (expired,)
