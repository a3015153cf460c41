import pytest

from inspections.accounts.actions.sessions import devices, revoke
from inspections.accounts.actions.sign_in import behind_access, open_session, refresh_session
from inspections.accounts.sessions import Digests
from inspections.errors import Missing
from tests.builders.office import NOW, Office, later, li, new_id, wang


def signed_in(office, who, device, now=NOW):
    made = new_id()
    office.do(open_session, who, made, device, Digests(f"access {device}", f"refresh {device}"), now)
    return made


def test_devices_are_listed_by_when_they_were_seen_and_only_while_they_stand():
    office = Office()
    for device in ("phone", "tablet", "old"):
        signed_in(office, wang, device, NOW if device != "old" else later(days=-30))
    signed_in(office, li, "desk")
    office.do(refresh_session, "refresh phone", new_id(), Digests("a", "r"), later(minutes=20))
    assert [each.device for each in devices(office, "wang", later(minutes=21))] == ["phone", "tablet"]


def test_a_device_is_cut_off_once_and_by_nobody_else():
    office = Office()
    phone = signed_in(office, wang, "phone")
    for username, device in (("li", phone), ("wang", new_id())):
        with pytest.raises(Missing):
            office.do(revoke, username, device, NOW)
    assert office.do(revoke, "wang", phone, NOW).revoked_at == NOW
    assert office.do(revoke, "wang", phone, later(minutes=1)).revoked_at == NOW
    assert behind_access(office, "access phone", NOW) is None
