"""What waits for a supervisor says who asked for what, since when, and which deadline follows."""

from datetime import timedelta

from msgspec.structs import replace

from inspections.hazards.records import MajorBasis
from inspections.office.categories import CATALOGUE, Severity
from inspections.remediation.pending_decisions import (
    DecisionKind,
    pending_extension,
    pending_major,
    pending_suspension,
)
from inspections.remediation.steps import (
    Accept,
    ConfirmMajor,
    Note,
    ProposeMajor,
    Reclassify,
    RequestExtension,
    Resume,
)
from tests.builders.office import CALENDAR, NOW, Office, later, li, ma, zhao
from tests.builders.reports import report_new_hazard
from tests.builders.steps import accepted_hazard, rectifying_hazard, take
from tests.builders.supervisor_decisions import suspend_hazard

PROPOSING = {each.code for each in CATALOGUE if each.proposes_major}


def find_major(office, hazard):
    return pending_major(hazard, office.history(hazard.id), PROPOSING)


def test_a_request_for_a_longer_deadline_tells_both_deadlines():
    office = Office()
    hazard = rectifying_hazard(office, category="FF-01")
    asked = take(office, zhao, hazard, RequestExtension, later(hours=2), due_at=later(days=20), reason="配件未到")
    found = pending_extension(asked)
    assert (found.kind, found.by, found.since, found.reason) == ("extension", "zhao", later(hours=2), "配件未到")
    assert (found.due_at, found.new_due_at) == (hazard.due_at, later(days=20))


def test_a_suspension_waits_since_its_review_and_would_run_on_from_now():
    office = Office()
    hazard = rectifying_hazard(office, category="FF-01")
    stands = suspend_hazard(office, hazard, NOW, days=10)
    found = pending_suspension(stands, later(days=11), CALENDAR)
    assert (found.kind, found.by, found.since) == (DecisionKind.SUSPENSION, "ma", stands.review_due_at)
    assert (found.reason, found.due_at) == ("产权争议", hazard.due_at)
    assert found.new_due_at == take(office, ma, stands, Resume, later(days=11)).due_at


def test_a_suspension_of_an_overdue_hazard_keeps_its_deadline():
    office = Office()
    hazard = rectifying_hazard(office, category="FF-01")
    late = hazard.due_at + timedelta(hours=1)
    stands = suspend_hazard(office, hazard, late)
    assert pending_suspension(stands, late + timedelta(days=21), CALENDAR).new_due_at == hazard.due_at


def test_a_proposal_names_the_officer_and_the_basis():
    office = Office()
    hazard = take(office, li, accepted_hazard(office), ProposeMajor, later(hours=1), basis="合用场所住人")
    found = find_major(office, take(office, li, hazard, Note, later(hours=3), note="已告知"))
    assert (found.kind, found.by, found.since, found.reason) == ("major", "li", later(hours=1), "合用场所住人")
    assert (found.due_at, found.new_due_at) == (hazard.due_at, None)


def test_an_acceptance_as_major_is_a_proposal_without_a_reason():
    office = Office()
    hazard = take(office, li, report_new_hazard(office), Accept, later(minutes=5), severity=Severity.MAJOR)
    found = find_major(office, hazard)
    assert (found.by, found.since, found.reason) == ("li", later(minutes=5), None)


def test_a_category_that_proposes_major_hazards_does_so_when_it_is_accepted():
    office = Office()
    hazard = take(office, li, report_new_hazard(office, category="MU-01"), Accept, later(minutes=5), priority="urgent")
    assert find_major(office, hazard).since == later(minutes=5)
    again = take(office, li, hazard, Reclassify, later(hours=1), category="EV-03", reason="无人住宿")
    assert find_major(office, again).since == later(minutes=5)


def test_a_reclassification_proposes_with_its_reason():
    office = Office()
    hazard = take(office, li, accepted_hazard(office), Reclassify, later(hours=1), category="MU-01", reason="夹层住人")
    found = find_major(office, hazard)
    assert (found.by, found.since, found.reason) == ("li", later(hours=1), "夹层住人")


def test_a_second_proposal_waits_since_the_decision_on_the_first():
    office = Office()
    hazard = take(office, li, accepted_hazard(office), ProposeMajor, basis="初判")
    declined = take(office, ma, hazard, ConfirmMajor, later(hours=1), confirmed=False, reason="依据不足")
    again = take(office, li, declined, ProposeMajor, later(hours=2), basis="补充依据")
    found = find_major(office, again)
    assert (found.since, found.reason) == (later(hours=2), "补充依据")


def test_a_proposal_that_no_line_tells_waits_since_the_acceptance():
    """As in a hazard of an old ledger, or where the category proposed it by a policy that has changed since."""
    hazard = accepted_hazard(Office())
    imported = replace(hazard, major_proposed=True, major=MajorBasis("旧台账"))
    found = pending_major(imported, [], PROPOSING)
    assert (found.by, found.since, found.reason) == (None, hazard.accepted_at, "旧台账")
    assert pending_major(replace(hazard, accepted_at=None), [], PROPOSING).since == hazard.reported_at
