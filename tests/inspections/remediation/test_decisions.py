"""What supervisors decide, and what leads to it."""

from datetime import timedelta

import pytest

from inspections.errors import Forbidden, Invalid, Missing, WrongState
from inspections.hazards.history import replayed
from inspections.hazards.lifecycle import possible
from inspections.hazards.records import OPEN, Outcome, Party, State
from inspections.office.categories import Left, Severity, TimeUnit
from inspections.remediation.actions.decisions import TooOld
from inspections.remediation.actions.handling import TooLate
from inspections.remediation.steps import (
    Assign,
    Cancel,
    ConfirmMajor,
    DecideExtension,
    Evaluate,
    Merge,
    ProposeMajor,
    Recheck,
    Reclassify,
    Reject,
    Reopen,
    RequestExtension,
    Resume,
    Return,
    SetCause,
    Start,
    Supervise,
    Transfer,
    TransferReply,
    Unsupervise,
    Verify,
)
from tests.builders.decided import FIVE, suspended
from tests.builders.office import NOW, Office, later, li, ma, sun, wang, zhao
from tests.builders.reports import reported
from tests.builders.steps import accepted, assigned, closed, fix, rectifying, take

PARTY = Party("property", "某物业")


def asked(office, hazard, days=10, now=NOW):
    return take(office, zhao, hazard, RequestExtension, now, due_at=later(days=days), reason="配件未到")


def test_an_extension_keeps_both_deadlines_and_counts_anew():
    office = Office()
    hazard = rectifying(office)
    waiting = asked(office, hazard)
    assert (waiting.due_at, waiting.extension.by) == (hazard.due_at, "zhao")
    with pytest.raises(WrongState):
        asked(office, waiting)
    with pytest.raises(Forbidden):
        take(office, li, waiting, DecideExtension, granted=True)
    granted = take(office, ma, waiting, DecideExtension, granted=True)
    assert (granted.due_at, granted.original_due_at) == (later(days=10), hazard.due_at)
    assert (granted.deadline_number, granted.times_extended, granted.extension) == (2, 1, None)
    again = asked(office, granted, days=20)
    with pytest.raises(Invalid):
        take(office, ma, again, DecideExtension, granted=True)
    twice = take(office, ma, again, DecideExtension, granted=True, reason="工程量大", due_at=later(days=15))
    assert (twice.due_at, twice.original_due_at) == (later(days=15), hazard.due_at)


def test_an_extension_is_asked_for_before_expiry_and_for_later():
    office = Office()
    hazard = rectifying(office)
    with pytest.raises(TooLate):
        asked(office, hazard, days=30, now=later(days=9))
    with pytest.raises(Invalid):
        take(office, zhao, hazard, RequestExtension, due_at=later(hours=1), reason="配件未到")


def test_a_refused_extension_changes_no_deadline():
    office = Office()
    hazard = rectifying(office)
    waiting = asked(office, hazard)
    with pytest.raises(Invalid):
        take(office, ma, waiting, DecideExtension, granted=False)
    refused = take(office, ma, waiting, DecideExtension, granted=False, reason="可按期完成")
    assert (refused.due_at, refused.deadline_number, refused.extension) == (hazard.due_at, 1, None)
    lapsed = fix(office, asked(office, refused))
    assert lapsed.extension is None


def test_a_wish_for_a_longer_deadline_lapses_with_the_work_it_was_for():
    office = Office()
    waiting = asked(office, assigned(office))
    assert take(office, zhao, waiting, Start).extension == waiting.extension
    ends = (
        (li, Assign, {"lead": "sun"}),
        (wang, Verify, {"outcome": "self_resolved", "note": "无"}),
        (ma, Cancel, {"reason": "误建"}),
        (ma, Transfer, {"to": "区住建局", "reason": "职责"}),
        (zhao, Return, {"reason": "非本单位"}),
    )
    for who, kind, facts in ends:
        assert take(office, who, asked(office, assigned(office)), kind, **facts).extension is None


def test_a_stopped_clock_is_given_no_deadline():
    office = Office()
    stands = suspended(office, take(office, li, rectifying(office), ProposeMajor, basis="住人"))
    facts = {"authority": "街道", "document": "1号"}
    with pytest.raises(Invalid):
        take(office, ma, stands, ConfirmMajor, due_at=later(days=1), **facts)
    assert take(office, ma, stands, ConfirmMajor, **facts).due_at is None


def test_an_extension_granted_into_the_past_is_none():
    office = Office()
    waiting = asked(office, rectifying(office), days=5)
    with pytest.raises(Invalid):
        take(office, ma, waiting, DecideExtension, later(days=6), granted=True)


