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
    IdOwnerConflict,
    InvalidInput,
    MissingPhotos,
    NotFound,
    SelfRecheck,
    VersionConflict,
    WrongState,
)
from inspections.hazards.lifecycle import AUTOMATIC_STEPS, TRANSITIONS, possible_steps
from inspections.hazards.records import Hazard, Outcome, State
from inspections.office.categories import Category, Severity
from inspections.photos.actions.intake import receive_photos
from inspections.photos.evidence import missing_digests
from inspections.photos.records import PhotoState, Stage
from inspections.remediation.actions.photo_damage import record_damage
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
    new_id,
    person,
    photo,
    photo_declaration,
    qian,
    sun,
    wang,
    zhao,
)
from tests.builders.reports import report, report_new_hazard
from tests.builders.steps import (
    accepted_hazard,
    assigned_hazard,
    closed_hazard,
    fix,
    rectifying_hazard,
    submitted_hazard,
    take,
)


def test_a_hazard_passes_from_report_to_closed():
    office = Office()
    hazard = closed_hazard(office)
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
    hazard = accepted_hazard(Office())
    assert hazard.due_at == midnight(later(days=4).date())  # three working days after a Monday, at 24:00
    assert hazard.next_check_at == hazard.due_at - timedelta(days=1)  # the first reminder
    assert (hazard.accepted_at, hazard.deadline_number) == (NOW, 1)


def test_severity_major_is_a_proposal():
    office = Office()
    hazard = take(office, li, report_new_hazard(office), Accept, severity=Severity.MAJOR)
    assert (hazard.severity, hazard.major_proposed) == (Severity.GENERAL, True)
    assert take(office, li, report_new_hazard(office, category="MU-01"), Accept).major_proposed


def test_other_hazards_get_their_priority_on_acceptance():
    office = Office()
    hazard = report_new_hazard(office, category="OT-99")
    with pytest.raises(InvalidInput):
        take(office, li, hazard, Accept)
    assert take(office, li, hazard, Accept, priority="high").priority == "high"


def test_a_removed_category_is_reported_as_not_found():
    office = Office()
    hazard = report_new_hazard(office)
    office.category = lambda _: None
    with pytest.raises(NotFound):
        take(office, li, hazard, Accept)


def test_an_advisory_hazard_has_a_deadline_but_no_check():
    hazard = accepted_hazard(Office(), category="WN-03")
    assert hazard.due_at is not None
    assert hazard.next_check_at is None


def test_a_retried_step_returns_the_hazard_in_its_present_state():
    office = Office()
    hazard = report_new_hazard(office)
    step = Accept(id=new_id(), version=1)
    office.do(take_step, li, hazard.id, step, NOW)
    now = take(office, li, office.hazard(hazard.id), Assign, lead="zhao")
    assert office.do(take_step, li, hazard.id, step, later(hours=1)).hazard == now


def test_a_retried_step_with_other_facts_is_refused_with_the_differing_fields():
    office = Office()
    hazard = report_new_hazard(office)
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


def test_a_handler_may_retry_the_return_of_a_hazard():
    office = Office()
    hazard = assigned_hazard(office)
    step = Return(id=new_id(), version=hazard.version, reason="非本单位")
    returned = office.do(take_step, zhao, hazard.id, step, NOW).hazard
    assert (returned.state, returned.lead, returned.times_returned) == (State.ACCEPTED, None, 1)
    assert office.do(take_step, zhao, hazard.id, step, NOW).hazard == returned
    with pytest.raises(NotFound):
        take(office, zhao, returned, Note, note="…")


def test_an_id_used_by_another_person_or_hazard_is_refused():
    office = Office()
    hazard, other = report_new_hazard(office), report_new_hazard(office)
    step = Note(id=new_id(), version=1, note="…")
    office.do(take_step, li, hazard.id, step, NOW)
    with pytest.raises(IdOwnerConflict):
        office.do(take_step, wang, hazard.id, step, NOW)
    with pytest.raises(IdConflict) as refused:
        office.do(take_step, li, other.id, step, NOW)
    assert refused.value.facts == {"fields": ["hazard"]}


def test_a_hazard_missing_behind_its_history_is_not_found():
    office = Office()
    hazard = report_new_hazard(office)
    step = Note(id=new_id(), version=1, note="…")
    office.do(take_step, li, hazard.id, step, NOW)
    del office.records[Hazard, hazard.id]
    with pytest.raises(NotFound):
        office.do(take_step, li, hazard.id, step, NOW)
    with pytest.raises(NotFound):
        office.do(report_hazard, wang, report(id=hazard.id), NOW)


