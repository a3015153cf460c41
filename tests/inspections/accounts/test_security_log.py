"""The security log contains one event per change, none for a repetition, and never a secret."""

from datetime import timedelta
from functools import partial

from msgspec.structs import replace

from inspections.accounts.actions.security_log import Caller, delete_expired_events, record_event, with_security_event
from inspections.accounts.actions.sessions import revoke_session
from inspections.accounts.external_identities import ExternalIdentity
from inspections.accounts.people import Grant, Person, Role
from inspections.accounts.security_log import RETENTION, Event, SecurityEvent, change_facts, event_fields
from inspections.accounts.sessions import Session
from tests.builders.office import NOW, Office

CALLER = Caller("admin", "10.0.0.7")
LI = Person("li", "李敏", (Grant(Role.OFFICER, "330402009036"),), "$argon2id$…")


def test_an_event_is_logged_with_its_subject_and_a_repetition_is_not():
    office = Office()
    session = Session(office.new_id(), "li", "phone", NOW, NOW + timedelta(days=9), NOW)
    office.keep(session)
    action = partial(revoke_session, username="li", device_id=session.id, now=NOW)
    for _ in range(2):
        office.do(with_security_event(action, Event.DEVICE_REVOKED, CALLER, NOW, "li", {"why": "lost"}))
    (line,) = office.all(SecurityEvent)
    assert (line.event, line.by, line.about, line.address, line.at) == (
        "device.revoked",
        "admin",
        "li",
        "10.0.0.7",
        NOW,
    )
    assert line.facts == {"fields": "revoked_at", "why": "lost"}
    assert event_fields(line) == {
        "id": str(line.id),
        "at": NOW.isoformat(),
        "event": "device.revoked",
        "by": "admin",
        "about": "li",
        "address": "10.0.0.7",
        "fields": "revoked_at",
        "why": "lost",
    }


def test_a_collector_that_cuts_a_long_line_still_learns_who_did_what():
    facts = {"grants": "+inspector:330402009036 " * 400, "by": "somebody else", "event": "sign_in"}
    line = SecurityEvent(Office().new_id(), NOW, Event.ACCOUNT_CHANGED, "admin", "li", "10.0.0.7", facts)
    fields = event_fields(line)
    assert list(fields)[:5] == ["at", "event", "by", "about", "address"]
    assert (fields["by"], fields["event"]) == ("admin", "account.changed")  # no fact takes their place


def test_the_facts_of_a_changed_account_name_the_grants_and_no_secret():
    after = replace(LI, name="张三", password="$argon2id$new", grants=(Grant(Role.SUPERVISOR, ""),), version=2)
    facts = change_facts([(LI, after)], ())
    assert facts == {"fields": "name grants password version", "grants": "-officer:330402009036 +supervisor:"}
    assert change_facts([(LI, replace(LI, email="li@example.org"))], ()) == {"fields": "email"}
    assert change_facts([], ()) == {}
    assert change_facts([], [LI, ExternalIdentity("wechat", "o", "li", NOW)]) == {"unlinked": "wechat"}


def test_events_are_deleted_only_after_their_retention():
    office = Office()
    for _ in range(3):
        office.do(record_event, Event.SIGN_IN_FAILED, Caller("", "10.0.0.7"), NOW)
    assert delete_expired_events(office, NOW + RETENTION, 2).answer == 0
    over = NOW + RETENTION + timedelta(seconds=1)
    assert [office.do(delete_expired_events, over, 2) for _ in range(3)] == [2, 1, 0]
    assert office.all(SecurityEvent) == []