@pytest.mark.parametrize(("make", "state"), [(assigned, State.ASSIGNED), (rectifying, State.RECTIFYING)])
def test_a_suspended_clock_goes_on_with_what_it_had_left(make, state):
    office = Office()
    hazard = make(office)  # three working days from a Monday: until the end of Thursday
    stands = suspended(office, hazard, later(days=1))
    assert (stands.state, stands.due_at) == (State.SUSPENDED, None)
    assert stands.suspension.left == Left(2, TimeUnit.WORKING_DAYS)
    assert stands.next_check_at < stands.review_due_at
    with pytest.raises(WrongState):
        take(office, zhao, stands, Start)
    goes_on = take(office, ma, stands, Resume, later(days=11))  # a Friday
    assert goes_on.state is state
    assert goes_on.due_at == hazard.due_at + timedelta(days=12)  # Monday and Tuesday: until the end of that one
    assert (goes_on.deadline_number, goes_on.review_due_at, goes_on.suspension) == (1, None, None)


def test_what_had_run_out_when_it_was_suspended_is_overdue_when_it_is_resumed():
    office = Office()
    hazard = rectifying(office)
    stands = suspended(office, hazard, later(days=9))
    assert take(office, ma, stands, Resume, later(days=10)).due_at == hazard.due_at


@pytest.mark.parametrize("days", [-1, 0, 400])
def test_a_suspension_is_looked_at_again_in_time(days):
    office = Office()
    with pytest.raises(Invalid):
        suspended(office, rectifying(office), days=days)


def test_a_major_hazard_is_proposed_confirmed_and_supervised_with_its_arrangements():
    office = Office()
    hazard = take(office, li, accepted(office), ProposeMajor, basis="合用场所违规住人")
    assert (hazard.major_proposed, hazard.severity) == (True, Severity.GENERAL)
    with pytest.raises(Invalid):
        take(office, ma, hazard, ConfirmMajor, authority="街道")
    with pytest.raises(Forbidden):
        take(office, li, hazard, ConfirmMajor, authority="街道", document="新街〔2026〕1号")
    major = take(office, ma, hazard, ConfirmMajor, authority="街道", document="新街〔2026〕1号")
    assert (major.severity, major.major.basis, major.due_at) == (Severity.MAJOR, "合用场所违规住人", hazard.due_at)
    with pytest.raises(Invalid):
        take(office, ma, major, Supervise, level="district", document="南督〔2026〕2号")
    watched = take(office, ma, major, Supervise, level="district", document="南督〔2026〕2号", arrangements=FIVE)
    assert watched.supervision.arrangements == FIVE
    assert take(office, ma, watched, Unsupervise, reason="已整改").supervision is None


def test_what_is_not_major_is_said_so_with_a_reason():
    office = Office()
    hazard = take(office, li, accepted(office), ProposeMajor, basis="住人")
    with pytest.raises(Invalid):
        take(office, ma, hazard, ConfirmMajor, confirmed=False)
    general = take(office, ma, hazard, ConfirmMajor, confirmed=False, reason="仅值班")
    assert (general.severity, general.major_proposed, general.major) == (Severity.GENERAL, False, None)
    with pytest.raises(WrongState):
        take(office, ma, general, ConfirmMajor, authority="街道", document="1号")


def test_the_default_proposal_of_a_category_is_confirmed_with_a_deadline_of_its_own():
    office = Office()
    hazard = accepted(office, category="MU-01")
    facts = {"authority": "街道", "document": "1号", "reason": "违规住人", "due_at": later(days=1)}
    major = take(office, ma, hazard, ConfirmMajor, **facts)
    assert (major.major.basis, major.due_at, major.deadline_number) == ("违规住人", later(days=1), 2)


def test_a_cause_is_set_and_moves_no_deadline_silently():
    office = Office()
    hazard = accepted(office)
    caused = take(office, wang, hazard, SetCause, category="EL-02", reason="现场检测")
    assert (caused.category, caused.found_category, caused.due_at) == ("EL-02", "EV-03", hazard.due_at)
    again = take(office, li, caused, Reclassify, category="EL-01", reason="复核", due_at=later(days=1))
    assert (again.found_category, again.due_at, again.deadline_number) == ("EV-03", later(days=1), 2)
    for wrong, facts in (
        (Invalid, {"category": "EL-01"}),
        (Invalid, {"category": "EL-05"}),
        (Missing, {"category": "X"}),
    ):
        with pytest.raises(wrong):
            take(office, li, again, Reclassify, reason="复核", **facts)
    with pytest.raises(Invalid):
        take(office, li, reported(office), Reclassify, category="EL-01", reason="复核", due_at=later(days=1))


def test_a_hazard_is_handed_over_and_settled_or_sent_back():
    office = Office()
    hazard = rectifying(office)
    with pytest.raises(Invalid):
        take(office, ma, hazard, Transfer, to="区住建局", reason="属住建职责", reply_due_at=NOW)
    away = take(office, ma, hazard, Transfer, to="区住建局", reason="属住建职责")
    assert (away.state, away.lead, away.transfer.to) == (State.TRANSFERRED, None, "区住建局")
    assert away.reply_due_at > NOW
    with pytest.raises(Invalid):
        take(office, ma, away, TransferReply, result="settled", receipt="回执1", due_at=later(days=3))
    settled = take(office, ma, away, TransferReply, result="settled", receipt="回执1")
    assert (settled.state, settled.outcome) == (State.CLOSED, Outcome.SETTLED_ELSEWHERE)
    assert settled.transfer.receipt == "回执1"
    away = take(office, ma, rectifying(office), Transfer, to="区住建局", reason="…", reply_due_at=later(days=3))
    back = take(office, ma, away, TransferReply, result="returned", receipt="回执2", due_at=later(days=9))
    assert (back.state, back.due_at, back.reply_due_at) == (State.ACCEPTED, later(days=9), None)


