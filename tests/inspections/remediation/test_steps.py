from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inspections.accounts.people import Role
from inspections.accounts.policy import POLICY
from inspections.calendar import midnight
from inspections.errors import (
    Forbidden,
    IdConflict,
    IdTaken,
    Invalid,
    Missing,
    OwnFix,
    PhotosMissing,
    Stale,
    WrongState,
)
from inspections.hazards.lifecycle import BY_ITSELF, MOVES, possible
from inspections.hazards.records import Hazard, Outcome, State
from inspections.office.categories import Category, Severity
from inspections.photos.actions.intake import receive_photos
from inspections.photos.evidence import missing
from inspections.photos.records import PhotoState, Stage
from inspections.remediation.actions.photo_damage import damaged
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import (
    Accept,
    Assign,
    Attach,
    LookBack,
    Merge,
    Note,
    Recheck,
    Reject,
    Return,
    Start,
    SubmitFix,
    Verify,
)
from tests.builders.office import (
    NOW,
    Office,
    chen,
    later,
    li,
    mention,
    new_id,
    person,
    photo,
    qian,
    sun,
    wang,
    zhao,
)
from tests.builders.reports import report, reported
from tests.builders.steps import accepted, assigned, closed, fix, rectifying, submitted, take


def test_the_loop_from_report_to_closed():
    office = Office()
    hazard = closed(office)
    assert (hazard.state, hazard.outcome, hazard.quantity_done, hazard.closed_at) == (
        State.CLOSED,
        Outcome.FIXED,
        1,
        NOW,
    )
    steps = ["report", "accept", "assign", "start", "submit_fix", "recheck.pass"]
    assert [line.step for line in office.history(hazard.id)] == steps
    assert [line.seq for line in office.history(hazard.id)] == [1, 2, 3, 4, 5, 6]
    assert hazard.next_check_at is None


def test_acceptance_starts_the_clock_of_the_category():
    hazard = accepted(Office())
    assert hazard.due_at == midnight(later(days=4).date())  # three working days after a Monday, at 24:00
    assert hazard.next_check_at == hazard.due_at - timedelta(days=1)  # the first reminder
    assert (hazard.accepted_at, hazard.deadline_number) == (NOW, 1)


def test_severity_major_is_a_proposal():
    office = Office()
    hazard = take(office, li, reported(office), Accept, severity=Severity.MAJOR)
    assert (hazard.severity, hazard.major_proposed) == (Severity.GENERAL, True)
    assert take(office, li, reported(office, category="MU-01"), Accept).major_proposed


def test_other_hazards_get_their_priority_on_acceptance():
    office = Office()
    hazard = reported(office, category="OT-99")
    with pytest.raises(Invalid):
        take(office, li, hazard, Accept)
    assert take(office, li, hazard, Accept, priority="high").priority == "high"


def test_a_category_that_is_gone_is_said():
    office = Office()
    hazard = reported(office)
    office.category = lambda _: None
    with pytest.raises(Missing):
        take(office, li, hazard, Accept)


def test_persuasion_has_a_target_but_no_sweep():
    hazard = accepted(Office(), category="WN-03")
    assert hazard.due_at is not None
    assert hazard.next_check_at is None


def test_a_retry_gets_the_same_object_in_its_present_state():
    office = Office()
    hazard = reported(office)
    step = Accept(id=new_id(), version=1)
    office.do(take_step, li, hazard.id, step, NOW)
    now = take(office, li, office.hazard(hazard.id), Assign, lead="zhao")
    assert office.do(take_step, li, hazard.id, step, later(hours=1)).hazard == now


def test_a_retry_with_other_facts_is_refused_with_what_differs():
    office = Office()
    hazard = reported(office)
    step = Reject(id=new_id(), version=1, reason="非隐患")
    office.do(take_step, li, hazard.id, step, NOW)
    for other, fields in (
        (replace(step, reason="重复"), ["reason"]),
        (replace(step, version=2), ["version"]),
        (Note(id=step.id, version=1, note="…"), ["step"]),
    ):
        with pytest.raises(IdConflict) as refused:
            office.do(take_step, li, hazard.id, other, NOW)
        assert refused.value.facts == {"fields": fields}


def test_who_returned_a_hazard_may_retry_although_it_is_no_longer_theirs():
    office = Office()
    hazard = assigned(office)
    step = Return(id=new_id(), version=hazard.version, reason="非本单位")
    returned = office.do(take_step, zhao, hazard.id, step, NOW).hazard
    assert (returned.state, returned.lead, returned.times_returned) == (State.ACCEPTED, None, 1)
    assert office.do(take_step, zhao, hazard.id, step, NOW).hazard == returned
    with pytest.raises(Missing):
        take(office, zhao, returned, Note, note="…")


