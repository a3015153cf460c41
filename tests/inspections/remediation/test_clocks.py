from datetime import timedelta
from uuid import uuid5

from msgspec.structs import replace

from inspections.hazards.records import Escalation, State
from inspections.jobs import claim_job
from inspections.notices.outbox import Notice
from inspections.office.categories import Severity
from inspections.remediation.actions.escalation import escalate
from inspections.remediation.steps import Assign, ConfirmMajor, Note, ProposeMajor, Recheck, Start
from tests.builders.office import NOW, Office, later, li, ma, zhao
from tests.builders.reports import report_new_hazard
from tests.builders.steps import accepted_hazard, assigned_hazard, fix, rectifying_hazard, take

FIX_RUNGS = ["fix.reminder.day", "fix.reminder", "fix.overdue", "fix.supervisor", "fix.supervise"]


def sweep(office, now):
    return office.do(escalate, now, 10).recorded


def escalations(office, hazard):
    return [line for line in office.history(hazard.id) if line.step == "escalate"]


def rungs(office, hazard):
    return [line.facts["rung"] for line in escalations(office, hazard)]


def clock_notices(office):
    """Return the kind and the role of every notice of a clock."""
    of_clocks = [notice for notice in office.all(Notice) if notice.kind.startswith(("accept.", "fix."))]
    return [(notice.kind, notice.tells) for notice in of_clocks]


def test_each_rung_is_recorded_once_however_often_the_sweep_looks():
    office = Office()
    hazard = accepted_hazard(office)
    now = NOW
    while now < later(days=12):
        sweep(office, now)
        assert sweep(office, now) == 0
        now += timedelta(minutes=30)
    assert rungs(office, hazard) == FIX_RUNGS
    assert office.hazard(hazard.id).next_check_at is None
    assert clock_notices(office) == [
        ("fix.reminder.day", "handler"),
        ("fix.reminder", "handler"),
        ("fix.overdue", "officer"),
        ("fix.supervisor", "supervisor"),
        ("fix.supervise", "supervisor"),
    ]
    assert escalations(office, hazard)[-1].facts["proposes"] == "supervise"


def test_after_an_outage_every_rung_is_recorded_and_only_the_highest_notifies():
    office = Office()
    hazard = accepted_hazard(office)
    assert sweep(office, later(days=30)) == len(FIX_RUNGS)
    assert rungs(office, hazard) == FIX_RUNGS
    assert clock_notices(office) == [("fix.supervise", "supervisor")]
    line = escalations(office, hazard)[0]
    assert (line.by, line.facts["deadline_number"]) == ("system", 1)


def test_a_notice_in_the_night_is_held_until_the_morning():
    office = Office()
    accepted_hazard(office)
    sweep(office, later(hours=14, days=3))  # 23:00 in Shanghai
    (notice,) = [notice for notice in office.all(Notice) if notice.kind.startswith("fix.")]
    assert notice.held_until == later(hours=22, days=3)  # 7:00


def test_an_escalation_does_not_change_the_version():
    office = Office()
    hazard = accepted_hazard(office)
    sweep(office, later(days=10))
    assert take(office, li, hazard, Assign, now=later(days=10), lead="zhao").state is State.ASSIGNED
    assert [line.seq for line in office.history(hazard.id)] == list(range(1, 4 + len(FIX_RUNGS)))


def test_a_shifted_system_clock_repeats_and_loses_no_rung():
    office = Office()
    hazard = accepted_hazard(office)
    sweep(office, hazard.due_at + timedelta(hours=1))
    office.keep(replace(office.hazard(hazard.id), next_check_at=hazard.due_at))
    for hours in (-24, -1, 0, 1, 24, 100, 99, 200):
        sweep(office, hazard.due_at + timedelta(hours=hours))
    assert rungs(office, hazard) == FIX_RUNGS


def test_a_step_before_the_first_sweep_after_an_outage_loses_no_rung():
    office = Office()
    hazard = assigned_hazard(office)
    take(office, zhao, hazard, Start, now=later(days=30))
    assert sorted(rungs(office, hazard)) == sorted([*FIX_RUNGS, "start.overdue"])
    assert sweep(office, later(days=30, seconds=1)) == 0
    assert office.hazard(hazard.id).next_check_at is None