def test_refusals_follow_a_fixed_order():
    """The order is 404, 403, 409 for a stale version, 409 for a wrong state, 422."""
    office = Office()
    hazard = report_new_hazard(office)
    stale_wrong_and_bare = {"version": 9, "result": "fail"}
    with pytest.raises(NotFound):
        take(office, qian, hazard, Recheck, **stale_wrong_and_bare)
    with pytest.raises(NotFound):
        take(office, li, replace(hazard, id=new_id()), Recheck, **stale_wrong_and_bare)
    with pytest.raises(Forbidden):
        take(office, chen, hazard, Recheck, **stale_wrong_and_bare)
    with pytest.raises(VersionConflict) as stale:
        take(office, li, hazard, Recheck, **stale_wrong_and_bare)
    assert stale.value.facts == {"sent": 9, "current": 1}
    with pytest.raises(WrongState) as wrong:
        take(office, li, hazard, Recheck, result="fail")
    assert wrong.value.facts["possible"] == possible_steps(hazard)
    assert {"accept", "reject", "merge", "verify", "note"} <= set(possible_steps(hazard))
    assert not {"assign", "start", "unsupervise", "reopen"} & set(possible_steps(hazard))
    with pytest.raises(InvalidInput):
        take(office, li, submitted_hazard(office), Recheck, result="fail")


def test_a_handler_works_only_on_what_is_assigned():
    office = Office()
    hazard = take(office, li, accepted_hazard(office), Assign, lead="zhao", assisting=("sun",))
    assert take(office, sun, hazard, Start).state is State.RECTIFYING
    other = take(office, li, accepted_hazard(office), Assign, lead="zhao")
    with pytest.raises(NotFound):
        take(office, sun, other, Start)


@pytest.mark.parametrize(("lead", "assisting"), [("nobody", ()), ("li", ()), ("gone", ()), ("zhao", ("chen",))])
def test_only_handlers_of_the_community_are_assigned(lead, assisting):
    office = Office()
    office.keep(replace(person("gone", Role.HANDLER), active=False))
    with pytest.raises(InvalidInput):
        take(office, li, accepted_hazard(office), Assign, lead=lead, assisting=assisting)


def test_a_merge_needs_a_valid_master():
    office = Office()
    master, hazard = report_new_hazard(office), report_new_hazard(office)
    merged = take(office, li, hazard, Merge, into=master.id)
    assert (merged.state, merged.merged_into, merged.closed_at) == (State.DUPLICATE, master.id, NOW)
    with pytest.raises(NotFound):
        take(office, li, master, Merge, into=new_id())
    with pytest.raises(InvalidInput):
        take(office, li, master, Merge, into=master.id)
    with pytest.raises(InvalidInput):
        take(office, li, report_new_hazard(office), Merge, into=merged.id)
    foreign = replace(master, id=new_id(), community="330402009025")
    office.keep(foreign)
    with pytest.raises(NotFound):
        take(office, li, master, Merge, into=foreign.id)


def test_reject_and_verify_end_a_hazard():
    office = Office()
    assert take(office, li, report_new_hazard(office), Reject, reason="非隐患").state is State.REJECTED
    verified = take(office, wang, assigned_hazard(office), Verify, outcome="unfounded", note="无此情况")
    assert (verified.state, verified.outcome) == (State.CLOSED, Outcome.UNFOUNDED)
    with pytest.raises(InvalidInput):
        take(office, wang, assigned_hazard(office), Verify, outcome="unfounded")


def test_a_partly_fixed_hazard_cannot_be_unfounded():
    office = Office()
    hazard = fix(office, rectifying_hazard(office, quantity=3), quantity_done=2)
    part = take(office, li, hazard, Recheck, result="partial", quantity_done=1)
    with pytest.raises(InvalidInput):
        take(office, wang, part, Verify, outcome="unfounded", note="无此情况")
    assert take(office, wang, part, Verify, outcome="self_resolved", note="其余已自行消除").quantity_done == 1


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"photos": ()}, "photos"),
        ({"photos": (photo_declaration("b"),)}, "photos"),
        ({"quantity_done": 4}, "quantity_done"),
    ],
)
def test_an_invalid_fix_is_refused(facts, field):
    office = Office()
    with pytest.raises(InvalidInput) as refused:
        fix(office, rectifying_hazard(office, quantity=3), **facts)
    assert field in [error.field for error in refused.value.facts["errors"]]


