"""The security log: a line with what it is about, none where nothing happened, never a secret."""

from datetime import timedelta
from functools import partial

from msgspec.structs import replace

from inspections.accounts.actions.security_log import Caller, forget_events, note, noted
from inspections.accounts.actions.sessions import revoke
from inspections.accounts.external_identities import Identity
from inspections.accounts.people import Grant, Person, Role
from inspections.accounts.security_log import KEPT, Event, SecurityEvent, facts_of, line_of
from inspections.accounts.sessions import Session
from tests.builders.office import NOW, Office

CALLER = Caller("admin", "10.0.0.7")
LI = Person("li", "李敏", (Grant(Role.OFFICER, "330402009036"),), "$argon2id$…")


def test_a_line_is_written_with_what_it_is_about_and_not_when_it_is_asked_for_again():
    office = Office()
    session = Session(office.new_id(), "li", "phone", NOW, NOW + timedelta(days=9), NOW)
    office.keep(session)
    action = partial(revoke, username="li", device_id=session.id, now=NOW)
    for _ in range(2):
        office.do(noted(action, Event.DEVICE_REVOKED, CALLER, NOW, "li", {"why": "lost"}))
    (line,) = office.all(SecurityEvent)
    assert (line.event, line.by, line.about, line.address, line.at) == (
        "device.revoked",
        "admin",
        "li",
        "10.0.0.7",
        NOW,
    )
    assert line.facts == {"fields": "revoked_at", "why": "lost"}
    assert line_of(line) == {
        "id": str(line.id),
        "at": NOW.isoformat(),
        "event": "device.revoked",
        "by": "admin",
        "about": "li",
        "address": "10.0.0.7",
        "fields": "revoked_at",
        "why": "lost",
    }


def test_of_an_account_it_says_which_rights_came_and_went_and_nothing_secret():
    after = replace(LI, name="张三", password="$argon2id$new", grants=(Grant(Role.SUPERVISOR, ""),), version=2)
    said = facts_of([(LI, after)], ())
    assert said == {"fields": "name grants password version", "grants": "-officer:330402009036 +supervisor:"}
    assert facts_of([(LI, replace(LI, email="li@example.org"))], ()) == {"fields": "email"}
    assert facts_of([], ()) == {}
    assert facts_of([], [LI, Identity("wechat", "o", "li", NOW)]) == {"unlinked": "wechat"}


def test_lines_are_forgotten_when_their_time_is_over_and_not_before():
    office = Office()
    for _ in range(3):
        office.do(note, Event.SIGN_IN_FAILED, Caller("", "10.0.0.7"), NOW)
    assert forget_events(office, NOW + KEPT, 2).answer == 0
    over = NOW + KEPT + timedelta(seconds=1)
    assert [office.do(forget_events, over, 2) for _ in range(3)] == [2, 1, 0]
    assert office.all(SecurityEvent) == []