def test_an_id_used_by_another_or_elsewhere_is_taken():
    office = Office()
    hazard, other = reported(office), reported(office)
    step = Note(id=new_id(), version=1, note="…")
    office.do(take_step, li, hazard.id, step, NOW)
    with pytest.raises(IdTaken):
        office.do(take_step, wang, hazard.id, step, NOW)
    with pytest.raises(IdConflict) as refused:
        office.do(take_step, li, other.id, step, NOW)
    assert refused.value.facts == {"fields": ["hazard"]}


def test_a_hazard_that_vanished_behind_its_history_is_missing():
    office = Office()
    hazard = reported(office)
    step = Note(id=new_id(), version=1, note="…")
    office.do(take_step, li, hazard.id, step, NOW)
    del office.records[Hazard, hazard.id]
    with pytest.raises(Missing):
        office.do(take_step, li, hazard.id, step, NOW)
    with pytest.raises(Missing):
        office.do(report_hazard, wang, report(id=hazard.id), NOW)


def test_order_of_refusal():
    """404 before 403 before 409 stale before 409 state before 422."""
    office = Office()
    hazard = reported(office)
    stale_wrong_and_bare = {"version": 9, "result": "fail"}
    with pytest.raises(Missing):
        take(office, qian, hazard, Recheck, **stale_wrong_and_bare)
    with pytest.raises(Missing):
        take(office, li, replace(hazard, id=new_id()), Recheck, **stale_wrong_and_bare)
    with pytest.raises(Forbidden):
        take(office, chen, hazard, Recheck, **stale_wrong_and_bare)
    with pytest.raises(Stale) as stale:
        take(office, li, hazard, Recheck, **stale_wrong_and_bare)
    assert stale.value.facts == {"sent": 9, "current": 1}
    with pytest.raises(WrongState) as wrong:
        take(office, li, hazard, Recheck, result="fail")
    assert wrong.value.facts["possible"] == possible(hazard)
    assert {"accept", "reject", "merge", "verify", "note"} <= set(possible(hazard))
    assert not {"assign", "start", "unsupervise", "reopen"} & set(possible(hazard))
    with pytest.raises(Invalid):
        take(office, li, submitted(office), Recheck, result="fail")


def test_a_handler_works_only_on_what_is_assigned():
    office = Office()
    hazard = take(office, li, accepted(office), Assign, lead="zhao", assisting=("sun",))
    assert take(office, sun, hazard, Start).state is State.RECTIFYING
    other = take(office, li, accepted(office), Assign, lead="zhao")
    with pytest.raises(Missing):
        take(office, sun, other, Start)


@pytest.mark.parametrize(("lead", "assisting"), [("nobody", ()), ("li", ()), ("gone", ()), ("zhao", ("chen",))])
def test_only_handlers_of_the_community_are_assigned(lead, assisting):
    office = Office()
    office.keep(replace(person("gone", Role.HANDLER), active=False))
    with pytest.raises(Invalid):
        take(office, li, accepted(office), Assign, lead=lead, assisting=assisting)


def test_merge_names_a_living_master():
    office = Office()
    master, hazard = reported(office), reported(office)
    merged = take(office, li, hazard, Merge, into=master.id)
    assert (merged.state, merged.merged_into, merged.closed_at) == (State.DUPLICATE, master.id, NOW)
    with pytest.raises(Missing):
        take(office, li, master, Merge, into=new_id())
    with pytest.raises(Invalid):
        take(office, li, master, Merge, into=master.id)
    with pytest.raises(Invalid):
        take(office, li, reported(office), Merge, into=merged.id)
    foreign = replace(master, id=new_id(), community="330402009025")
    office.keep(foreign)
    with pytest.raises(Missing):
        take(office, li, master, Merge, into=foreign.id)


def test_reject_and_verify_end_a_hazard():
    office = Office()
    assert take(office, li, reported(office), Reject, reason="非隐患").state is State.REJECTED
    verified = take(office, wang, assigned(office), Verify, outcome="unfounded", note="无此情况")
    assert (verified.state, verified.outcome) == (State.CLOSED, Outcome.UNFOUNDED)
    with pytest.raises(Invalid):
        take(office, wang, assigned(office), Verify, outcome="unfounded")


