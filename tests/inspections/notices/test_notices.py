"""Notices: each event notifies the right people, and workers deliver the outbox in order and with retries."""

from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from inspections.accounts.delegations import Delegation
from inspections.accounts.people import Role
from inspections.errors import InvalidInput, NotFound, RulesVersionConflict
from inspections.hazards.records import State
from inspections.jobs import Job
from inspections.notices.actions.delivery import (
    CLAIM_DURATION,
    claim_deliveries,
    dispatch_notices,
    edit_template,
    get_template,
    mark_read,
    notice_kinds,
    present_recipients,
    record_attempts,
    render_hidden_notice,
    render_notice,
    retry_delivery,
)
from inspections.notices.actions.digests import DIGESTS, send_digest, send_history_digest
from inspections.notices.outbox import TRIES, ChannelInfo, Delivery, DeliveryAttempt, InboxEntry, Notice, retry_delay
from inspections.notices.recipients import AUDIENCES, MAJOR, Staff
from inspections.notices.templates import (
    HIDDEN_TEXT,
    KINDS,
    MAX_TEXT,
    MAX_TITLE,
    NewTemplate,
    Template,
    decision_link_text,
    default_template,
    fact_values,
    render_template,
    template_fields,
    unknown_fields,
)
from inspections.photos.actions.intake import PhotoMetadata, receive_photos, record_processed_photo
from inspections.photos.records import PhotoReference, Stage, UploadReceipt
from inspections.remediation.actions.dispatch_rules import NewDispatchRule, add_dispatch_rule
from inspections.remediation.actions.escalation import escalate
from inspections.remediation.actions.photo_damage import claim_unprocessed_photos, record_damage
from inspections.remediation.actions.photo_findings import examine_photos
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
from tests.builders.office import (
    NOW,
    Office,
    later,
    li,
    ma,
    new_id,
    person,
    photo,
    photo_declaration,
    qian,
    sun,
    wang,
    zhao,
)
from tests.builders.reports import report_new_hazard
from tests.builders.steps import accepted_hazard, assigned_hazard, fix, rectifying_hazard, take

HOOK, MAIL, ROBOTS = ChannelInfo("webhook", "event"), ChannelInfo("mail", "mailbox"), ChannelInfo("robots", "group")
admin = person("admin", Role.ADMIN)


def dispatch_all(office, outlets=(), now=NOW):
    """Dispatch all notices; return (kind, username) in the order of events."""
    while office.do(dispatch_notices, now, 50, outlets):
        pass
    kinds_of = {notice.id: notice.kind for notice in office.all(Notice)}
    return [(kinds_of[entry.notice], entry.username) for entry in office.all(InboxEntry)]


def claim_from_webhook(office, now, limit=10):
    return office.do(claim_deliveries, "webhook", now, limit).deliveries


def dispatched_usernames(office, kind):
    return {username for notice_kind, username in dispatch_all(office) if notice_kind == kind}


def close_hazard(office):
    return take(office, li, fix(office, rectifying_hazard(office)), Recheck, result="pass", note="已整改")


def suspend_hazard(office):
    return take(office, ma, rectifying_hazard(office), Suspend, reason="备料", measures="看守", review_at=later(days=9))


def request_extension(office):
    hazard = rectifying_hazard(office)
    return take(office, zhao, hazard, RequestExtension, due_at=hazard.due_at + timedelta(days=9), reason="缺件")


def transfer_hazard(office):
    return take(office, ma, rectifying_hazard(office), Transfer, to="供电所", reason="属供电设施")


def reject_hazard(office):
    return take(office, li, report_new_hazard(office), Reject, reason="不在辖区")


