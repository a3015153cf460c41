"""Who is told what, and how the outbox is worked through."""

from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from inspections.accounts.delegations import Delegation
from inspections.accounts.people import Role
from inspections.errors import Invalid, Missing, RulesStale
from inspections.hazards.records import State
from inspections.jobs import Job
from inspections.notices.actions.delivery import (
    CLAIM,
    claim_deliveries,
    edit_template,
    kinds,
    mark_read,
    replay,
    settle,
    tell,
    template,
    worded,
)
from inspections.notices.actions.digests import DIGESTS, tell_digest, tell_history_digest
from inspections.notices.outbox import TRIES, Attempt, Delivery, InboxEntry, Notice, Outlet, pause
from inspections.notices.recipients import MAJOR, TOLD, recipients
from inspections.notices.templates import KINDS, NewTemplate, Template, default, fields, unknown_fields
from inspections.photos.actions.intake import Facts, developed, receive_photos
from inspections.photos.records import Mention, Receipt, Stage
from inspections.remediation.actions.dispatch_rules import NewDispatchRule, add_dispatch_rule
from inspections.remediation.actions.escalation import escalate
from inspections.remediation.actions.photo_damage import claim_undeveloped, damaged
from inspections.remediation.actions.photo_findings import examine
from inspections.remediation.steps import (
    Assign,
    Attach,
    Cancel,
    ConfirmMajor,
    DecideExtension,
    FixedOnSpot,
    LookBack,
    Merge,
    ProposeMajor,
    Recheck,
    Reclassify,
    Reject,
    Reopen,
    RequestExtension,
    Resume,
    Return,
    Supervise,
    Suspend,
    Transfer,
    TransferReply,
    Unsupervise,
    Verify,
)
from tests.builders.office import NOW, Office, later, li, ma, mention, new_id, person, photo, qian, sun, wang, zhao
from tests.builders.reports import reported
from tests.builders.steps import accepted, assigned, fix, rectifying, take

HOOK, MAIL, WALL = Outlet("webhook", "event"), Outlet("mail", "mailbox"), Outlet("robots", "group")
admin = person("admin", Role.ADMIN)


def told(office, outlets=(), now=NOW):
    """Tells everything; answers (kind, username) in the order of events."""
    while office.do(tell, now, 50, outlets):
        pass
    kinds_of = {notice.id: notice.kind for notice in office.all(Notice)}
    return [(kinds_of[entry.notice], entry.username) for entry in office.all(InboxEntry)]


def claimed(office, now, limit=10):
    return office.do(claim_deliveries, "webhook", now, limit).deliveries


def told_last(office, kind):
    return {username for said, username in told(office) if said == kind}


def closed(office):
    return take(office, li, fix(office, rectifying(office)), Recheck, result="pass", note="已整改")


def suspended(office):
    return take(office, ma, rectifying(office), Suspend, reason="备料", measures="看守", review_at=later(days=9))


def extension_asked(office):
    hazard = rectifying(office)
    return take(office, zhao, hazard, RequestExtension, due_at=hazard.due_at + timedelta(days=9), reason="缺件")


def transferred(office):
    return take(office, ma, rectifying(office), Transfer, to="供电所", reason="属供电设施")


def rejected(office):
    return take(office, li, reported(office), Reject, reason="不在辖区")


