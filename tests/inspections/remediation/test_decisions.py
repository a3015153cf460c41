"""Decisions of supervisors: extensions, suspensions, major hazards, transfers, reopening and cancellation."""

from datetime import UTC, datetime, timedelta

import pytest

from inspections.errors import Forbidden, InvalidFields, InvalidInput, NotFound, WrongState
from inspections.hazards.history import replay_clocks
from inspections.hazards.lifecycle import possible_steps
from inspections.hazards.records import OPEN_STATES, Outcome, Party, State
from inspections.office.categories import RemainingTime, Severity, TimeUnit
from inspections.remediation.actions.decisions import LateEvaluation, LateReopenRequest
from inspections.remediation.actions.handling import LateExtensionRequest
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
from tests.builders.office import NOW, Office, later, li, ma, new_id, sun, wang, zhao
from tests.builders.reports import report_new_hazard
from tests.builders.steps import accepted_hazard, assigned_hazard, closed_hazard, fix, rectifying_hazard, take
from tests.builders.supervisor_decisions import FIVE, suspend_hazard

PARTY = Party("property", "某物业")


def request_extension(office, hazard, days=10, now=NOW):
    return take(office, zhao, hazard, RequestExtension, now, due_at=later(days=days), reason="配件未到")


def test_an_extension_keeps_the_original_deadline_and_numbers_the_new_one():
    office = Office()
    hazard = rectifying_hazard(office)
    waiting = request_extension(office, hazard)
    assert (waiting.due_at, waiting.extension.by) == (hazard.due_at, "zhao")
    with pytest.raises(WrongState):
        request_extension(office, waiting)
    with pytest.raises(Forbidden):
        take(office, li, waiting, DecideExtension, granted=True)
    granted = take(office, ma, waiting, DecideExtension, granted=True)
    assert (granted.due_at, granted.original_due_at) == (later(days=10), hazard.due_at)
    assert (granted.deadline_number, granted.times_extended, granted.extension) == (2, 1, None)
    again = request_extension(office, granted, days=20)
    with pytest.raises(InvalidInput):
        take(office, ma, again, DecideExtension, granted=True)
    twice = take(office, ma, again, DecideExtension, granted=True, reason="工程量大", due_at=later(days=15))
    assert (twice.due_at, twice.original_due_at) == (later(days=15), hazard.due_at)


def test_an_extension_must_be_requested_before_expiry_and_for_a_later_date():
    office = Office()
    hazard = rectifying_hazard(office)
    with pytest.raises(LateExtensionRequest):
        request_extension(office, hazard, days=30, now=later(days=9))
    with pytest.raises(InvalidInput):
        take(office, zhao, hazard, RequestExtension, due_at=later(hours=1), reason="配件未到")


def test_a_refused_extension_changes_no_deadline():
    office = Office()
    hazard = rectifying_hazard(office)
    waiting = request_extension(office, hazard)
    with pytest.raises(InvalidInput):
        take(office, ma, waiting, DecideExtension, granted=False)
    refused = take(office, ma, waiting, DecideExtension, granted=False, reason="可按期完成")
    assert (refused.due_at, refused.deadline_number, refused.extension) == (hazard.due_at, 1, None)
    lapsed = fix(office, request_extension(office, refused))
    assert lapsed.extension is None


def test_an_extension_request_lapses_when_the_work_ends():
    office = Office()
    waiting = request_extension(office, assigned_hazard(office))
    assert take(office, zhao, waiting, Start).extension == waiting.extension
    ends = (
        (li, Assign, {"lead": "sun"}),
        (wang, Verify, {"outcome": "self_resolved", "note": "无"}),
        (ma, Cancel, {"reason": "误建"}),
        (ma, Transfer, {"to": "区住建局", "reason": "职责"}),
        (zhao, Return, {"reason": "非本单位"}),
    )
    for who, kind, facts in ends:
        assert take(office, who, request_extension(office, assigned_hazard(office)), kind, **facts).extension is None


def test_a_suspended_hazard_gets_no_deadline():
    office = Office()
    stands = suspend_hazard(office, take(office, li, rectifying_hazard(office), ProposeMajor, basis="住人"))
    facts = {"authority": "街道", "document": "1号"}
    with pytest.raises(InvalidInput):
        take(office, ma, stands, ConfirmMajor, due_at=later(days=1), **facts)
    assert take(office, ma, stands, ConfirmMajor, **facts).due_at is None


