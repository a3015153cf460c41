"""Actions on links of the responsible party: create, revoke, open, submit a fix once, and evaluate."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.accounts.policy import find_delegator, scope
from inspections.accounts.throttling import (
    ATTEMPT_RETENTION,
    PER_ADDRESS,
    PER_LINK,
    WINDOW,
    AttemptCounter,
    add_request,
)
from inspections.change import Change
from inspections.errors import (
    Forbidden,
    IdConflict,
    IdOwnerConflict,
    InvalidInput,
    MissingPhotos,
    NotFound,
    TooManyRequests,
)
from inspections.fix_links.links import (
    MAX_SUBMISSIONS,
    FixLink,
    NewLink,
    check_link_is_active,
    check_link_may_submit,
    link_expiry,
    shows_progress,
)
from inspections.fix_links.repository import FixLinkRepository
from inspections.hazards.deadlines import can_still_be_evaluated
from inspections.hazards.history import NewEntry, append_history, comparable_facts
from inspections.hazards.lifecycle import possible_steps
from inspections.hazards.records import OPEN_STATES, Hazard, HazardWithPhotos, HistoryEntry
from inspections.photos.evidence import DeclaredPhoto
from inspections.photos.records import Stage
from inspections.remediation.actions.reporting import history_facts
from inspections.remediation.actions.second_look import record_origin
from inspections.remediation.actions.steps import answer_repeated_step, apply_step, get_visible_hazard
from inspections.remediation.fix_origins import RequestOrigin
from inspections.remediation.steps import Evaluate, SubmitFix
from inspections.request_texts import clean_texts, differing_fields

MAKE, REVOKE = "make_link", "revoke_link"


class CreatedLink(NamedTuple):
    """A created link. `repeated`: the same request had created it before, and its token is no longer known."""

    link: FixLink
    repeated: bool


class PartyNotice(NamedTuple):
    """The notice that a link shows: its hazard, photos from before the fix, and the line that created the link."""

    link: FixLink
    hazard: Hazard
    before: list[DeclaredPhoto]
    line: HistoryEntry


class CaseProgress(NamedTuple):
    """The progress that a link shows after its fix, or once its case is closed.

    `may_evaluate`: the closing can be evaluated now; `evaluated`: this link has evaluated it.
    """

    link: FixLink
    hazard: Hazard
    may_evaluate: bool
    evaluated: bool


def authorized_hazard(repository: FixLinkRepository, person: Person, hazard_id: UUID, action: str) -> Hazard:
    """Returns the hazard if this person may take this action on its links. Raises NotFound, Forbidden."""
    hazard = get_visible_hazard(repository, person, hazard_id)
    if not scope(person, action).covers(hazard):
        raise Forbidden
    return hazard


def make_link(
    repository: FixLinkRepository, person: Person, hazard_id: UUID, new: NewLink, digest: str, now: datetime
) -> Change[CreatedLink]:
    """Creates a link with its history line; the hazard's `version` stays, so that a prepared step still fits.

    Raises NotFound, Forbidden, IdConflict, IdOwnerConflict, InvalidInput.
    """
    hazard = authorized_hazard(repository, person, hazard_id, "link.make")
    if (earlier := repository.history_entry(new.id)) is not None:
        return Change(CreatedLink(_existing_link(repository, person, hazard, new, earlier), repeated=True))
    _check_link_preconditions(hazard)
    new = clean_texts(new)
    link = FixLink(new.id, hazard.id, digest, person.username, now, link_expiry(hazard, new.days, now))
    after, line = append_history(
        repository,
        hazard,
        replace(hazard, updated_at=now),
        NewEntry(
            new.id,
            MAKE,
            person.username,
            now,
            {**history_facts(new), "expires_at": link.expires_at},
            find_delegator(person, "link.make", hazard),
        ),
    )
    return Change(CreatedLink(link, repeated=False), (line, link), ((hazard, after),))


def _existing_link(
    repository: FixLinkRepository, person: Person, hazard: Hazard, new: NewLink, earlier: HistoryEntry
) -> FixLink:
    if earlier.by != person.username:
        raise IdOwnerConflict
    link = repository.get(FixLink, new.id)
    if link is None or earlier.hazard != hazard.id:
        raise IdConflict(["hazard" if link else "id"])
    kept = comparable_facts(earlier, history_facts(new)) | {"id": new.id}
    del kept["expires_at"]
    if fields := differing_fields(msgspec.convert(kept, NewLink, strict=False), new, NewLink.__struct_fields__):
        raise IdConflict(fields)
    return link


def _check_link_preconditions(hazard: Hazard) -> None:
    if hazard.state not in OPEN_STATES:
        raise InvalidInput(("hazard", "该隐患已经办结，不能再发整改链接"))
    if hazard.responsible_party is None:
        raise InvalidInput(("responsible_party", "请先填写整改责任主体"))


def revoke_link(
    repository: FixLinkRepository, person: Person, hazard_id: UUID, link_id: UUID, now: datetime
) -> Change[FixLink]:
    """Revokes a link and returns it; a revoked one stays as it is. Raises NotFound, Forbidden.

    A used link can be revoked too: it shows the progress of the case and takes an evaluation.
    """
    hazard = authorized_hazard(repository, person, hazard_id, "link.revoke")
    link = repository.get(FixLink, link_id)
    if link is None or link.hazard != hazard.id:
        raise NotFound("link")
    if link.revoked_at:
        return Change(link)
    revoked = replace(link, revoked_at=now)
    after, line = append_history(
        repository,
        hazard,
        replace(hazard, updated_at=now),
        NewEntry(
            repository.new_id(),
            REVOKE,
            person.username,
            now,
            {"link": str(link.id)},
            find_delegator(person, "link.revoke", hazard),
        ),
    )
    return Change(revoked, (line,), ((hazard, after), (link, revoked)))


def hazard_links(repository: FixLinkRepository, person: Person, hazard_id: UUID) -> Sequence[FixLink]:
    """Links of a hazard, the newest first. Raises NotFound, Forbidden."""
    return repository.fix_links(authorized_hazard(repository, person, hazard_id, "link.see").id)


# requests with a token --------------------------------------------------------------------------------------------


def count_link_request(
    repository: FixLinkRepository, digest: str, address: str, now: datetime, counts: Literal["opened", "sent"] | None
) -> Change[FixLink | None]:
    """Counts a request against its address and link. Returns the link, or None for an unknown token.

    Raises TooManyRequests.
    """
    changes = [increment_counter(repository, f"address {address}", PER_ADDRESS, now)]
    found = repository.fix_link_by_digest(digest)
    link = repository.get(FixLink, found.id) if found else None
    if link is not None:
        if counts == "sent" and link.sent >= MAX_SUBMISSIONS:
            raise TooManyRequests("该链接的提交次数已用完，请联系街道重新开具", retry_after=int(WINDOW.total_seconds()))
        changes.append(increment_counter(repository, f"link {link.id}", PER_LINK, now))
        if counts is not None:
            changes.append((link, replace(link, **{counts: getattr(link, counts) + 1})))
    new = tuple(after for before, after in changes if before is None)
    return Change(link, new, tuple((before, after) for before, after in changes if before is not None))


def increment_counter(
    repository: FixLinkRepository, key: str, limit: int, now: datetime
) -> tuple[Struct | None, Struct]:
    """Counts a request under a key; returns the counter before and after. Raises TooManyRequests."""
    before = repository.get(AttemptCounter, key)
    return before, add_request(before, key, limit, now)


def delete_expired_counters(repository: FixLinkRepository, now: datetime, limit: int) -> Change[int]:
    """Deletes counters of past windows and failures: they no longer matter, and addresses are not kept longer."""
    over = repository.old_attempt_counters(now - max(WINDOW, ATTEMPT_RETENTION), limit)
    return Change(len(over), removed=tuple(over))


def load_party_case(repository: FixLinkRepository, digest: str, now: datetime) -> PartyNotice | CaseProgress:
    """Loads what a link shows: its notice, or after its fix the progress of the case. Raises NotFound, InactiveLink."""
    link, hazard = _find_link_and_hazard(repository, digest)
    if not shows_progress(link, hazard):
        return load_party_notice(repository, digest, now)
    line = _creation_line(repository, link)
    check_link_is_active(link, hazard, _later_assignments(repository, link, line), now)
    may_evaluate = "evaluate" in possible_steps(hazard) and can_still_be_evaluated(hazard, now)
    return CaseProgress(link, hazard, may_evaluate, _has_evaluated(link, hazard))


def _has_evaluated(link: FixLink, hazard: Hazard) -> bool:
    return hazard.evaluation is not None and hazard.evaluation.by == link.sender.username


def load_party_notice(repository: FixLinkRepository, digest: str, now: datetime) -> PartyNotice:
    """Loads the notice of a link that may still submit a fix. Raises NotFound, InactiveLink."""
    link, hazard, line = _find_valid_link(repository, digest, now)
    before = [
        each
        for each in repository.declared_photos([hazard.id])
        if each.mention.stage is Stage.BEFORE and each.is_present
    ]
    return PartyNotice(link, hazard, list({each.mention.sha256: each for each in before}.values()), line)


def get_valid_link(repository: FixLinkRepository, digest: str, now: datetime) -> FixLink:
    """Returns the link if it may still submit a fix. Raises NotFound, InactiveLink."""
    return _find_valid_link(repository, digest, now)[0]


def _find_valid_link(repository: FixLinkRepository, digest: str, now: datetime) -> tuple[FixLink, Hazard, HistoryEntry]:
    """Finds a link that may submit, its hazard and the line that created it. Raises NotFound, InactiveLink."""
    link, hazard = _find_link_and_hazard(repository, digest)
    return link, hazard, _check_submission(repository, link, hazard, now)


def _check_submission(repository: FixLinkRepository, link: FixLink, hazard: Hazard, now: datetime) -> HistoryEntry:
    """Returns the line that created a link that may submit a fix. Raises InactiveLink."""
    line = _creation_line(repository, link)
    check_link_may_submit(link, hazard, _later_assignments(repository, link, line), now)
    return line


def _creation_line(repository: FixLinkRepository, link: FixLink) -> HistoryEntry:
    line = repository.history_entry(link.id)
    if line is None:
        raise AssertionError  # a link is written together with its line
    return line


def _later_assignments(repository: FixLinkRepository, link: FixLink, line: HistoryEntry) -> Sequence[HistoryEntry]:
    """The assignments after the link was created, without reading the whole history."""
    return repository.history_of_steps(link.hazard, ("assign",), line.seq)


def _find_link_and_hazard(repository: FixLinkRepository, digest: str) -> tuple[FixLink, Hazard]:
    """Finds a link and its hazard. The hazard is read first, in the lock order of all actions that change both."""
    found = repository.fix_link_by_digest(digest)
    hazard = repository.hazard(found.hazard) if found else None
    link = repository.get(FixLink, found.id) if found else None
    if hazard is None or link is None:
        raise NotFound("link")
    return link, hazard


def submit_fix_by_link(
    repository: FixLinkRepository, digest: str, step: SubmitFix, now: datetime, origin: RequestOrigin | None = None
) -> Change[HazardWithPhotos]:
    """Submits the party's fix (整改), the only one of the link, so its photos must be present.

    A repeat gets the same answer.

    `origin`: of the request, compared with that of the re-check (decision 38).
    Raises NotFound, InactiveLink, IdConflict, IdOwnerConflict, VersionConflict, WrongState, InvalidInput,
    MissingPhotos.
    """
    link, hazard = _find_link_and_hazard(repository, digest)
    sender = link.sender
    earlier = repository.history_entry(step.id)
    if earlier is not None and earlier.by == sender.username:
        repetition = replace(step, on_behalf_of=earlier.facts["on_behalf_of"])
        return Change(answer_repeated_step(repository, sender, repetition, earlier))
    _check_submission(repository, link, hazard, now)
    if earlier is not None:
        raise IdOwnerConflict
    _check_party_fields(step)
    party = hazard.responsible_party
    named = replace(step, on_behalf_of=party.name if party else sender.name)
    done = apply_step(repository, sender, hazard, named, now)
    mine = [each for each in done.answer.photos if each.mention.entry == step.id]
    if gone := [each.mention.sha256 for each in mine if not each.is_present]:
        raise MissingPhotos(gone)
    sent = record_origin(repository, hazard, origin, now)
    changed = (*done.changed, (link, replace(link, used_at=now)), *sent.changed)
    return replace(done, new=(*done.new, *sent.new), changed=changed, removed=(*done.removed, *sent.removed))


def evaluate_by_link(
    repository: FixLinkRepository, digest: str, step: Evaluate, now: datetime
) -> Change[HazardWithPhotos]:
    """Takes the party's evaluation (评价) of a closing; a repeat gets the same answer.

    Raises NotFound, InactiveLink, IdConflict, IdOwnerConflict, VersionConflict, WrongState, LateEvaluation.
    """
    link, hazard = _find_link_and_hazard(repository, digest)
    sender = link.sender
    earlier = repository.history_entry(step.id)
    if earlier is not None and (earlier.by, earlier.hazard) == (sender.username, hazard.id):
        return Change(answer_repeated_step(repository, sender, step, earlier))
    assignments = _later_assignments(repository, link, _creation_line(repository, link))
    check_link_is_active(link, hazard, assignments, now)
    if earlier is not None:
        raise IdOwnerConflict
    return apply_step(repository, sender, hazard, step, now)


def _check_party_fields(step: SubmitFix) -> None:
    if step.on_behalf_of is not None:
        raise InvalidInput(("on_behalf_of", "通过链接提交的，整改人即责任主体，不必填写"))
    if any(photo.stage is not Stage.AFTER for photo in step.photos):
        raise InvalidInput(("photos", "通过链接只能提交整改后照片"))
