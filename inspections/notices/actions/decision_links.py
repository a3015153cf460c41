"""Creates the links by which recipients of a notice decide the request that it is about."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from inspections.accounts.decision_links import LIFETIME, DecisionLink
from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.change import Change
from inspections.hazards.lifecycle import possible_steps
from inspections.hazards.records import Hazard
from inspections.notices.actions.delivery import present_recipients
from inspections.notices.recipients import MAJOR
from inspections.notices.repository import NoticeRepository

STEP_BY_LINK = {"request_extension": "decide_extension", MAJOR: "confirm_major"}
"""The kinds of notices with a link, each with the step that the link takes."""


class WantedLink(NamedTuple):
    """A link for one recipient of a notice of this kind. `digest`: of its token."""

    kind: str
    hazard: UUID
    username: str
    digest: str


def create_decision_links(
    repository: NoticeRepository, wanted: Sequence[WantedLink], now: datetime
) -> Change[frozenset[str]]:
    """Creates the links whose request still waits, for recipients who may decide it; returns their digests."""
    hazards = {each.id: each for each in repository.hazards(list({each.hazard for each in wanted}))}
    people = present_recipients(repository, list({each.username for each in wanted}), now)
    by_name = {person.username: person for person in people}
    links: list[DecisionLink] = []
    for each in wanted:
        step, hazard, person = STEP_BY_LINK[each.kind], hazards.get(each.hazard), by_name.get(each.username)
        if hazard and person and may_decide(person, step, hazard):
            expires_at = now + LIFETIME
            links.append(DecisionLink(each.digest, each.username, hazard.id, step, hazard.version, now, expires_at))
    return Change(frozenset(link.digest for link in links), tuple(links))


def may_decide(person: Person, step: str, hazard: Hazard) -> bool:
    """Tells whether the hazard waits for this step and the person may take it."""
    return step in possible_steps(hazard) and scope(person, f"step.{step}").covers(hazard)