def test_an_extension_cannot_be_granted_into_the_past():
    office = Office()
    waiting = request_extension(office, rectifying_hazard(office), days=5)
    with pytest.raises(InvalidInput):
        take(office, ma, waiting, DecideExtension, later(days=6), granted=True)


@pytest.mark.parametrize(("make", "state"), [(assigned_hazard, State.ASSIGNED), (rectifying_hazard, State.RECTIFYING)])
def test_a_resumed_clock_continues_with_the_remaining_time(make, state):
    office = Office()
    hazard = make(office)  # three working days from a Monday: until the end of Thursday
    stands = suspend_hazard(office, hazard, later(days=1))
    assert (stands.state, stands.due_at) == (State.SUSPENDED, None)
    assert stands.suspension.left == RemainingTime(2, TimeUnit.WORKING_DAYS, 22 * 3600)
    assert stands.next_check_at < stands.review_due_at
    with pytest.raises(WrongState):
        take(office, zhao, stands, Start)
    goes_on = take(office, ma, stands, Resume, later(days=11))  # a Friday
    assert goes_on.state is state
    assert goes_on.due_at == hazard.due_at + timedelta(days=12)  # Monday and Tuesday: until the end of that one
    assert (goes_on.deadline_number, goes_on.review_due_at, goes_on.suspension) == (1, None, None)


def test_an_overdue_hazard_is_still_overdue_after_a_suspension():
    office = Office()
    hazard = rectifying_hazard(office)
    stands = suspend_hazard(office, hazard, later(days=9))
    assert take(office, ma, stands, Resume, later(days=10)).due_at == hazard.due_at


@pytest.mark.parametrize("days", [-1, 0, 400])
def test_a_suspension_needs_a_review_date_within_bounds(days):
    office = Office()
    with pytest.raises(InvalidInput):
        suspend_hazard(office, rectifying_hazard(office), days=days)


def test_a_major_hazard_is_proposed_confirmed_and_supervised_with_its_arrangements():
    office = Office()
    hazard = take(office, li, accepted_hazard(office), ProposeMajor, basis="合用场所违规住人")
    assert (hazard.major_proposed, hazard.severity) == (True, Severity.GENERAL)
    with pytest.raises(InvalidInput):
        take(office, ma, hazard, ConfirmMajor, authority="街道")
    with pytest.raises(Forbidden):
        take(office, li, hazard, ConfirmMajor, authority="街道", document="新街〔2026〕1号")
    major = take(office, ma, hazard, ConfirmMajor, authority="街道", document="新街〔2026〕1号")
    assert (major.severity, major.major.basis, major.due_at) == (Severity.MAJOR, "合用场所违规住人", hazard.due_at)
    with pytest.raises(InvalidInput):
        take(office, ma, major, Supervise, level="district", document="南督〔2026〕2号")
    watched = take(office, ma, major, Supervise, level="district", document="南督〔2026〕2号", arrangements=FIVE)
    assert watched.supervision.arrangements == FIVE
    assert take(office, ma, watched, Unsupervise, reason="已整改").supervision is None


def test_declining_a_major_proposal_needs_a_reason():
    office = Office()
    hazard = take(office, li, accepted_hazard(office), ProposeMajor, basis="住人")
    with pytest.raises(InvalidInput):
        take(office, ma, hazard, ConfirmMajor, confirmed=False)
    general = take(office, ma, hazard, ConfirmMajor, confirmed=False, reason="仅值班")
    assert (general.severity, general.major_proposed, general.major) == (Severity.GENERAL, False, None)
    with pytest.raises(WrongState):
        take(office, ma, general, ConfirmMajor, authority="街道", document="1号")


def test_a_category_s_proposal_as_major_is_confirmed_with_its_own_deadline():
    office = Office()
    hazard = accepted_hazard(office, category="MU-01")
    facts = {"authority": "街道", "document": "1号", "reason": "违规住人", "due_at": later(days=1)}
    major = take(office, ma, hazard, ConfirmMajor, **facts)
    assert (major.major.basis, major.due_at, major.deadline_number) == ("违规住人", later(days=1), 2)


