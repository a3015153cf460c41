"""Separation of duties: what a person may not do on a hazard because of their own part in it, whatever their roles.

Roles say what an account may do (accounts/policy.py); these rules compare the people behind one hazard. Whoever acts
with powers that another person lends counts as both (accounts/delegations.py). Decision 38 has the reasons.
"""

from inspections.accounts.people import Person, is_person_name
from inspections.accounts.policy import find_delegator, scope
from inspections.errors import OwnRequest, OwnWork, SelfRecheck
from inspections.hazards.records import Hazard
from inspections.remediation.repository import RemediationRepository
from inspections.remediation.steps import (
    Cancel,
    ConfirmMajor,
    DecideExtension,
    Recheck,
    Reclassify,
    SetCause,
    Step,
    Suspend,
    Unsupervise,
    Verify,
)
from inspections.text import is_same_name

_JUDGING_STEPS = (Verify, DecideExtension, Suspend, Unsupervise, Cancel)
"""The steps that judge the work of the handlers, or release them from it."""
_LIMITED_STEPS = (Recheck, SetCause, Reclassify, ConfirmMajor, *_JUDGING_STEPS)


def check_duties(repository: RemediationRepository, person: Person, step: Step, hazard: Hazard) -> None:
    """Checks the person's own part in the hazard. Raises SelfRecheck, OwnWork, OwnRequest."""
    if not isinstance(step, _LIMITED_STEPS):
        return
    lender = find_delegator(person, f"step.{step.name}", hazard)
    is_handler = person.username in hazard.handlers or lender in hazard.handlers
    if isinstance(step, Recheck):
        acting = [person, repository.person(lender) if lender else None]
        if is_handler or any(_names_fixer(hazard, each, step) for each in acting if each):
            raise SelfRecheck
    elif is_handler and (isinstance(step, _JUDGING_STEPS) or _moves_deadline(step)):
        raise OwnWork(step=step.name)
    elif lender is not None and _applicant(repository, step, hazard) == person.username:
        raise OwnRequest(step=step.name)


def _names_fixer(hazard: Hazard, person: Person, step: Recheck) -> bool:
    """Tells whether the fix carries a name of this account. A refusal (拒改) re-checks no fix."""
    if hazard.fixed_by is None or step.result == "refused":
        return False
    return hazard.fixed_by == person.username or is_person_name(hazard.fixed_by, person)


def _moves_deadline(step: Step) -> bool:
    return isinstance(step, SetCause | Reclassify) and step.due_at is not None


def _applicant(repository: RemediationRepository, step: Step, hazard: Hazard) -> str | None:
    """Returns who asked for what this step grants; None if it grants nothing that a person asked for."""
    if isinstance(step, DecideExtension) and step.granted and hazard.extension:
        return hazard.extension.by
    if isinstance(step, ConfirmMajor) and step.confirmed:
        lines = repository.history_of_steps(hazard.id, ("accept", "propose_major"), 0)
        return next((each.by for each in reversed(lines) if each.step != "accept" or _is_major(each.facts)), None)
    return None


def _is_major(facts: dict[str, object]) -> bool:
    return facts.get("severity") == "major"


def is_uninvolved_account(repository: RemediationRepository, hazard: Hazard, name: str) -> bool:
    """Tells whether `name` is that of an account that is not involved in the hazard and could re-check its fix.

    Whoever is named as the fixer may not re-check, so nobody may name such a person. An account of another community
    could not re-check anyway, and stays as unknown here as a name without an account.
    """
    party = hazard.responsible_party
    if name in hazard.handlers or (party is not None and is_same_name(name, party.name)):
        return False
    named = repository.person(name)
    if named is not None and any(hazard.community.startswith(grant.scope) for grant in named.grants):
        return True
    return any(
        is_person_name(name, each) and each.username not in hazard.handlers and _may_recheck(each, hazard)
        for each in repository.people()
    )


def _may_recheck(person: Person, hazard: Hazard) -> bool:
    return person.active and scope(person, "step.recheck.pass").covers(hazard)
