"""A supervisor without a session sees one request by a link from a notice, and decides it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.actions.delegations import person_with_delegations
from inspections.accounts.decision_links import KEPT_AFTER_EXPIRY, DecisionLink
from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.accounts.second_factor import SecondFactor, SubmittedCode, consume_code
from inspections.accounts.security_profile import SecurityProfile
from inspections.accounts.throttling import PER_ADDRESS, PER_LINK
from inspections.change import Change
from inspections.errors import InactiveDecisionLink, NotFound
from inspections.fix_links.actions.party_links import increment_counter
from inspections.fix_links.repository import FixLinkRepository
from inspections.hazards.records import Hazard, HazardWithPhotos
from inspections.notices.actions.decision_links import may_decide
from inspections.notices.recipients import PROPOSING_STEPS
from inspections.photos.evidence import DeclaredPhoto
from inspections.remediation.actions.steps import answer_repeated_step, take_step
from inspections.remediation.pending_decisions import PendingDecision, pending_extension, pending_major
from inspections.remediation.steps import ConfirmMajor, DecideExtension

_PROPOSALS = (*sorted(PROPOSING_STEPS), "confirm_major")


class DecisionCase(NamedTuple):
    """The request that a link shows. `factor`: the second factor whose code a decision needs; None: it needs none."""

    link: DecisionLink
    person: Person
    request: PendingDecision
    photos: Sequence[DeclaredPhoto]
    factor: SecondFactor | None


def count_decision_request(
    repository: FixLinkRepository, digest: str, address: str, now: datetime
) -> Change[DecisionLink | None]:
    """Counts a request against its address and link. Returns the link, or None for an unknown token.

    Raises TooManyRequests.
    """
    link = repository.find_decision_link(digest)
    keys = [(f"address {address}", PER_ADDRESS), *([(f"decision {digest}", PER_LINK)] if link else [])]
    counters = [increment_counter(repository, key, limit, now) for key, limit in keys]
    new = tuple(after for before, after in counters if before is None)
    return Change(link, new, tuple((before, after) for before, after in counters if before is not None))


def load_decision(repository: FixLinkRepository, digest: str, now: datetime, profile: SecurityProfile) -> DecisionCase:
    """Loads what a link shows. Raises NotFound, InactiveDecisionLink, ExpiredPassword, MissingSecondFactor."""
    link, hazard = _find_link_and_hazard(repository, digest)
    person = _find_person(repository, link, now)
    _check_link(link, person, hazard, now)
    factor = _required_factor(repository, person, now, profile)
    return DecisionCase(
        link, person, _describe_request(repository, link, hazard), repository.declared_photos([hazard.id]), factor
    )


def decide_by_link(
    repository: FixLinkRepository,
    digest: str,
    step: DecideExtension | ConfirmMajor,
    code: SubmittedCode | None,
    now: datetime,
    profile: SecurityProfile,
) -> Change[HazardWithPhotos]:
    """Decides the request of a link in its person's name, once; a repetition gets the same answer.

    The account is locked before the link is read again, so that a reset ends it before or after this use.

    Raises as `load_decision` and `take_step`; MissingTotpCode, InvalidCredentials for a missing or wrong code.
    """
    found, hazard = _find_link_and_hazard(repository, digest)
    repository.lock_person(found.username)
    if (link := repository.get(DecisionLink, digest)) is None:
        raise NotFound("link")
    person, earlier = _find_person(repository, link, now), repository.history_entry(step.id)
    if link.used_at and earlier and (earlier.by, earlier.hazard) == (person.username, hazard.id):
        return Change(answer_repeated_step(repository, person, step, earlier))
    _check_link(link, person, hazard, now)
    if step.name != link.step:
        raise InactiveDecisionLink("ended")
    factor = _required_factor(repository, person, now, profile)
    used: list[tuple[Struct, Struct]] = [(link, replace(link, used_at=now))]
    if factor is not None:
        used.append((factor, consume_code(factor, code)))
    done = take_step(repository, person, hazard.id, step, now)
    return replace(done, changed=(*done.changed, *used))


def delete_expired_links(repository: FixLinkRepository, now: datetime, limit: int) -> Change[int]:
    """Deletes at most `limit` decision links that expired a month ago. Returns how many were deleted."""
    over = repository.old_decision_links(now - KEPT_AFTER_EXPIRY, limit)
    return Change(len(over), removed=tuple(over))


def _find_link_and_hazard(repository: FixLinkRepository, digest: str) -> tuple[DecisionLink, Hazard]:
    """Finds a link, unlocked, and its hazard. Raises NotFound."""
    link = repository.find_decision_link(digest)
    hazard = repository.hazard(link.hazard) if link else None
    if link is None or hazard is None:
        raise NotFound("link")
    return link, hazard


def _find_person(repository: FixLinkRepository, link: DecisionLink, now: datetime) -> Person:
    """Returns the person of a link with the grants in effect now. Raises InactiveDecisionLink."""
    person = repository.person(link.username)
    if person is None or not person.active:
        raise InactiveDecisionLink("revoked")
    return person_with_delegations(repository, person, now).with_current_grants(now)


def _check_link(link: DecisionLink, person: Person, hazard: Hazard, now: datetime) -> None:
    """Raises InactiveDecisionLink unless the person may still decide by the link."""
    over = {
        "used": link.used_at is not None,
        "revoked": not scope(person, f"step.{link.step}").covers(hazard),
        "ended": hazard.version != link.version or not may_decide(person, link.step, hazard),
        "expired": link.expires_at <= now,
    }
    if why := next((why for why, holds in over.items() if holds), None):
        raise InactiveDecisionLink(why)


def _required_factor(
    repository: FixLinkRepository, person: Person, now: datetime, profile: SecurityProfile
) -> SecondFactor | None:
    """Returns the second factor that a sign-in would ask for. Raises ExpiredPassword, MissingSecondFactor."""
    factor = repository.get(SecondFactor, person.username)
    if unmet := profile.unmet_requirement(person, factor, now):
        raise unmet
    return factor if factor and factor.confirmed_at else None


def _describe_request(repository: FixLinkRepository, link: DecisionLink, hazard: Hazard) -> PendingDecision:
    if link.step == DecideExtension.__struct_config__.tag:
        return pending_extension(hazard)
    proposing = {each.code for each in repository.categories() if each.proposes_major}
    return pending_major(hazard, repository.history_of_steps(hazard.id, _PROPOSALS, 0), proposing)