def test_setting_a_cause_does_not_move_the_deadline():
    office = Office()
    hazard = accepted_hazard(office)
    caused = take(office, wang, hazard, SetCause, category="EL-02", reason="现场检测")
    assert (caused.category, caused.found_category, caused.due_at) == ("EL-02", "EV-03", hazard.due_at)
    again = take(office, li, caused, Reclassify, category="EL-01", reason="复核", due_at=later(days=1))
    assert (again.found_category, again.due_at, again.deadline_number) == ("EV-03", later(days=1), 2)
    for wrong, facts in (
        (InvalidInput, {"category": "EL-01"}),
        (InvalidInput, {"category": "EL-05"}),
        (NotFound, {"category": "X"}),
    ):
        with pytest.raises(wrong):
            take(office, li, again, Reclassify, reason="复核", **facts)
    with pytest.raises(InvalidInput):
        take(office, li, report_new_hazard(office), Reclassify, category="EL-01", reason="复核", due_at=later(days=1))


def test_a_transferred_hazard_is_settled_or_returned():
    office = Office()
    hazard = rectifying_hazard(office)
    with pytest.raises(InvalidInput):
        take(office, ma, hazard, Transfer, to="区住建局", reason="属住建职责", reply_due_at=NOW)
    away = take(office, ma, hazard, Transfer, to="区住建局", reason="属住建职责")
    assert (away.state, away.lead, away.transfer.to) == (State.TRANSFERRED, None, "区住建局")
    assert away.reply_due_at > NOW
    with pytest.raises(InvalidInput):
        take(office, ma, away, TransferReply, result="settled", receipt="回执1", due_at=later(days=3))
    settled = take(office, ma, away, TransferReply, result="settled", receipt="回执1")
    assert (settled.state, settled.outcome) == (State.CLOSED, Outcome.SETTLED_ELSEWHERE)
    assert settled.transfer.receipt == "回执1"
    away = take(office, ma, rectifying_hazard(office), Transfer, to="区住建局", reason="…", reply_due_at=later(days=3))
    back = take(office, ma, away, TransferReply, result="returned", receipt="回执2", due_at=later(days=9))
    assert (back.state, back.due_at, back.reply_due_at) == (State.ACCEPTED, later(days=9), None)


def test_a_closed_hazard_can_be_reopened_within_thirty_days():
    office = Office()
    hazard = closed_hazard(office, category="EB-04")
    with pytest.raises(LateReopenRequest):
        take(office, ma, hazard, Reopen, later(days=31), reason="复发", due_at=later(days=40))
    opened = take(office, ma, hazard, Reopen, later(days=29), reason="复发", due_at=later(days=40))
    assert (opened.state, opened.outcome, opened.closed_at) == (State.ACCEPTED, None, None)
    assert (opened.due_at, opened.deadline_number, opened.times_reopened) == (later(days=40), 2, 1)
    assert (opened.quantity_done, opened.lead, opened.look_back_due_at) == (0, None, None)


def test_a_rejected_or_merged_hazard_can_be_reopened_too():
    office = Office()
    rejected = take(office, li, report_new_hazard(office), Reject, reason="非隐患")
    opened = take(office, ma, rejected, Reopen, reason="复核成立", due_at=later(days=3))
    assert (opened.state, opened.accepted_at) == (State.ACCEPTED, NOW)
    merged = take(office, li, report_new_hazard(office), Merge, into=opened.id)
    assert take(office, ma, merged, Reopen, reason="并案有误", due_at=later(days=3)).merged_into is None
    unclear = take(office, li, report_new_hazard(office, category="OT-99"), Reject, reason="非隐患")
    with pytest.raises(InvalidInput):
        take(office, ma, unclear, Reopen, reason="复核成立", due_at=later(days=3))
    assert (
        take(office, ma, unclear, Reopen, reason="复核成立", due_at=later(days=3), priority="high").priority == "high"
    )


def test_a_closed_hazard_is_evaluated_by_its_reporter_or_a_supervisor():
    office = Office()
    hazard = closed_hazard(office)
    with pytest.raises(Forbidden):
        take(office, li, hazard, Evaluate, score=5)
    by_reporter = take(office, wang, hazard, Evaluate, score=4, words="及时")
    assert (by_reporter.evaluation.score, by_reporter.state) == (4, State.CLOSED)
    assert take(office, ma, closed_hazard(office), Evaluate, score=3).evaluation.by == "ma"


