from datetime import timedelta
from uuid import uuid5

from msgspec.structs import replace

from inspections.actions.clocks import claim_job, escalate
from inspections.hazards import State
from inspections.steps import Assign, Note, Recheck
from tests.inspections.office import NOW, Office, later, li
from tests.inspections.test_steps import accepted, fix, rectifying, take


def swept(office, now):
    return office.do(escalate, now, 10).recorded


def escalations(office, hazard):
    return [line for line in office.history(hazard.id) if line.step == "escalate"]


def test_an_overdue_hazard_gets_one_escalation_however_often_the_sweep_looks():
    office = Office()
    hazard = accepted(office)
    after = later(days=10)
    assert [due.id for due in office.due(after, 10)] == [hazard.id]
    assert swept(office, after) == 1
    assert office.due(after, 10) == []
    assert swept(office, after) == 0
    (line,) = escalations(office, hazard)
    assert (line.by, line.facts["deadline_number"]) == ("system", 1)


def test_an_escalation_leaves_the_version_alone():
    office = Office()
    hazard = accepted(office)
    swept(office, later(days=10))
    assert take(office, li, hazard, Assign, now=later(days=10), lead="zhao").state is State.ASSIGNED
    assert [line.seq for line in office.history(hazard.id)] == [1, 2, 3, 4]


def test_a_sweep_set_back_to_before_its_own_work_does_not_repeat_it():
    office = Office()
    hazard = accepted(office)
    swept(office, later(days=10))
    office.keep(replace(office.hazard(hazard.id), next_check_at=hazard.due_at))
    assert swept(office, later(days=11)) == 0
    assert len(escalations(office, hazard)) == 1
    assert office.due(later(days=12), 10) == []


def test_a_new_deadline_can_be_missed_anew():
    office = Office()
    hazard = rectifying(office)
    swept(office, later(days=10))
    hazard = fix(office, office.hazard(hazard.id), now=later(days=10))
    hazard = take(
        office, li, hazard, Recheck, now=later(days=11), result="fail", reason="不彻底", due_at=later(days=12)
    )
    assert swept(office, later(days=13)) == 1
    assert [line.facts["deadline_number"] for line in escalations(office, hazard)] == [1, 2]


def test_nobody_can_take_the_place_of_an_escalation():
    """The server's own lines have ids that cannot be guessed, and a note is no escalation."""
    office = Office()
    hazard = accepted(office)
    swept(office, later(days=10))
    other = accepted(office)
    take(office, li, other, Note, id=uuid5(other.id, "escalate/1/overdue"), note="…")
    assert swept(office, later(days=10)) == 1
    assert escalations(office, other)[0].id != escalations(office, hazard)[0].id


def test_a_job_is_done_by_one_and_not_again_before_its_time():
    office = Office()
    assert office.do(claim_job, "orphans", NOW, timedelta(days=1))
    assert not office.do(claim_job, "orphans", later(hours=23), timedelta(days=1))
    assert office.do(claim_job, "orphans", later(days=1), timedelta(days=1))
    assert not office.do(claim_job, "orphans", later(days=1), timedelta(days=1))


def test_the_index_narrows_but_the_verdict_decides():
    office = Office()
    hazard = accepted(office)
    early = replace(hazard, next_check_at=later(days=-1))
    office.keep(early)
    assert swept(office, later(hours=1)) == 0
    assert office.hazard(hazard.id).next_check_at == hazard.due_at
    assert swept(office, later(hours=1)) == 0