def test_what_was_closed_is_opened_again_within_thirty_days():
    office = Office()
    hazard = closed(office, category="EB-04")
    with pytest.raises(TooOld):
        take(office, ma, hazard, Reopen, later(days=31), reason="复发", due_at=later(days=40))
    opened = take(office, ma, hazard, Reopen, later(days=29), reason="复发", due_at=later(days=40))
    assert (opened.state, opened.outcome, opened.closed_at) == (State.ACCEPTED, None, None)
    assert (opened.due_at, opened.deadline_number, opened.times_reopened) == (later(days=40), 2, 1)
    assert (opened.quantity_done, opened.lead, opened.look_back_due_at) == (0, None, None)


def test_what_was_rejected_or_merged_is_opened_again_too():
    office = Office()
    rejected = take(office, li, reported(office), Reject, reason="非隐患")
    opened = take(office, ma, rejected, Reopen, reason="复核成立", due_at=later(days=3))
    assert (opened.state, opened.accepted_at) == (State.ACCEPTED, NOW)
    merged = take(office, li, reported(office), Merge, into=opened.id)
    assert take(office, ma, merged, Reopen, reason="并案有误", due_at=later(days=3)).merged_into is None
    unclear = take(office, li, reported(office, category="OT-99"), Reject, reason="非隐患")
    with pytest.raises(Invalid):
        take(office, ma, unclear, Reopen, reason="复核成立", due_at=later(days=3))
    assert (
        take(office, ma, unclear, Reopen, reason="复核成立", due_at=later(days=3), priority="high").priority == "high"
    )


def test_a_closed_hazard_is_evaluated_by_its_reporter_or_a_supervisor():
    office = Office()
    hazard = closed(office)
    with pytest.raises(Forbidden):
        take(office, li, hazard, Evaluate, score=5)
    by_reporter = take(office, wang, hazard, Evaluate, score=4, words="及时")
    assert (by_reporter.evaluation.score, by_reporter.state) == (4, State.CLOSED)
    assert take(office, ma, by_reporter, Evaluate, score=3).evaluation.by == "ma"


@pytest.mark.parametrize("make", [reported, accepted, assigned, rectifying])
def test_an_open_hazard_is_cancelled_with_a_reason(make):
    office = Office()
    ended = take(office, ma, make(office), Cancel, reason="误建")
    assert (ended.state, ended.next_check_at) == (State.CANCELLED, None)
    assert ended.state not in OPEN
    with pytest.raises(WrongState):
        take(office, ma, ended, Cancel, reason="误建")


def test_a_party_without_an_account_may_have_to_fix_it():
    office = Office()
    hazard = accepted(office)
    with pytest.raises(Invalid):
        take(office, li, hazard, Assign)
    with pytest.raises(Invalid):
        take(office, li, hazard, Assign, responsible_party=PARTY, assisting=("zhao",))
    given = take(office, li, hazard, Assign, responsible_party=PARTY)
    assert (given.state, given.lead, given.start_due_at) == (State.ASSIGNED, None, None)
    done = fix(office, given, who=li, on_behalf_of="某物业")
    assert (done.fixed_by, done.state) == ("某物业", State.PENDING_RECHECK)


def test_a_recheck_at_expiry_says_what_was_found_and_changes_nothing_else():
    office = Office()
    hazard = rectifying(office)
    with pytest.raises(Invalid):
        take(office, li, hazard, Recheck, result="expired", note="仍未整改")
    with pytest.raises(Invalid):
        take(office, li, hazard, Recheck, later(days=9), result="expired")
    found = take(office, li, hazard, Recheck, later(days=9), result="expired", note="仍未整改")
    assert (found.state, found.due_at) == (State.RECTIFYING, hazard.due_at)
    assert "recheck.refused" in possible(found)


def test_whoever_was_handed_it_anew_signs_anew():
    office = Office()
    hazard = assigned(office)
    anew = take(office, li, hazard, Assign, later(hours=3), lead="sun")
    assert anew.stage_number == hazard.stage_number + 1
    assert anew.start_due_at >= hazard.start_due_at
    assert take(office, sun, anew, Start, later(hours=4)).start_due_at is None


def test_a_fix_is_planned_to_be_looked_at_again_where_its_category_says_so():
    office = Office()
    assert closed(office, category="EV-03").look_back_due_at is not None
    assert closed(office, category="FF-01").look_back_due_at is None


def test_the_history_tells_every_deadline():
    office = Office()
    hazard = rectifying(office)
    hazard = take(office, ma, asked(office, hazard), DecideExtension, granted=True)
    hazard = take(office, ma, suspended(office, hazard), Resume, later(days=2))
    hazard = fix(office, hazard, now=later(days=3))
    told = replayed(office.history(hazard.id))
    for name in told.__struct_fields__:
        assert getattr(told, name) == getattr(hazard, name) or getattr(hazard, name) is None