def test_what_is_done_in_part_cannot_turn_out_unfounded():
    office = Office()
    hazard = fix(office, rectifying(office, quantity=3), quantity_done=2)
    part = take(office, li, hazard, Recheck, result="partial", quantity_done=1)
    with pytest.raises(Invalid):
        take(office, wang, part, Verify, outcome="unfounded", note="无此情况")
    assert take(office, wang, part, Verify, outcome="self_resolved", note="其余已自行消除").quantity_done == 1


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"photos": ()}, "photos"),
        ({"photos": (mention("b"),)}, "photos"),
        ({"quantity_done": 4}, "quantity_done"),
    ],
)
def test_what_a_fix_needs(facts, field):
    office = Office()
    with pytest.raises(Invalid) as refused:
        fix(office, rectifying(office, quantity=3), **facts)
    assert field in [error.field for error in refused.value.facts["errors"]]


def test_an_officer_records_a_fix_on_behalf_of_somebody_and_may_recheck_it():
    office = Office()
    hazard = rectifying(office)
    with pytest.raises(Invalid):
        fix(office, hazard, who=li)
    with pytest.raises(Invalid):
        fix(office, hazard, who=li, on_behalf_of="wang")  # would bar an inspector from the re-check
    done = fix(office, hazard, who=li, on_behalf_of="李某商户")
    assert done.fixed_by == "李某商户"
    assert take(office, li, done, Recheck, result="pass", note="已整改").state is State.CLOSED


def test_nobody_rechecks_their_own_fix():
    office = Office()
    both = person("both", Role.HANDLER, Role.OFFICER)
    office.keep(both)
    hazard = take(office, li, accepted(office), Assign, lead="both")
    hazard = fix(office, hazard, who=both)
    with pytest.raises(OwnFix):
        take(office, both, hazard, Recheck, result="pass", note="已整改")


def test_a_pass_needs_every_declared_photo_and_evidence():
    office = Office()
    hazard = rectifying(office)
    late = take(office, zhao, hazard, SubmitFix, method="清理", quantity_done=1, photos=(mention("c", Stage.AFTER),))
    with pytest.raises(PhotosMissing) as refused:
        take(office, li, late, Recheck, result="pass", note="已整改")
    assert refused.value.facts == {"missing_photos": ["c" * 64]}
    office.do(receive_photos, zhao, [photo("c")], NOW)
    with pytest.raises(Invalid):
        take(office, li, late, Recheck, result="pass")
    assert take(office, li, late, Recheck, result="pass", note="已整改").state is State.CLOSED


def test_a_photo_that_proves_damaged_is_missing_again():
    office = Office()
    hazard = submitted(office)
    office.do(damaged, "b" * 64, NOW)
    assert missing(office.shown([hazard.id])) == ["b" * 64]
    office.do(damaged, "b" * 64, NOW)  # a second time changes nothing
    office.do(damaged, "e" * 64, NOW)
    assert office.photo("b" * 64).state is PhotoState.DAMAGED


def test_a_photo_missing_from_one_may_come_from_another():
    office = Office()
    hazard = reported(office)
    assert missing(office.shown([hazard.id])) == ["a" * 64]
    office.do(receive_photos, li, [photo("a")], NOW)
    take(office, li, hazard, Attach, photos=(mention("a"),))
    assert missing(office.shown([hazard.id])) == []


def test_a_failed_recheck_is_rework_with_a_new_deadline():
    office = Office()
    hazard = submitted(office)
    for due_at in (None, NOW):
        with pytest.raises(Invalid):
            take(office, li, hazard, Recheck, result="fail", reason="不彻底", due_at=due_at)
    failed = take(office, li, hazard, Recheck, result="fail", reason="不彻底", due_at=later(days=2))
    assert (failed.state, failed.times_reworked, failed.deadline_number) == (State.RECTIFYING, 1, 2)
    assert failed.due_at == later(days=2)
    assert failed.next_check_at == later(days=1)  # the reminder of a day before


def test_a_partial_recheck_confirms_a_part_and_is_no_rework():
    office = Office()
    hazard = fix(office, rectifying(office, quantity=3), quantity_done=2)
    with pytest.raises(Invalid):
        take(office, li, hazard, Recheck, result="pass", note="部分整改")
    for wrong in (None, 3):
        with pytest.raises(Invalid):
            take(office, li, hazard, Recheck, result="partial", quantity_done=wrong)
    claimed_one = fix(office, rectifying(office, quantity=3), quantity_done=1)
    with pytest.raises(Invalid):
        take(office, li, claimed_one, Recheck, result="partial", quantity_done=2)
    part = take(office, li, hazard, Recheck, result="partial", quantity_done=2)
    assert (part.state, part.quantity_done, part.times_reworked) == (State.RECTIFYING, 2, 0)
    assert part.due_at == hazard.due_at
    with pytest.raises(Invalid):
        fix(office, part, quantity_done=1)
    whole = take(office, li, fix(office, part), Recheck, result="pass", note="全部整改")
    assert whole.quantity_done == 3