def test_an_officer_records_a_fix_on_behalf_of_somebody_and_may_recheck_it():
    office = Office()
    hazard = rectifying_hazard(office)
    with pytest.raises(InvalidInput):
        fix(office, hazard, who=li)
    with pytest.raises(InvalidInput):
        fix(office, hazard, who=li, on_behalf_of="wang")  # this would bar an inspector from the recheck
    done = fix(office, hazard, who=li, on_behalf_of="李某商户")
    assert done.fixed_by == "李某商户"
    assert take(office, li, done, Recheck, result="pass", note="已整改").state is State.CLOSED


def test_a_person_may_not_recheck_their_own_fix():
    office = Office()
    both = person("both", Role.HANDLER, Role.OFFICER)
    office.keep(both)
    hazard = take(office, li, accepted_hazard(office), Assign, lead="both")
    hazard = fix(office, hazard, who=both)
    with pytest.raises(SelfRecheck):
        take(office, both, hazard, Recheck, result="pass", note="已整改")


def test_a_pass_needs_every_declared_photo_and_evidence():
    office = Office()
    hazard = rectifying_hazard(office)
    late = take(
        office, zhao, hazard, SubmitFix, method="清理", quantity_done=1, photos=(photo_declaration("c", Stage.AFTER),)
    )
    with pytest.raises(MissingPhotos) as refused:
        take(office, li, late, Recheck, result="pass", note="已整改")
    assert refused.value.facts == {"missing_photos": ["c" * 64]}
    office.do(receive_photos, zhao, [photo("c")], NOW)
    with pytest.raises(InvalidInput):
        take(office, li, late, Recheck, result="pass")
    assert take(office, li, late, Recheck, result="pass", note="已整改").state is State.CLOSED


def test_a_photo_that_proves_damaged_is_missing_again():
    office = Office()
    hazard = submitted_hazard(office)
    office.do(record_damage, "b" * 64, NOW)
    assert missing_digests(office.declared_photos([hazard.id])) == ["b" * 64]
    office.do(record_damage, "b" * 64, NOW)  # a second time changes nothing
    office.do(record_damage, "e" * 64, NOW)
    assert office.photo("b" * 64).state is PhotoState.DAMAGED


def test_a_photo_missing_from_one_may_come_from_another():
    office = Office()
    hazard = report_new_hazard(office)
    assert missing_digests(office.declared_photos([hazard.id])) == ["a" * 64]
    office.do(receive_photos, li, [photo("a")], NOW)
    take(office, li, hazard, Attach, photos=(photo_declaration("a"),))
    assert missing_digests(office.declared_photos([hazard.id])) == []


def test_a_failed_recheck_is_rework_with_a_new_deadline():
    office = Office()
    hazard = submitted_hazard(office)
    for due_at in (None, NOW):
        with pytest.raises(InvalidInput):
            take(office, li, hazard, Recheck, result="fail", reason="不彻底", due_at=due_at)
    failed = take(office, li, hazard, Recheck, result="fail", reason="不彻底", due_at=later(days=2))
    assert (failed.state, failed.times_reworked, failed.deadline_number) == (State.RECTIFYING, 1, 2)
    assert failed.due_at == later(days=2)
    assert failed.next_check_at == later(days=1)  # the reminder of a day before


def test_a_partial_recheck_confirms_a_part_and_is_no_rework():
    office = Office()
    hazard = fix(office, rectifying_hazard(office, quantity=3), quantity_done=2)
    with pytest.raises(InvalidInput):
        take(office, li, hazard, Recheck, result="pass", note="部分整改")
    for wrong in (None, 3):
        with pytest.raises(InvalidInput):
            take(office, li, hazard, Recheck, result="partial", quantity_done=wrong)
    claimed_one = fix(office, rectifying_hazard(office, quantity=3), quantity_done=1)
    with pytest.raises(InvalidInput):
        take(office, li, claimed_one, Recheck, result="partial", quantity_done=2)
    part = take(office, li, hazard, Recheck, result="partial", quantity_done=2)
    assert (part.state, part.quantity_done, part.times_reworked) == (State.RECTIFYING, 2, 0)
    assert part.due_at == hazard.due_at
    with pytest.raises(InvalidInput):
        fix(office, part, quantity_done=1)
    whole = take(office, li, fix(office, part), Recheck, result="pass", note="全部整改")
    assert whole.quantity_done == 3