def test_a_closing_is_evaluated_once_and_within_thirty_days():
    office = Office()
    hazard = closed_hazard(office)
    assert "evaluate" in possible_steps(hazard)
    with pytest.raises(LateEvaluation) as late:
        take(office, wang, hazard, Evaluate, hazard.closed_at + timedelta(days=30, seconds=1), score=4)
    assert late.value.code == "evaluate.too_late"
    once = take(office, wang, hazard, Evaluate, hazard.closed_at + timedelta(days=30), score=4)
    assert "evaluate" not in possible_steps(once)
    with pytest.raises(WrongState):
        take(office, ma, once, Evaluate, score=3)


def test_a_reopened_hazard_keeps_its_evaluation_in_the_history_alone():
    office = Office()
    evaluated = take(office, wang, closed_hazard(office), Evaluate, score=1, words="又堆上了")
    opened = take(office, ma, evaluated, Reopen, reason="复发", due_at=later(days=40))
    assert opened.evaluation is None
    assert [line.facts["score"] for line in office.history(opened.id) if line.step == "evaluate"] == [1]
    with pytest.raises(WrongState):
        take(office, wang, opened, Evaluate, score=5)


@pytest.mark.parametrize("make", [report_new_hazard, accepted_hazard, assigned_hazard, rectifying_hazard])
def test_an_open_hazard_is_cancelled_with_a_reason(make):
    office = Office()
    ended = take(office, ma, make(office), Cancel, reason="误建")
    assert (ended.state, ended.next_check_at) == (State.CANCELLED, None)
    assert ended.state not in OPEN_STATES
    with pytest.raises(WrongState):
        take(office, ma, ended, Cancel, reason="误建")


def test_a_party_without_an_account_can_be_assigned():
    office = Office()
    hazard = accepted_hazard(office)
    with pytest.raises(InvalidInput):
        take(office, li, hazard, Assign)
    with pytest.raises(InvalidInput):
        take(office, li, hazard, Assign, responsible_party=PARTY, assisting=("zhao",))
    given = take(office, li, hazard, Assign, responsible_party=PARTY)
    assert (given.state, given.lead, given.start_due_at) == (State.ASSIGNED, None, None)
    done = fix(office, given, who=li, on_behalf_of="某物业")
    assert (done.fixed_by, done.state) == ("某物业", State.PENDING_RECHECK)


def test_a_recheck_at_expiry_is_recorded_and_changes_no_state():
    office = Office()
    hazard = rectifying_hazard(office)
    with pytest.raises(InvalidInput):
        take(office, li, hazard, Recheck, result="expired", note="仍未整改")
    with pytest.raises(InvalidInput):
        take(office, li, hazard, Recheck, later(days=9), result="expired")
    found = take(office, li, hazard, Recheck, later(days=9), result="expired", note="仍未整改")
    assert (found.state, found.due_at) == (State.RECTIFYING, hazard.due_at)
    assert "recheck.refused" in possible_steps(found)


def test_a_newly_assigned_handler_gets_a_new_start_clock():
    office = Office()
    hazard = assigned_hazard(office)
    anew = take(office, li, hazard, Assign, later(hours=3), lead="sun")
    assert anew.stage_number == hazard.stage_number + 1
    assert anew.start_due_at >= hazard.start_due_at
    assert take(office, sun, anew, Start, later(hours=4)).start_due_at is None


def test_a_look_back_is_planned_if_the_category_requires_it():
    office = Office()
    assert closed_hazard(office, category="EV-03").look_back_due_at is not None
    assert closed_hazard(office, category="FF-01").look_back_due_at is None


def test_every_deadline_can_be_replayed_from_the_history():
    office = Office()
    hazard = rectifying_hazard(office)
    hazard = take(office, ma, request_extension(office, hazard), DecideExtension, granted=True)
    hazard = take(office, ma, suspend_hazard(office, hazard), Resume, later(days=2))
    hazard = fix(office, hazard, now=later(days=3))
    replayed = replay_clocks(office.history(hazard.id))
    for name in replayed.__struct_fields__:
        assert getattr(replayed, name) == getattr(hazard, name) or getattr(hazard, name) is None


def test_a_deadline_out_of_range_is_refused_with_its_field():
    with pytest.raises(InvalidFields) as refused:
        RequestExtension(id=new_id(), version=1, due_at=datetime(9999, 1, 1, tzinfo=UTC), reason="等待材料")
    assert refused.value.errors == [("due_at", "时间超出范围")]