def test_a_refusal_closes_only_after_the_deadline_and_with_measures():
    office = Office()
    hazard = rectifying(office)
    facts = {"result": "refused", "reason": "拒不整改", "note": "断电并张贴告知书"}
    with pytest.raises(Invalid):
        take(office, li, hazard, Recheck, **facts)
    with pytest.raises(Invalid):
        take(office, li, hazard, Recheck, now=later(days=30), result="refused")
    with pytest.raises(ValueError, match="due_at"):
        Recheck(id=new_id(), version=1, **facts, due_at=NOW)
    ended = take(office, li, hazard, Recheck, now=later(days=30), **facts)
    assert (ended.state, ended.outcome) == (State.CLOSED, Outcome.REFUSED_CONTROLLED)


def test_looking_back_finds_that_it_holds_or_makes_a_new_hazard():
    office = Office()
    hazard = closed(office)
    assert take(office, wang, hazard, LookBack, result="holds").rebounded_as is None
    hazard = office.hazard(hazard.id)
    with pytest.raises(Invalid):
        take(office, wang, hazard, LookBack, result="rebound")
    back = take(office, wang, hazard, LookBack, result="rebound", photos=(mention("a"),))
    (new,) = [each for each in office.all(Hazard) if each.recurrence_of == hazard.id]
    assert back.rebounded_as == new.id
    assert take(office, wang, back, LookBack, result="holds").rebounded_as == new.id
    with pytest.raises(IdConflict):
        office.do(report_hazard, wang, report(id=new.id), NOW)
    assert (new.state, new.source) == (State.REPORTED, "look_back")
    assert new.number > hazard.number
    assert [each.mention.sha256 for each in office.shown([new.id])] == ["a" * 64]
    assert len(office.shown([hazard.id])) == 2
    assert [line.step for line in office.history(new.id)] == ["rebound"]


def test_a_rebound_of_a_category_that_is_gone_is_said():
    office = Office()
    hazard = closed(office)
    office.category = lambda _: None
    with pytest.raises(Missing):
        take(office, wang, hazard, LookBack, result="rebound", photos=(mention("a"),))


def test_every_move_has_a_line_in_the_policy_and_the_other_way_round():
    steps = {action.removeprefix("step.") for action in POLICY if action.startswith("step.")}
    assert steps == set(MOVES) - BY_ITSELF


def test_a_category_may_lose_its_default_between_report_and_acceptance():
    office = Office()
    hazard = reported(office)
    kept: Category = office.category("EV-03")
    office.category = lambda _: replace(kept, priority=None)
    assert take(office, li, hazard, Accept).priority == "normal"


@given(st.lists(st.integers(0, 14), min_size=1, max_size=25))
def test_no_sequence_of_steps_breaks_the_record(choices):
    """Whatever is tried in whatever order: versions and history go up by one, or nothing changes at all."""
    office = Office()
    office.do(receive_photos, wang, [photo("a")], NOW)
    hazard = reported(office, quantity=2)
    master = reported(office)
    tries = [
        (li, Accept, {}),
        (li, Reject, {"reason": "非隐患"}),
        (li, Merge, {"into": master.id}),
        (wang, Verify, {"outcome": "false_alarm", "note": "无"}),
        (li, Assign, {"lead": "zhao"}),
        (zhao, Return, {"reason": "非本单位"}),
        (zhao, Start, {}),
        (zhao, SubmitFix, {"method": "清理", "quantity_done": 2, "photos": (mention("a", Stage.AFTER),)}),
        (zhao, SubmitFix, {"method": "清理", "quantity_done": 1, "photos": (mention("a", Stage.AFTER),)}),
        (li, Recheck, {"result": "pass", "note": "好"}),
        (li, Recheck, {"result": "fail", "reason": "差", "due_at": later(days=3)}),
        (li, Recheck, {"result": "partial", "quantity_done": 1}),
        (wang, Note, {"note": "…"}),
        (wang, LookBack, {"result": "holds"}),
        (li, Recheck, {"result": "refused", "reason": "拒", "note": "控"}),
    ]
    for choice in choices:
        who, kind, facts = tries[choice]
        before = office.hazard(hazard.id)
        try:
            after = take(office, who, before, kind, **facts)
        except (Missing, Forbidden, WrongState, Invalid, PhotosMissing):
            assert office.hazard(hazard.id) == before
            continue
        assert after.version == before.version + 1
        assert after.state in {MOVES[move].get(before.state) for move in possible(before)}
        assert (after.closed_at is not None) == (after.state in {State.CLOSED, State.REJECTED, State.DUPLICATE})
        assert after.quantity_done <= after.quantity
    history = office.history(hazard.id)
    assert [line.seq for line in history] == list(range(1, len(history) + 1))
    assert office.hazard(hazard.id).history_length == len(history)