def test_a_refusal_closes_only_after_the_deadline_and_with_measures():
    office = Office()
    hazard = rectifying_hazard(office)
    facts = {"result": "refused", "reason": "拒不整改", "note": "断电并张贴告知书"}
    with pytest.raises(InvalidInput):
        take(office, li, hazard, Recheck, **facts)
    with pytest.raises(InvalidInput):
        take(office, li, hazard, Recheck, now=later(days=30), result="refused")
    with pytest.raises(ValueError, match="due_at"):
        Recheck(id=new_id(), version=1, **facts, due_at=NOW)
    ended = take(office, li, hazard, Recheck, now=later(days=30), **facts)
    assert (ended.state, ended.outcome) == (State.CLOSED, Outcome.REFUSED_CONTROLLED)


def test_a_look_back_confirms_the_fix_or_opens_a_new_hazard():
    office = Office()
    hazard = closed_hazard(office)
    assert take(office, wang, hazard, LookBack, result="holds").rebounded_as is None
    hazard = office.hazard(hazard.id)
    with pytest.raises(InvalidInput):
        take(office, wang, hazard, LookBack, result="rebound")
    back = take(office, wang, hazard, LookBack, result="rebound", photos=(photo_declaration("a"),))
    (new,) = [each for each in office.all(Hazard) if each.recurrence_of == hazard.id]
    assert back.rebounded_as == new.id
    assert take(office, wang, back, LookBack, result="holds").rebounded_as == new.id
    with pytest.raises(IdConflict):
        office.do(report_hazard, wang, report(id=new.id), NOW)
    assert (new.state, new.source) == (State.REPORTED, "look_back")
    assert new.number > hazard.number
    assert [each.mention.sha256 for each in office.declared_photos([new.id])] == ["a" * 64]
    assert len(office.declared_photos([hazard.id])) == 2
    assert [line.step for line in office.history(new.id)] == ["rebound"]


def test_a_rebound_of_a_removed_category_is_reported_as_not_found():
    office = Office()
    hazard = closed_hazard(office)
    office.category = lambda _: None
    with pytest.raises(NotFound):
        take(office, wang, hazard, LookBack, result="rebound", photos=(photo_declaration("a"),))


def test_the_policy_and_the_transitions_name_the_same_steps():
    steps = {action.removeprefix("step.") for action in POLICY if action.startswith("step.")}
    assert steps == set(TRANSITIONS) - AUTOMATIC_STEPS


def test_a_category_may_lose_its_default_between_report_and_acceptance():
    office = Office()
    hazard = report_new_hazard(office)
    kept: Category = office.category("EV-03")
    office.category = lambda _: replace(kept, priority=None)
    assert take(office, li, hazard, Accept).priority == "normal"


@given(st.lists(st.integers(0, 14), min_size=1, max_size=25))
def test_no_sequence_of_steps_breaks_versions_or_history(choices):
    """Each step raises version and history by one, or changes nothing, in any order of steps."""
    office = Office()
    office.do(receive_photos, wang, [photo("a")], NOW)
    hazard = report_new_hazard(office, quantity=2)
    master = report_new_hazard(office)
    tries = [
        (li, Accept, {}),
        (li, Reject, {"reason": "非隐患"}),
        (li, Merge, {"into": master.id}),
        (wang, Verify, {"outcome": "false_alarm", "note": "无"}),
        (li, Assign, {"lead": "zhao"}),
        (zhao, Return, {"reason": "非本单位"}),
        (zhao, Start, {}),
        (zhao, SubmitFix, {"method": "清理", "quantity_done": 2, "photos": (photo_declaration("a", Stage.AFTER),)}),
        (zhao, SubmitFix, {"method": "清理", "quantity_done": 1, "photos": (photo_declaration("a", Stage.AFTER),)}),
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
        except (NotFound, Forbidden, WrongState, InvalidInput, MissingPhotos):
            assert office.hazard(hazard.id) == before
            continue
        assert after.version == before.version + 1
        assert after.state in {TRANSITIONS[move].get(before.state) for move in possible_steps(before)}
        assert (after.closed_at is not None) == (after.state in {State.CLOSED, State.REJECTED, State.DUPLICATE})
        assert after.quantity_done <= after.quantity
    history = office.history(hazard.id)
    assert [line.seq for line in history] == list(range(1, len(history) + 1))
    assert office.hazard(hazard.id).history_length == len(history)