STEPS = [
    ("reject", reject_hazard, {"wang"}),
    ("assign", assigned_hazard, {"zhao"}),
    ("return", lambda office: take(office, zhao, assigned_hazard(office), Return, reason="不归我管"), {"li"}),
    ("submit_fix", lambda office: fix(office, rectifying_hazard(office)), {"li"}),
    ("verify", lambda office: take(office, li, assigned_hazard(office), Verify, outcome="unfounded", note="无"),
     {"wang", "zhao"}),
    ("recheck.pass", close_hazard, {"wang", "zhao"}),
    ("recheck.fail", lambda office: take(office, li, fix(office, rectifying_hazard(office)), Recheck, result="fail",
                                         reason="不彻底", due_at=later(days=9)), {"zhao"}),
    ("request_extension", request_extension, {"ma"}),
    ("decide_extension", lambda office: take(office, ma, request_extension(office), DecideExtension, granted=True),
     {"zhao"}),
    ("suspend", suspend_hazard, {"li", "zhao"}),
    ("resume", lambda office: take(office, ma, suspend_hazard(office), Resume), {"li", "zhao"}),
    (MAJOR, lambda office: take(office, li, rectifying_hazard(office), ProposeMajor, basis="住人"), {"ma"}),
    ("supervise", lambda office: take(office, ma, rectifying_hazard(office), Supervise, level="district",
                                              document="1号"), {"li", "zhao"}),
    ("transfer", transfer_hazard, {"li", "zhao"}),
    ("transfer_reply.returned", lambda office: take(office, ma, transfer_hazard(office), TransferReply,
                                                    result="returned", receipt="2号"), {"li"}),
    ("cancel", lambda office: take(office, ma, rectifying_hazard(office), Cancel, reason="误录"),
     {"li", "wang", "zhao"}),
    ("reopen", lambda office: take(office, ma, close_hazard(office), Reopen, reason="反弹", due_at=later(days=9)),
     {"li", "zhao"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "make", "names"), STEPS, ids=[kind for kind, _, _ in STEPS])
def test_a_step_notifies_exactly_the_people_concerned(kind, make, names):
    office = Office()
    make(office)
    assert dispatched_usernames(office, kind) == names


def test_officers_are_notified_at_once_of_urgent_reports_only():
    office = Office()
    report_new_hazard(office, category="EB-01")
    report_new_hazard(office, category="EV-03")
    assert dispatch_all(office) == [("report", "li")]


def test_a_person_is_not_notified_of_their_own_step():
    office = Office()
    both = person("both", Role.INSPECTOR, Role.OFFICER)
    office.keep(both)
    report_new_hazard(office, by=both, category="EB-01")
    assert dispatch_all(office) == [("report", "li")]


def test_an_assignment_by_a_rule_notifies_the_handlers():
    office = Office()
    office.keep(admin)
    rule = NewDispatchRule(id=new_id(), community=wang.grants[0].scope, lead="zhao", assisting=("sun",), accepts=True)
    office.do(add_dispatch_rule, admin, rule)
    report_new_hazard(office)
    assert dispatch_all(office) == [("assign", "zhao"), ("assign", "sun")]


def test_the_reporter_of_a_duplicate_is_notified_about_its_master():
    office = Office()
    other = person("hua", Role.INSPECTOR)
    office.keep(other)
    office.do(receive_photos, wang, [photo("a")], NOW)
    master, duplicate = report_new_hazard(office), report_new_hazard(office, by=other)
    take(office, li, duplicate, Merge, into=master.id)
    assert dispatched_usernames(office, "merge") == {"hua"}
    take(office, li, office.hazard(master.id), Reject, reason="不在辖区")
    assert dispatched_usernames(office, "reject") == {"wang", "hua"}


def test_a_proposal_as_major_is_notified_once():
    office = Office()
    accepted_hazard(office, category="MU-01")
    assert dispatched_usernames(office, MAJOR) == {"ma"}
    other = rectifying_hazard(office)
    take(office, li, other, Reclassify, category="MU-01", reason="住人")
    assert [kind for kind, _ in dispatch_all(office)].count(MAJOR) == 2
    reclassified = report_new_hazard(office)
    take(office, li, reclassified, Reclassify, category="MU-01", reason="住人")
    assert [kind for kind, _ in dispatch_all(office)].count(MAJOR) == 2  # not before it is accepted


def test_officer_and_handler_are_notified_of_confirmation_and_end_of_supervision():
    office = Office()
    proposed = take(office, li, rectifying_hazard(office), ProposeMajor, basis="住人")
    take(office, ma, proposed, ConfirmMajor, authority="街道", document="1号")
    assert dispatched_usernames(office, "confirm_major") == {"li", "zhao"}
    watched = take(office, ma, rectifying_hazard(office), Supervise, level="district", document="1号")
    take(office, ma, watched, Unsupervise, reason="已整改")
    assert dispatched_usernames(office, "unsupervise") == {"li", "zhao"}


def test_officers_are_notified_of_a_rebound_and_of_a_fix_selected_for_recheck():
    office = Office()
    hazard = close_hazard(office)
    office.do(receive_photos, wang, [photo("c")], NOW)
    take(office, wang, hazard, LookBack, result="rebound", photos=(photo_declaration("c"),))
    assert dispatched_usernames(office, "rebound") == {"li"}
    fixed = FixedOnSpot(method="搬走", quantity_done=1)
    office.do(receive_photos, wang, [photo("d"), photo("e")], NOW)
    photos = (photo_declaration("d"), photo_declaration("e", Stage.AFTER))
    unsampled = UUID(int=1)  # one in ten is selected for recheck anyway, by id, number and time
    spot = report_new_hazard(office, id=unsampled, category="EV-03", photos=photos, fixed_on_spot=fixed)
    assert spot.state is State.CLOSED
    office.do(record_processed_photo, "d" * 64, PhotoMetadata(oddities=("clock",)))
    office.do(examine_photos, NOW, 10)
    assert dispatched_usernames(office, "draw") == {"li"}
    report_new_hazard(office, category="EB-01", photos=photos, fixed_on_spot=fixed)
    assert dispatched_usernames(office, "fix_on_spot") == {"li"}  # an urgent one is always rechecked


def test_the_sender_of_a_damaged_photo_is_notified_of_its_hazard():
    office = Office()
    office.do(receive_photos, wang, [photo("a"), photo("b")], NOW)
    hazard = report_new_hazard(office, category="EV-03")
    office.do(record_damage, "a" * 64, NOW)
    office.do(record_damage, "b" * 64, NOW)
    office.do(record_damage, "b" * 64, NOW)
    assert dispatch_all(office) == [("photo.damaged", "wang")] * 2
    first, second = office.all(Notice)
    assert (first.hazard, second.hazard) == (hazard.id, None)
    assert hazard.number in render_notice(office, first, hazard).text
    assert "重新上传" in render_notice(office, second, None).text


def test_officers_are_notified_of_a_damaged_photo_sent_by_link():
    office = Office()
    hazard = report_new_hazard(office, category="EV-03")
    link = f"link:{new_id().hex}"
    office.keep(
        photo("c"),
        UploadReceipt("c" * 64, link, NOW),
        PhotoReference(new_id(), "c" * 64, Stage.AFTER, hazard.id, link, NOW),
    )
    office.do(record_damage, "c" * 64, NOW)
    assert dispatch_all(office) == [("photo.damaged", "li")]


def test_a_photo_that_crashes_its_processors_is_notified_as_damaged():
    office = Office()
    office.keep(replace(photo("a"), tries=99))
    office.do(receive_photos, wang, [photo("a")], NOW)
    office.do(claim_unprocessed_photos, NOW, 10)
    assert dispatch_all(office) == [("photo.damaged", "wang")]


def test_the_next_higher_role_is_notified_if_a_role_has_no_holder():
    office = Office()
    office.keep(admin, replace(li, active=False))
    hazard = report_new_hazard(office, category="EB-01")
    assert dispatch_all(office) == [("report", "ma")]
    office.keep(replace(ma, active=False))
    notice = Notice(new_id(), "fix.reminder", NOW, hazard.id, tells=Role.HANDLER)
    assert Staff(office.all(type(li))).recipients(notice, hazard) == ("admin",)
    office.keep(replace(admin, active=False))
    assert Staff(office.all(type(li))).recipients(notice, hazard) == ()


def test_a_rung_for_the_handler_notifies_the_current_handler():
    office = Office()
    hazard = assigned_hazard(office)
    office.do(escalate, hazard.due_at - timedelta(minutes=50), 10)
    take(office, li, office.hazard(hazard.id), Assign, lead="sun")
    assert dispatched_usernames(office, "fix.reminder") == {"sun"}


def test_a_delegate_is_notified_while_the_delegation_lasts():
    office = Office()
    han = person("han")
    office.keep(han, Delegation(new_id(), "ma", "han", Role.SUPERVISOR, "", NOW, later(days=1), "外出", NOW))
    take(office, li, rectifying_hazard(office), ProposeMajor, basis="住人")
    assert dispatched_usernames(office, MAJOR) == {"ma", "han"}


def test_notices_of_one_hazard_are_delivered_in_order():
    office = Office()
    office.keep(*(replace(each, email=f"{each.username}@example.cn") for each in (li, zhao)))
    rectifying_hazard(office, category="EB-01")
    assert office.do(dispatch_notices, NOW, 50, [HOOK]) == 1  # one line of history at a time
    assert [each.kind for each in office.all(Notice) if each.told_at is None] == ["assign"]
    dispatch_all(office, [HOOK])
    (first,) = claim_from_webhook(office, NOW)
    assert (first.seq, first.recipients) == (1, ("li",))
    assert claim_from_webhook(office, NOW) == []  # the second waits for the first
    office.do(record_attempts, [DeliveryAttempt(first.id, None, 0)], NOW)
    (second,) = claim_from_webhook(office, NOW)
    assert second.recipients == ("zhao",)


def test_each_channel_gets_its_own_deliveries():
    office = Office()
    office.keep(replace(li, email="li@example.cn"))
    report_new_hazard(office, category="EB-01")
    assigned_hazard(office, category="EB-01")
    dispatch_all(office, [HOOK, MAIL, ROBOTS])
    found = {}
    for each in office.all(Delivery):
        found.setdefault(each.channel, []).append((each.username, each.recipients))
    assert found["webhook"] == [("", ("li",)), ("", ("li",)), ("", ("zhao",))]
    assert found["mail"] == [("li", ("li",)), ("li", ("li",))]
    assert found["robots"] == [("", ("li",)), ("", ("li",))]  # without notices for one person


def claim_one_delivery(office):
    """Report a hazard and claim the one delivery of the webhook."""
    report_new_hazard(office, category="EB-01")
    dispatch_all(office, [HOOK])
    (delivery,) = claim_from_webhook(office, NOW)
    return delivery


def test_a_delivery_claimed_by_a_killed_worker_is_claimed_again_later():
    office = Office()
    delivery = claim_one_delivery(office)
    assert claim_from_webhook(office, NOW + CLAIM_DURATION - timedelta(seconds=1)) == []
    (again,) = claim_from_webhook(office, NOW + CLAIM_DURATION)
    assert (again.id, again.notice, again.tries) == (delivery.id, delivery.notice, 2)
    office.do(record_attempts, [DeliveryAttempt(again.id, None, 0)], NOW + CLAIM_DURATION)
    office.do(
        record_attempts, [DeliveryAttempt(delivery.id, "too late", 0)], NOW + CLAIM_DURATION
    )  # a late result does not undo the delivery
    assert office.all(Delivery)[0].delivered_at == NOW + CLAIM_DURATION
    assert office.do(record_attempts, [DeliveryAttempt(new_id(), None, 0)], NOW) == 0


def test_a_delivery_is_retried_for_a_day_then_given_up_and_can_be_sent_again():
    office = Office()
    delivery = claim_one_delivery(office)
    now, failed_until = NOW, later(days=1)
    while now < failed_until:
        assert office.do(record_attempts, [DeliveryAttempt(delivery.id, "answered 500", 0.99)], now) == 0
        now = office.all(Delivery)[0].next_try_at
        (delivery,) = claim_from_webhook(office, now)
    assert delivery.is_pending
    while office.do(record_attempts, [DeliveryAttempt(delivery.id, "answered 500", 0.99)], now) == 0:
        now = office.all(Delivery)[0].next_try_at
        (delivery,) = claim_from_webhook(office, now)
    assert delivery.tries == TRIES
    assert claim_from_webhook(office, now + timedelta(days=9)) == []
    office.do(record_attempts, [DeliveryAttempt(delivery.id, "and again", 0)], now + timedelta(hours=1))
    assert office.all(Delivery)[0].dead_at == now
    again = office.do(retry_delivery, None, delivery.id, now)
    assert (again.tries, again.is_pending) == (0, True)
    assert office.do(retry_delivery, None, delivery.id, now) == again
    (mine,) = claim_from_webhook(office, now)
    assert mine.notice == delivery.notice
    office.do(record_attempts, [DeliveryAttempt(mine.id, None, 0)], now)
    assert office.all(Delivery)[0].error is None


def test_deliveries_behind_a_failure_are_put_off_and_block_no_other_hazard():
    office = Office()
    hazard = assigned_hazard(office)
    take(office, zhao, hazard, Return, reason="非本单位")
    dispatch_all(office, [HOOK])
    (failing,) = claim_from_webhook(office, NOW, 1)
    office.keep(replace(office.all(Delivery)[0], tries=TRIES - 1))
    office.do(record_attempts, [DeliveryAttempt(failing.id, "answered 500", 0)], NOW)
    other = report_new_hazard(office, category="EB-01")
    dispatch_all(office, [HOOK])
    claims = [office.do(claim_deliveries, "webhook", NOW, 1) for _ in range(4)]
    assert sum(claim.put_off for claim in claims) == 1
    (arrived,) = [each for claim in claims for each in claim.deliveries]
    assert arrived.hazard == other.id
    office.do(record_attempts, [DeliveryAttempt(arrived.id, None, 0)], NOW)
    (again,) = claim_from_webhook(office, later(hours=1))
    assert again.id == failing.id
    office.do(record_attempts, [DeliveryAttempt(again.id, None, 0)], later(hours=1))
    assert [each.hazard for each in claim_from_webhook(office, later(hours=1))] == [hazard.id]


def test_a_due_delivery_is_not_tried_before_an_earlier_failed_one():
    office = Office()
    assigned_hazard(office)
    dispatch_all(office, [HOOK])
    (failing,) = claim_from_webhook(office, NOW)
    office.do(record_attempts, [DeliveryAttempt(failing.id, "answered 500", 0)], NOW)  # it is due again a second later
    assert office.do(claim_deliveries, "webhook", NOW, 10) == ([], 0)
    assert [each.id for each in claim_from_webhook(office, later(seconds=2), 1)] == [failing.id]


def test_a_given_up_delivery_does_not_block_later_ones():
    office = Office()
    assigned_hazard(office, category="EB-01")
    dispatch_all(office, [HOOK])
    (first,) = claim_from_webhook(office, NOW)
    office.keep(replace(office.all(Delivery)[0], tries=TRIES))
    assert office.do(record_attempts, [DeliveryAttempt(first.id, "answered 410", 0)], NOW) == 1
    (second,) = claim_from_webhook(office, NOW)
    assert second.seq > first.seq


def test_only_an_administrator_of_the_place_retries_a_delivery():
    office = Office()
    office.keep(admin)
    delivery = claim_one_delivery(office)
    for who in (li, qian, person("other", Role.ADMIN, scope="330402009025")):
        with pytest.raises(NotFound):
            office.do(retry_delivery, who, delivery.id, NOW)
    with pytest.raises(NotFound):
        office.do(retry_delivery, admin, new_id(), NOW)
    assert office.do(retry_delivery, admin, delivery.id, NOW).id == delivery.id
    of_nothing = replace(delivery, id=new_id(), hazard=None)
    office.keep(of_nothing)
    with pytest.raises(NotFound):
        office.do(retry_delivery, admin, of_nothing.id, NOW)
    assert office.do(retry_delivery, person("all", Role.ADMIN, scope=""), of_nothing.id, NOW) == of_nothing


def test_retry_delays_grow_to_an_hour_and_vary():
    assert retry_delay(1, 0) == timedelta(seconds=1)
    assert retry_delay(2, 0) == timedelta(seconds=2)
    assert retry_delay(2, 1) == timedelta(seconds=1)
    assert retry_delay(13, 0) == retry_delay(TRIES, 0) == timedelta(hours=1)


def test_quiet_hours_hold_deliveries_and_not_the_inbox():
    office = Office()
    night = later(hours=14)  # 23:00 in Shanghai
    take(office, li, report_new_hazard(office), Reject, now=night, reason="不在辖区")
    assert dispatch_all(office, [HOOK], night) == [("accept.overdue", "li"), ("reject", "wang")]
    assert claim_from_webhook(office, later(hours=21, minutes=59)) == []
    assert len(claim_from_webhook(office, later(hours=22))) == 1  # 7:00


def test_an_inbox_entry_is_marked_read_once_and_only_by_its_owner():
    office = Office()
    assigned_hazard(office)
    dispatch_all(office)
    entry = next(each for each in office.all(InboxEntry) if each.username == "zhao")
    with pytest.raises(NotFound):
        office.do(mark_read, sun, entry.id, NOW)
    with pytest.raises(NotFound):
        office.do(mark_read, zhao, new_id(), NOW)
    assert office.do(mark_read, zhao, entry.id, NOW).read_at == NOW
    assert office.do(mark_read, zhao, entry.id, later(days=1)).read_at == NOW


# texts ------------------------------------------------------------------------------------------------------


def render(office, kind):
    notice = next(each for each in office.all(Notice) if each.kind == kind)
    return render_notice(office, notice, office.hazard(notice.hazard))


def test_every_kind_has_a_template_with_known_fields_only():
    assert set(AUDIENCES) < set(KINDS)
    office = Office()
    for kind in notice_kinds(office):
        template = default_template(kind)
        assert unknown_fields(kind, template.title + template.text) == []
    assert notice_kinds(office)[-1].count(".")


def test_a_notice_names_the_hazard_the_person_and_the_reason():
    office = Office()
    hazard = take(office, zhao, assigned_hazard(office, category="EB-01"), Return, reason="不归我管")
    message = render(office, "return")
    assert message.title == "退单"
    assert hazard.number in message.text
    assert "zhao" in message.text
    assert "不归我管" in message.text
    due = hazard.due_at
    office.do(escalate, due + timedelta(hours=1), 10)
    assert "2026-11-24 09:00" in render(office, "fix.overdue").text  # the deadline that was missed, in Shanghai


def test_unknown_codes_are_rendered_unchanged():
    office = Office()
    hazard = replace(report_new_hazard(office, category="EB-01"), community="330402009999", category="ZZ-99")
    (notice,) = office.all(Notice)
    assert "330402009999" in render_notice(office, notice, hazard).text
    assert "ZZ-99" in render_notice(office, notice, hazard).text


def test_an_office_edits_its_own_templates():
    office = Office()
    office.keep(admin)
    own = NewTemplate(version=0, title="派单 {number}", text="{{请}}到 {place} 看看")
    assert office.do(edit_template, admin, "assign", own, NOW).version == 1
    assert office.do(edit_template, admin, "assign", own, later(days=1)).edited_at == NOW  # the same again
    hazard = assigned_hazard(office)
    assert render(office, "assign") == (f"派单 {hazard.number}", f"{{请}}到 {hazard.place} 看看")
    with pytest.raises(RulesVersionConflict):
        office.do(edit_template, admin, "assign", replace(own, title="别的"), NOW)
    other = replace(own, version=1, title="别的")
    assert office.do(edit_template, admin, "assign", other, NOW).title == "别的"
    with pytest.raises(NotFound):
        office.do(edit_template, admin, "no.such", own, NOW)
    assert office.do(edit_template, admin, "fix.overdue", own, NOW).kind == "fix.overdue"


@pytest.mark.parametrize("text", ["{secret}", "{number.__class__}", "{number!r}", "{number:>999999999}", "{}", "{0}"])
def test_an_unknown_template_field_is_refused_by_name(text):
    office = Office()
    with pytest.raises(InvalidInput) as refused:
        office.do(edit_template, admin, "assign", NewTemplate(version=0, title="派单", text=f"请看 {text}"), NOW)
    ((field, message),) = refused.value.facts["errors"]
    assert field == "text"
    assert f"“{text[1:-1]}”" in message


@pytest.mark.parametrize("title", ["{number", "number}", "{"])
def test_unmatched_braces_are_refused(title):
    office = Office()
    with pytest.raises(InvalidInput) as refused:
        office.do(edit_template, admin, "assign", NewTemplate(version=0, title=title, text="…"), NOW)
    assert refused.value.facts["errors"][0].field == "title"


def test_a_removed_template_field_is_left_out():
    office = Office()
    office.keep(Template("report", 1, "报", "{gone}{number}"))
    hazard = report_new_hazard(office, category="EB-01")
    assert render(office, "report").text == hazard.number
    assert get_template(office, "report").version == 1
    assert "overdue" in template_fields("digest.daily")


def test_a_title_is_one_line_and_a_text_is_cut_whatever_the_values_are():
    template = Template("return", 1, "退单 {reason}", "{reason}" * 250)
    words = render_template(template, {"reason": "一\r\nBcc: x\u2028二\x85" + "长" * 2000})
    assert words.title.startswith("退单 一 Bcc: x 二 长")
    assert (len(words.title), len(words.title.splitlines())) == (MAX_TITLE, 1)
    assert len(words.text) == MAX_TEXT


def test_the_value_of_a_field_is_never_a_template_itself():
    words = render_template(
        Template("return", 1, "{reason}", "{by}"), {"reason": "{by} {0.__class__}", "by": "{reason}"}
    )
    assert words == ("{by} {0.__class__}", "{reason}")


@pytest.mark.parametrize("broken", ["{", "{number", "}", "{number!}"])
def test_a_stored_template_that_cannot_be_read_loses_no_notice(broken):
    """As it may come from another version of the program or by hand; the routes refuse one."""
    office = Office()
    office.keep(Template("report", 1, broken, "…"))
    report_new_hazard(office, category="EB-01")
    assert render(office, "report").title == "紧急隐患待受理"
    office.keep(Template("report", 2, "报", broken))
    assert "刚刚上报" in render(office, "report").text
    assert render_hidden_notice(office, "report").title == "报"


def test_a_notice_of_a_hidden_hazard_shows_only_its_kind():
    office = Office()
    assert render_hidden_notice(office, "assign") == ("新派单", HIDDEN_TEXT)
    office.keep(Template("assign", 1, "{place} 新派单", "{reason}"))
    assert render_hidden_notice(office, "assign") == ("新派单", HIDDEN_TEXT)
    office.keep(Template("assign", 2, "请看派单", "{reason}"))
    assert render_hidden_notice(office, "assign") == ("请看派单", HIDDEN_TEXT)


def test_only_active_accounts_are_still_recipients_with_their_present_grants():
    office = Office()
    past = replace(li, grants=(replace(li.grants[0], until=NOW),))
    office.keep(replace(zhao, active=False), past)
    told = present_recipients(office, ["zhao", "li", "nobody"], NOW)
    assert [(each.username, each.grants) for each in told] == [("li", ())]


def test_a_delivery_that_nobody_may_receive_is_given_up_at_once():
    office = Office()
    delivery = claim_one_delivery(office)
    assert office.do(record_attempts, [DeliveryAttempt(delivery.id, "no account", 0, last=True)], NOW) == 1
    assert (office.all(Delivery)[0].dead_at, office.all(Delivery)[0].tries) == (NOW, 1)


# digests ----------------------------------------------------------------------------------------------------


def run_digest(office, number, now):
    return office.do(send_digest, DIGESTS[number], now)


def test_officers_get_a_digest_every_morning_unless_nothing_is_open():
    office = Office()
    assert run_digest(office, 0, NOW) == 0  # 9:00 on Monday: the first digest is tomorrow
    office.keep(replace(ma, active=False))
    report_new_hazard(office, category="EV-03")
    assert run_digest(office, 0, later(hours=22, minutes=59)) == 0
    assert run_digest(office, 0, later(hours=23)) == 1
    assert run_digest(office, 0, later(hours=23)) == 0
    (notice,) = office.all(Notice)
    assert (notice.kind, notice.to) == ("digest.daily", ("li",))  # qian has nothing to do
    assert render_notice(office, notice, None).text.startswith("2026-11-24：待受理 1 件，今日到期 0 件，逾期 0 件")
    assert run_digest(office, 0, later(days=5)) == 1  # only once, even after a long outage
    assert office.get(Job, "digest.daily") == Job("digest.daily", later(days=5, hours=23))


def test_supervisors_get_a_digest_every_monday():
    office = Office()
    close_hazard(office)
    assert run_digest(office, 1, NOW) == 0
    assert office.get(Job, "digest.weekly").next_at == later(days=6, hours=23)
    assert run_digest(office, 1, later(days=6, hours=23)) == 1
    (notice,) = [each for each in office.all(Notice) if each.kind == "digest.weekly"]
    assert notice.to == ("ma",)
    assert "上报 1 件，办结 1 件" in render_notice(office, notice, None).text
    assert run_digest(office, 1, later(days=13, hours=23)) == 0  # no new and no open hazards


def test_administrators_are_notified_of_the_daily_history_digest():
    office = Office()
    office.keep(admin)
    facts = {"day": "2026-11-23", "file": "2026-11-23.txt", "sha256": "sha256:ab", "hazards": 3}
    office.do(send_history_digest, facts, NOW)
    assert dispatch_all(office) == [("digest.history", "admin")]
    assert "sha256:ab" in render_notice(office, office.all(Notice)[0], None).text


def test_attaching_a_photo_or_starting_work_notifies_nobody():
    office = Office()
    hazard = rectifying_hazard(office)
    before = len(dispatch_all(office))
    take(office, zhao, hazard, Attach, photos=(photo_declaration("a"),))
    assert len(dispatch_all(office)) == before
    assert {"start", "note", "attach"}.isdisjoint(AUDIENCES)


@pytest.mark.parametrize("kind", ["request_extension", "propose_major"])
def test_a_notice_about_a_request_has_a_place_for_the_link_of_its_recipient(kind):
    values = fact_values({"decision_link": decision_link_text("https://anxun.example/d/token")})
    assert "decision_link" in template_fields(kind)
    assert render_template(default_template(kind), values).text.endswith("\nhttps://anxun.example/d/token")
    assert "审批（" not in render_template(default_template(kind), {}).text
    assert "decision_link" not in template_fields("assign")