STEPS = [
    ("reject", rejected, {"wang"}),
    ("assign", assigned, {"zhao"}),
    ("return", lambda office: take(office, zhao, assigned(office), Return, reason="不归我管"), {"li"}),
    ("submit_fix", lambda office: fix(office, rectifying(office)), {"li"}),
    ("verify", lambda office: take(office, li, assigned(office), Verify, outcome="unfounded", note="无"),
     {"wang", "zhao"}),
    ("recheck.pass", closed, {"wang", "zhao"}),
    ("recheck.fail", lambda office: take(office, li, fix(office, rectifying(office)), Recheck, result="fail",
                                         reason="不彻底", due_at=later(days=9)), {"zhao"}),
    ("request_extension", extension_asked, {"ma"}),
    ("decide_extension", lambda office: take(office, ma, extension_asked(office), DecideExtension, granted=True),
     {"zhao"}),
    ("suspend", suspended, {"li", "zhao"}),
    ("resume", lambda office: take(office, ma, suspended(office), Resume), {"li", "zhao"}),
    (MAJOR, lambda office: take(office, li, rectifying(office), ProposeMajor, basis="住人"), {"ma"}),
    ("supervise", lambda office: take(office, ma, rectifying(office), Supervise, level="district", document="1号"),
     {"li", "zhao"}),
    ("transfer", transferred, {"li", "zhao"}),
    ("transfer_reply.returned", lambda office: take(office, ma, transferred(office), TransferReply, result="returned",
                                                    receipt="2号"), {"li"}),
    ("cancel", lambda office: take(office, ma, rectifying(office), Cancel, reason="误录"), {"li", "wang", "zhao"}),
    ("reopen", lambda office: take(office, ma, closed(office), Reopen, reason="反弹", due_at=later(days=9)),
     {"li", "zhao"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "make", "names"), STEPS, ids=[kind for kind, _, _ in STEPS])
def test_a_step_tells_those_whom_it_concerns_and_nobody_else(kind, make, names):
    office = Office()
    make(office)
    assert told_last(office, kind) == names


def test_an_urgent_report_is_told_to_officers_at_once_and_another_is_not():
    office = Office()
    reported(office, category="EB-01")
    reported(office, category="EV-03")
    assert told(office) == [("report", "li")]


def test_nobody_is_told_of_what_they_did_themselves():
    office = Office()
    both = person("both", Role.INSPECTOR, Role.OFFICER)
    office.keep(both)
    reported(office, by=both, category="EB-01")
    assert told(office) == [("report", "li")]


def test_what_a_rule_assigns_is_told_to_whom_it_is_assigned():
    office = Office()
    office.keep(admin)
    rule = NewDispatchRule(id=new_id(), community=wang.grants[0].scope, lead="zhao", assisting=("sun",), accepts=True)
    office.do(add_dispatch_rule, admin, rule)
    reported(office)
    assert told(office) == [("assign", "zhao"), ("assign", "sun")]


def test_who_reported_a_duplicate_is_told_with_its_master():
    office = Office()
    other = person("hua", Role.INSPECTOR)
    office.keep(other)
    office.do(receive_photos, wang, [photo("a")], NOW)
    master, duplicate = reported(office), reported(office, by=other)
    take(office, li, duplicate, Merge, into=master.id)
    assert told_last(office, "merge") == {"hua"}
    take(office, li, office.hazard(master.id), Reject, reason="不在辖区")
    assert told_last(office, "reject") == {"wang", "hua"}


def test_what_turns_out_to_be_proposed_as_major_is_told_once():
    office = Office()
    accepted(office, category="MU-01")
    assert told_last(office, MAJOR) == {"ma"}
    other = rectifying(office)
    take(office, li, other, Reclassify, category="MU-01", reason="住人")
    assert [kind for kind, _ in told(office)].count(MAJOR) == 2
    reclassified = reported(office)
    take(office, li, reclassified, Reclassify, category="MU-01", reason="住人")
    assert [kind for kind, _ in told(office)].count(MAJOR) == 2  # not before it is accepted


def test_what_was_confirmed_or_is_supervised_no_more_is_told_to_who_works_on_it():
    office = Office()
    proposed = take(office, li, rectifying(office), ProposeMajor, basis="住人")
    take(office, ma, proposed, ConfirmMajor, authority="街道", document="1号")
    assert told_last(office, "confirm_major") == {"li", "zhao"}
    watched = take(office, ma, rectifying(office), Supervise, level="district", document="1号")
    take(office, ma, watched, Unsupervise, reason="已整改")
    assert told_last(office, "unsupervise") == {"li", "zhao"}


def test_a_rebound_and_a_drawn_fix_on_the_spot_wait_for_officers():
    office = Office()
    hazard = closed(office)
    office.do(receive_photos, wang, [photo("c")], NOW)
    take(office, wang, hazard, LookBack, result="rebound", photos=(mention("c"),))
    assert told_last(office, "rebound") == {"li"}
    fixed = FixedOnSpot(method="搬走", quantity_done=1)
    office.do(receive_photos, wang, [photo("d"), photo("e")], NOW)
    photos = (mention("d"), mention("e", Stage.AFTER))
    unsampled = UUID(int=1)  # one in ten would be looked at again anyway: by its id, number and time
    spot = reported(office, id=unsampled, category="EV-03", photos=photos, fixed_on_spot=fixed)
    assert spot.state is State.CLOSED
    office.do(developed, "d" * 64, Facts(oddities=("clock",)))
    office.do(examine, NOW, 10)
    assert told_last(office, "draw") == {"li"}
    reported(office, category="EB-01", photos=photos, fixed_on_spot=fixed)
    assert told_last(office, "fix_on_spot") == {"li"}  # urgent: always looked at again


def test_who_sent_a_damaged_photo_is_told_of_the_hazard_that_lacks_it():
    office = Office()
    office.do(receive_photos, wang, [photo("a"), photo("b")], NOW)
    hazard = reported(office, category="EV-03")
    office.do(damaged, "a" * 64, NOW)
    office.do(damaged, "b" * 64, NOW)
    office.do(damaged, "b" * 64, NOW)
    assert told(office) == [("photo.damaged", "wang")] * 2
    first, second = office.all(Notice)
    assert (first.hazard, second.hazard) == (hazard.id, None)
    assert hazard.number in worded(office, first, hazard).text
    assert "重新上传" in worded(office, second, None).text


def test_of_a_damaged_photo_that_came_by_a_link_the_officers_are_told():
    office = Office()
    hazard = reported(office, category="EV-03")
    link = f"link:{new_id().hex}"
    office.keep(
        photo("c"), Receipt("c" * 64, link, NOW), Mention(new_id(), "c" * 64, Stage.AFTER, hazard.id, link, NOW)
    )
    office.do(damaged, "c" * 64, NOW)
    assert told(office) == [("photo.damaged", "li")]


def test_a_photo_that_kills_its_developers_is_told_as_damaged_too():
    office = Office()
    office.keep(replace(photo("a"), tries=99))
    office.do(receive_photos, wang, [photo("a")], NOW)
    office.do(claim_undeveloped, NOW, 10)
    assert told(office) == [("photo.damaged", "wang")]


def test_where_nobody_holds_a_role_whoever_stands_above_is_told():
    office = Office()
    office.keep(admin, replace(li, active=False))
    hazard = reported(office, category="EB-01")
    assert told(office) == [("report", "ma")]
    office.keep(replace(ma, active=False))
    notice = Notice(new_id(), "fix.reminder", NOW, hazard.id, tells=Role.HANDLER)
    assert recipients(notice, hazard, office.all(type(li))) == ("admin",)
    office.keep(replace(admin, active=False))
    assert recipients(notice, hazard, office.all(type(li))) == ()


def test_a_rung_for_the_handler_is_told_to_those_who_have_it_now():
    office = Office()
    hazard = assigned(office)
    office.do(escalate, hazard.due_at - timedelta(minutes=50), 10)
    take(office, li, office.hazard(hazard.id), Assign, lead="sun")
    assert told_last(office, "fix.reminder") == {"sun"}


def test_who_is_lent_the_role_is_told_while_it_is_lent():
    office = Office()
    han = person("han")
    office.keep(han, Delegation(new_id(), "ma", "han", Role.SUPERVISOR, "", NOW, later(days=1), "外出", NOW))
    take(office, li, rectifying(office), ProposeMajor, basis="住人")
    assert told_last(office, MAJOR) == {"ma", "han"}


def test_of_one_hazard_what_happened_first_is_told_first():
    office = Office()
    office.keep(*(replace(each, email=f"{each.username}@example.cn") for each in (li, zhao)))
    rectifying(office, category="EB-01")
    assert office.do(tell, NOW, 50, [HOOK]) == 1  # of one line of history at a time
    assert [each.kind for each in office.all(Notice) if each.told_at is None] == ["assign"]
    told(office, [HOOK])
    (first,) = claimed(office, NOW)
    assert (first.seq, first.recipients) == (1, ("li",))
    assert claimed(office, NOW) == []  # the second waits for the first
    office.do(settle, [Attempt(first.id, None, 0)], NOW)
    (second,) = claimed(office, NOW)
    assert second.recipients == ("zhao",)


def test_each_outlet_gets_what_is_meant_for_it():
    office = Office()
    office.keep(replace(li, email="li@example.cn"))
    reported(office, category="EB-01")
    assigned(office, category="EB-01")
    told(office, [HOOK, MAIL, WALL])
    found = {}
    for each in office.all(Delivery):
        found.setdefault(each.channel, []).append((each.username, each.recipients))
    assert found["webhook"] == [("", ("li",)), ("", ("li",)), ("", ("zhao",))]
    assert found["mail"] == [("li", ("li",)), ("li", ("li",))]
    assert found["robots"] == [("", ("li",)), ("", ("li",))]  # not what is for one person


def sent(office):
    """One delivery of a webhook, claimed."""
    reported(office, category="EB-01")
    told(office, [HOOK])
    (delivery,) = claimed(office, NOW)
    return delivery


def test_what_a_killed_worker_had_claimed_is_somebody_else_s_after_a_while():
    office = Office()
    delivery = sent(office)
    assert claimed(office, NOW + CLAIM - timedelta(seconds=1)) == []
    (again,) = claimed(office, NOW + CLAIM)
    assert (again.id, again.notice, again.tries) == (delivery.id, delivery.notice, 2)
    office.do(settle, [Attempt(again.id, None, 0)], NOW + CLAIM)
    office.do(settle, [Attempt(delivery.id, "too late", 0)], NOW + CLAIM)  # whoever was slow does not undo it
    assert office.all(Delivery)[0].delivered_at == NOW + CLAIM
    assert office.do(settle, [Attempt(new_id(), None, 0)], NOW) == 0


def test_what_fails_for_a_day_still_arrives_and_what_fails_for_longer_is_given_up_and_sent_again():
    office = Office()
    delivery = sent(office)
    now, failed_until = NOW, later(days=1)
    while now < failed_until:
        assert office.do(settle, [Attempt(delivery.id, "answered 500", 0.99)], now) == 0
        now = office.all(Delivery)[0].next_try_at
        (delivery,) = claimed(office, now)
    assert delivery.waits
    while office.do(settle, [Attempt(delivery.id, "answered 500", 0.99)], now) == 0:
        now = office.all(Delivery)[0].next_try_at
        (delivery,) = claimed(office, now)
    assert delivery.tries == TRIES
    assert claimed(office, now + timedelta(days=9)) == []
    office.do(settle, [Attempt(delivery.id, "and again", 0)], now + timedelta(hours=1))
    assert office.all(Delivery)[0].dead_at == now
    again = office.do(replay, None, delivery.id, now)
    assert (again.tries, again.waits) == (0, True)
    assert office.do(replay, None, delivery.id, now) == again
    (mine,) = claimed(office, now)
    assert mine.notice == delivery.notice
    office.do(settle, [Attempt(mine.id, None, 0)], now)
    assert office.all(Delivery)[0].error is None


def test_what_waits_behind_a_failure_is_put_off_and_holds_up_nobody():
    office = Office()
    hazard = assigned(office)
    take(office, zhao, hazard, Return, reason="非本单位")
    told(office, [HOOK])
    (failing,) = claimed(office, NOW, 1)
    office.keep(replace(office.all(Delivery)[0], tries=TRIES - 1))
    office.do(settle, [Attempt(failing.id, "answered 500", 0)], NOW)
    other = reported(office, category="EB-01")
    told(office, [HOOK])
    claims = [office.do(claim_deliveries, "webhook", NOW, 1) for _ in range(4)]
    assert sum(claim.put_off for claim in claims) == 1
    (arrived,) = [each for claim in claims for each in claim.deliveries]
    assert arrived.hazard == other.id
    office.do(settle, [Attempt(arrived.id, None, 0)], NOW)
    (again,) = claimed(office, later(hours=1))
    assert again.id == failing.id
    office.do(settle, [Attempt(again.id, None, 0)], later(hours=1))
    assert [each.hazard for each in claimed(office, later(hours=1))] == [hazard.id]


def test_one_that_is_due_behind_another_is_not_tried_before_it():
    office = Office()
    assigned(office)
    told(office, [HOOK])
    (failing,) = claimed(office, NOW)
    office.do(settle, [Attempt(failing.id, "answered 500", 0)], NOW)  # a second later it is tried again
    assert office.do(claim_deliveries, "webhook", NOW, 10) == ([], 0)
    assert [each.id for each in claimed(office, later(seconds=2), 1)] == [failing.id]


def test_what_was_given_up_holds_up_nothing_that_comes_after_it():
    office = Office()
    assigned(office, category="EB-01")
    told(office, [HOOK])
    (first,) = claimed(office, NOW)
    office.keep(replace(office.all(Delivery)[0], tries=TRIES))
    assert office.do(settle, [Attempt(first.id, "answered 410", 0)], NOW) == 1
    (second,) = claimed(office, NOW)
    assert second.seq > first.seq


def test_only_who_manages_the_place_sends_again():
    office = Office()
    office.keep(admin)
    delivery = sent(office)
    for who in (li, qian, person("other", Role.ADMIN, scope="330402009025")):
        with pytest.raises(Missing):
            office.do(replay, who, delivery.id, NOW)
    with pytest.raises(Missing):
        office.do(replay, admin, new_id(), NOW)
    assert office.do(replay, admin, delivery.id, NOW).id == delivery.id
    of_nothing = replace(delivery, id=new_id(), hazard=None)
    office.keep(of_nothing)
    with pytest.raises(Missing):
        office.do(replay, admin, of_nothing.id, NOW)
    assert office.do(replay, person("all", Role.ADMIN, scope=""), of_nothing.id, NOW) == of_nothing


def test_pauses_grow_to_an_hour_and_differ():
    assert pause(1, 0) == timedelta(seconds=1)
    assert pause(2, 0) == timedelta(seconds=2)
    assert pause(2, 1) == timedelta(seconds=1)
    assert pause(13, 0) == pause(TRIES, 0) == timedelta(hours=1)


def test_quiet_hours_hold_what_goes_out_and_not_the_inbox():
    office = Office()
    night = later(hours=14)  # 23:00 in Shanghai
    take(office, li, reported(office), Reject, now=night, reason="不在辖区")
    assert told(office, [HOOK], night) == [("accept.overdue", "li"), ("reject", "wang")]
    assert claimed(office, later(hours=21, minutes=59)) == []
    assert len(claimed(office, later(hours=22))) == 1  # 7:00


def test_an_entry_is_read_once_and_by_its_owner():
    office = Office()
    assigned(office)
    told(office)
    entry = next(each for each in office.all(InboxEntry) if each.username == "zhao")
    with pytest.raises(Missing):
        office.do(mark_read, sun, entry.id, NOW)
    with pytest.raises(Missing):
        office.do(mark_read, zhao, new_id(), NOW)
    assert office.do(mark_read, zhao, entry.id, NOW).read_at == NOW
    assert office.do(mark_read, zhao, entry.id, later(days=1)).read_at == NOW


# words ------------------------------------------------------------------------------------------------------


def words(office, kind):
    notice = next(each for each in office.all(Notice) if each.kind == kind)
    return worded(office, notice, office.hazard(notice.hazard))


def test_every_kind_has_words_with_nothing_but_its_fields():
    assert set(TOLD) < set(KINDS)
    office = Office()
    for kind in kinds(office):
        said = default(kind)
        assert unknown_fields(kind, said.title + said.text) == []
    assert kinds(office)[-1].count(".")


def test_a_notice_says_what_and_where_and_why():
    office = Office()
    hazard = take(office, zhao, assigned(office, category="EB-01"), Return, reason="不归我管")
    said = words(office, "return")
    assert said.title == "退单"
    assert hazard.number in said.text
    assert "zhao" in said.text
    assert "不归我管" in said.text
    due = hazard.due_at
    office.do(escalate, due + timedelta(hours=1), 10)
    assert "2026-11-24 09:00" in words(office, "fix.overdue").text  # the deadline that was missed, in Shanghai


def test_codes_that_nobody_knows_any_more_are_said_as_they_are():
    office = Office()
    hazard = replace(reported(office, category="EB-01"), community="330402009999", category="ZZ-99")
    (notice,) = office.all(Notice)
    assert "330402009999" in worded(office, notice, hazard).text
    assert "ZZ-99" in worded(office, notice, hazard).text


def test_an_office_has_words_of_its_own():
    office = Office()
    office.keep(admin)
    own = NewTemplate(version=0, title="派单 {number}", text="{{请}}到 {place} 看看")
    assert office.do(edit_template, admin, "assign", own, NOW).version == 1
    assert office.do(edit_template, admin, "assign", own, later(days=1)).edited_at == NOW  # the same again
    hazard = assigned(office)
    assert words(office, "assign") == (f"派单 {hazard.number}", f"{{请}}到 {hazard.place} 看看")
    with pytest.raises(RulesStale):
        office.do(edit_template, admin, "assign", replace(own, title="别的"), NOW)
    other = replace(own, version=1, title="别的")
    assert office.do(edit_template, admin, "assign", other, NOW).title == "别的"
    with pytest.raises(Missing):
        office.do(edit_template, admin, "no.such", own, NOW)
    assert office.do(edit_template, admin, "fix.overdue", own, NOW).kind == "fix.overdue"


@pytest.mark.parametrize("text", ["{secret}", "{number.__class__}", "{number!r}", "{number:>999999999}", "{}", "{0}"])
def test_a_field_that_there_is_not_is_refused_by_name(text):
    office = Office()
    with pytest.raises(Invalid) as refused:
        office.do(edit_template, admin, "assign", NewTemplate(version=0, title="派单", text=f"请看 {text}"), NOW)
    ((field, message),) = refused.value.facts["errors"]
    assert field == "text"
    assert f"“{text[1:-1]}”" in message


@pytest.mark.parametrize("title", ["{number", "number}", "{"])
def test_braces_that_do_not_match_are_refused(title):
    office = Office()
    with pytest.raises(Invalid) as refused:
        office.do(edit_template, admin, "assign", NewTemplate(version=0, title=title, text="…"), NOW)
    assert refused.value.facts["errors"][0].field == "title"


def test_a_field_that_is_none_any_more_is_left_out():
    office = Office()
    office.keep(Template("report", 1, "报", "{gone}{number}"))
    hazard = reported(office, category="EB-01")
    assert words(office, "report").text == hazard.number
    assert template(office, "report").version == 1
    assert "overdue" in fields("digest.daily")


# digests ----------------------------------------------------------------------------------------------------


def digest(office, number, now):
    return office.do(tell_digest, DIGESTS[number], now)


def test_officers_are_told_every_morning_what_stands_to_be_done_and_nothing_when_nothing():
    office = Office()
    assert digest(office, 0, NOW) == 0  # 9:00 on Monday: it begins tomorrow
    office.keep(replace(ma, active=False))
    reported(office, category="EV-03")
    assert digest(office, 0, later(hours=22, minutes=59)) == 0
    assert digest(office, 0, later(hours=23)) == 1
    assert digest(office, 0, later(hours=23)) == 0
    (notice,) = office.all(Notice)
    assert (notice.kind, notice.to) == ("digest.daily", ("li",))  # qian has nothing to do
    assert worded(office, notice, None).text.startswith("2026-11-24：待受理 1 件，今日到期 0 件，逾期 0 件")
    assert digest(office, 0, later(days=5)) == 1  # once, however long nobody was there
    assert office.kept(Job, "digest.daily") == Job("digest.daily", later(days=5, hours=23))


def test_supervisors_are_told_every_monday():
    office = Office()
    closed(office)
    assert digest(office, 1, NOW) == 0
    assert office.kept(Job, "digest.weekly").next_at == later(days=6, hours=23)
    assert digest(office, 1, later(days=6, hours=23)) == 1
    (notice,) = [each for each in office.all(Notice) if each.kind == "digest.weekly"]
    assert notice.to == ("ma",)
    assert "上报 1 件，办结 1 件" in worded(office, notice, None).text
    assert digest(office, 1, later(days=13, hours=23)) == 0  # nothing came, nothing is open


def test_the_file_of_the_day_is_told_to_administrators():
    office = Office()
    office.keep(admin)
    facts = {"day": "2026-11-23", "file": "2026-11-23.txt", "sha256": "sha256:ab", "hazards": 3}
    office.do(tell_history_digest, facts, NOW)
    assert told(office) == [("digest.history", "admin")]
    assert "sha256:ab" in worded(office, office.all(Notice)[0], None).text


def test_what_is_attached_or_signed_for_is_told_to_nobody():
    office = Office()
    hazard = rectifying(office)
    before = len(told(office))
    take(office, zhao, hazard, Attach, photos=(mention("a"),))
    assert len(told(office)) == before
    assert {"start", "note", "attach"}.isdisjoint(TOLD)
