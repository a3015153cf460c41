import pytest

from inspections.accounts.actions.sessions import revoke_session, signed_in_devices
from inspections.accounts.actions.sign_in import find_valid_session, open_session, refresh_session
from inspections.accounts.sessions import TokenDigests
from inspections.errors import NotFound
from tests.builders.office import NOW, Office, later, li, new_id, wang


def sign_in(office, who, device, now=NOW):
    made = new_id()
    office.do(open_session, who, made, device, TokenDigests(f"access {device}", f"refresh {device}"), now)
    return made


def test_signed_in_devices_are_listed_by_the_time_they_were_last_seen():
    office = Office()
    for device in ("phone", "tablet", "old"):
        sign_in(office, wang, device, NOW if device != "old" else later(days=-30))
    sign_in(office, li, "desk")
    office.do(refresh_session, "refresh phone", new_id(), TokenDigests("a", "r"), later(minutes=20))
    assert [each.device for each in signed_in_devices(office, "wang", later(minutes=21))] == ["phone", "tablet"]


def test_a_device_is_revoked_once_and_only_by_its_owner():
    office = Office()
    phone = sign_in(office, wang, "phone")
    for username, device in (("li", phone), ("wang", new_id())):
        with pytest.raises(NotFound):
            office.do(revoke_session, username, device, NOW)
    assert office.do(revoke_session, "wang", phone, NOW).revoked_at == NOW
    assert office.do(revoke_session, "wang", phone, later(minutes=1)).revoked_at == NOW
    assert find_valid_session(office, "access phone", NOW) is None