def test_a_step_that_ends_an_overdue_clock_records_the_due_rungs_first():
    office = Office()
    hazard = rectifying_hazard(office)
    late = hazard.due_at + timedelta(seconds=1)
    waits = fix(office, hazard, now=late)
    assert rungs(office, hazard) == ["fix.reminder.day", "fix.reminder", "fix.overdue"]
    assert [line.step for line in office.history(hazard.id)][-2:] == ["escalate", "submit_fix"]
    assert clock_notices(office) == [("fix.overdue", "officer")]
    assert waits.version == hazard.version + 1
    assert sweep(office, later(days=30)) == len(["recheck.overdue", "recheck.supervisor"])
    assert len(office.all(Escalation)) == len(rungs(office, hazard))


def test_a_step_records_no_future_rung_and_repeats_no_recorded_one():
    office = Office()
    hazard = rectifying_hazard(office)
    sweep(office, hazard.due_at + timedelta(hours=1))
    fix(office, office.hazard(hazard.id), now=hazard.due_at + timedelta(hours=1))
    assert rungs(office, hazard) == ["fix.reminder.day", "fix.reminder", "fix.overdue"]
    early = rectifying_hazard(office)
    fix(office, early, now=later(hours=1))
    assert rungs(office, early) == []


def test_a_hazard_confirmed_as_major_gets_the_due_rungs_of_the_major_ladder():
    office = Office()
    hazard = assigned_hazard(office)
    near = hazard.due_at - timedelta(hours=30)
    proposed = take(office, li, hazard, ProposeMajor, now=near, basis="住人")
    take(office, ma, proposed, ConfirmMajor, now=near, authority="街道", document="新街〔2026〕1号")
    sweep(office, near + timedelta(seconds=1))
    assert "fix.reminder.days" in rungs(office, hazard)


def test_a_new_deadline_starts_its_rungs_again():
    office = Office()
    hazard = rectifying_hazard(office)
    sweep(office, later(days=10))
    hazard = fix(office, office.hazard(hazard.id), now=later(days=10))
    hazard = take(
        office, li, hazard, Recheck, now=later(days=11), result="fail", reason="不彻底", due_at=later(days=12)
    )
    sweep(office, later(days=13))
    numbers = [(line.facts["rung"], line.facts["deadline_number"]) for line in escalations(office, hazard)]
    assert ("fix.overdue", 1) in numbers
    assert ("fix.overdue", 2) in numbers
    assert ("fix.reminder.day", 2) not in numbers  # it would be due before the clock began


def test_every_stage_has_its_rungs():
    office = Office()
    hazard = report_new_hazard(office)
    sweep(office, later(hours=6))
    assert rungs(office, hazard) == ["accept.overdue"]
    hazard = accepted_hazard(office)
    hazard = take(office, li, hazard, Assign, lead="zhao")
    assert hazard.start_due_at is not None
    sweep(office, hazard.start_due_at)
    sweep(office, hazard.start_due_at + timedelta(seconds=1))
    assert rungs(office, hazard) == ["start.overdue"]
    waiting = fix(office, rectifying_hazard(office))
    assert waiting.start_due_at is None
    sweep(office, waiting.recheck_due_at + timedelta(seconds=1))
    assert rungs(office, waiting) == ["recheck.overdue"]


def test_a_major_hazard_has_its_own_ladder():
    office = Office()
    hazard = accepted_hazard(office)
    office.keep(replace(hazard, severity=Severity.MAJOR))
    sweep(office, hazard.due_at + timedelta(hours=3))
    assert "fix.supervisor" in rungs(office, hazard)


def test_a_note_cannot_replace_an_escalation():
    """Lines of the server have ids that cannot be guessed, and a note does not count as an escalation."""
    office = Office()
    hazard = accepted_hazard(office)
    sweep(office, later(days=10))
    other = accepted_hazard(office)
    take(office, li, other, Note, id=uuid5(other.id, "escalate/1/overdue"), note="…")
    assert sweep(office, later(days=10)) == len(FIX_RUNGS)
    assert escalations(office, other)[0].id != escalations(office, hazard)[0].id


def test_a_job_is_claimed_once_per_interval():
    office = Office()
    assert office.do(claim_job, "orphans", NOW, timedelta(days=1))
    assert not office.do(claim_job, "orphans", later(hours=23), timedelta(days=1))
    assert office.do(claim_job, "orphans", later(days=1), timedelta(days=1))
    assert not office.do(claim_job, "orphans", later(days=1), timedelta(days=1))


def test_a_check_that_comes_too_early_records_nothing():
    office = Office()
    hazard = accepted_hazard(office)
    early = replace(hazard, next_check_at=later(days=-1))
    office.keep(early)
    assert sweep(office, later(hours=1)) == 0
    assert office.hazard(hazard.id).next_check_at == hazard.next_check_at
    assert sweep(office, later(hours=1)) == 0
