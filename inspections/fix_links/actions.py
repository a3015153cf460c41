"""Actions on links of the responsible party: create, revoke, open, and use once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.accounts.policy import acting_for, scope
from inspections.accounts.throttling import PER_ADDRESS, PER_LINK, TRIES_KEPT, WINDOW, Tally, counted
from inspections.change import Change
from inspections.errors import (
    Forbidden,
    IdConflict,
    IdTaken,
    Invalid,
    Missing,
    PhotosMissing,
    TooMany,
    differing,
)
from inspections.fix_links.links import SENDS, FixLink, NewLink, check_stands, expires
from inspections.fix_links.repository import FixLinkRepository
from inspections.hazards.history import NewLine, append_history, comparable
from inspections.hazards.records import OPEN, Dossier, Entry, Hazard
from inspections.photos.evidence import Shown
from inspections.photos.records import Stage
from inspections.remediation.actions.reporting import facts_of
from inspections.remediation.actions.steps import again, taken, visible
from inspections.remediation.steps import SubmitFix

MAKE, REVOKE = "make_link", "revoke_link"


class Made(NamedTuple):
    """A created link. `repeated`: the same request had created it before, and its token is no longer known."""

    link: FixLink
    repeated: bool


class Notice(NamedTuple):
    """The notice that a link shows: its hazard, photos from before the fix, and the line that created the link."""

    link: FixLink
    hazard: Hazard
    before: list[Shown]
    line: Entry


def reached(repository: FixLinkRepository, person: Person, hazard_id: UUID, action: str) -> Hazard:
    """Returns the hazard if this person may take this action on its links. Raises Missing, Forbidden."""
    hazard = visible(repository, person, hazard_id)
    if not scope(person, action).covers(hazard):
        raise Forbidden
    return hazard


def make_link(
    repository: FixLinkRepository, person: Person, hazard_id: UUID, new: NewLink, digest: str, now: datetime
) -> Change[Made]:
    """Creates a link with its history line; the hazard's `version` stays, so that a prepared step still fits.

    Raises Missing, Forbidden, IdConflict, IdTaken, Invalid.
    """
    hazard = reached(repository, person, hazard_id, "link.make")
    if (earlier := repository.entry(new.id)) is not None:
        return Change(Made(_made_before(repository, person, hazard, new, earlier), repeated=True))
    _check_may_have_one(hazard)
    link = FixLink(new.id, hazard.id, digest, person.username, now, expires(hazard, new.days, now))
    after, line = append_history(
        repository,
        hazard,
        replace(hazard, updated_at=now),
        NewLine(
            new.id,
            MAKE,
            person.username,
            now,
            {**facts_of(new), "expires_at": link.expires_at},
            acting_for(person, "link.make", hazard),
        ),
    )
    return Change(Made(link, repeated=False), (line, link), ((hazard, after),))


def _made_before(
    repository: FixLinkRepository, person: Person, hazard: Hazard, new: NewLink, earlier: Entry
) -> FixLink:
    if earlier.by != person.username:
        raise IdTaken
    link = repository.kept(FixLink, new.id)
    if link is None or earlier.hazard != hazard.id:
        raise IdConflict(["hazard" if link else "id"])
    kept = comparable(earlier, facts_of(new)) | {"id": new.id}
    del kept["expires_at"]
    if fields := differing(msgspec.convert(kept, NewLink, strict=False), new, NewLink.__struct_fields__):
        raise IdConflict(fields)
    return link


def _check_may_have_one(hazard: Hazard) -> None:
    if hazard.state not in OPEN:
        raise Invalid(("hazard", "该隐患已经办结，不能再发整改链接"))
    if hazard.responsible_party is None:
        raise Invalid(("responsible_party", "请先填写整改责任主体"))


def revoke_link(
    repository: FixLinkRepository, person: Person, hazard_id: UUID, link_id: UUID, now: datetime
) -> Change[FixLink]:
    """Revokes a link and returns it; a used or revoked link stays as it is. Raises Missing, Forbidden."""
    hazard = reached(repository, person, hazard_id, "link.revoke")
    link = repository.kept(FixLink, link_id)
    if link is None or link.hazard != hazard.id:
        raise Missing("link")
    if link.used_at or link.revoked_at:
        return Change(link)
    revoked = replace(link, revoked_at=now)
    after, line = append_history(
        repository,
        hazard,
        replace(hazard, updated_at=now),
        NewLine(
            repository.new_id(),
            REVOKE,
            person.username,
            now,
            {"link": str(link.id)},
            acting_for(person, "link.revoke", hazard),
        ),
    )
    return Change(revoked, (line,), ((hazard, after), (link, revoked)))


def links_of(repository: FixLinkRepository, person: Person, hazard_id: UUID) -> Sequence[FixLink]:
    """Links of a hazard, the newest first. Raises Missing, Forbidden."""
    return repository.fix_links(reached(repository, person, hazard_id, "link.see").id)


# requests with a token --------------------------------------------------------------------------------------------


def knock(
    repository: FixLinkRepository, digest: str, address: str, now: datetime, counts: Literal["opened", "sent"] | None
) -> Change[FixLink | None]:
    """Counts a request against its address and link. Returns the link, or None for an unknown token. Raises TooMany."""
    changes = [_tallied(repository, f"address {address}", PER_ADDRESS, now)]
    found = repository.fix_link_of(digest)
    link = repository.kept(FixLink, found.id) if found else None
    if link is not None:
        if counts == "sent" and link.sent >= SENDS:
            raise TooMany("该链接的提交次数已用完，请联系街道重新开具", retry_after=int(WINDOW.total_seconds()))
        changes.append(_tallied(repository, f"link {link.id}", PER_LINK, now))
        if counts is not None:
            changes.append((link, replace(link, **{counts: getattr(link, counts) + 1})))
    new = tuple(after for before, after in changes if before is None)
    return Change(link, new, tuple((before, after) for before, after in changes if before is not None))


def _tallied(repository: FixLinkRepository, key: str, limit: int, now: datetime) -> tuple[Struct | None, Struct]:
    before = repository.kept(Tally, key)
    return before, counted(before, key, limit, now)


def forget_tallies(repository: FixLinkRepository, now: datetime, limit: int) -> Change[int]:
    """Deletes counters of past windows and failures: they no longer matter, and addresses are not kept longer."""
    over = repository.old_tallies(now - max(WINDOW, TRIES_KEPT), limit)
    return Change(len(over), removed=tuple(over))


def noticed(repository: FixLinkRepository, digest: str, now: datetime) -> Notice:
    """Loads the notice of a valid link. Raises Missing, LinkOver."""
    link, hazard = _behind(repository, digest)
    history = repository.history(hazard.id)
    check_stands(link, hazard, history, now)
    before = [each for each in repository.shown([hazard.id]) if each.mention.stage is Stage.BEFORE and each.present]
    line = next(line for line in history if line.id == link.id)
    return Notice(link, hazard, list({each.mention.sha256: each for each in before}.values()), line)


def standing(repository: FixLinkRepository, digest: str, now: datetime) -> FixLink:
    """Returns the link if it is still valid. Raises Missing, LinkOver."""
    link, hazard = _behind(repository, digest)
    check_stands(link, hazard, repository.history(hazard.id), now)
    return link


def _behind(repository: FixLinkRepository, digest: str) -> tuple[FixLink, Hazard]:
    """Finds a link and its hazard. The hazard is read first, in the lock order of all actions that change both."""
    found = repository.fix_link_of(digest)
    hazard = repository.hazard(found.hazard) if found else None
    link = repository.kept(FixLink, found.id) if found else None
    if hazard is None or link is None:
        raise Missing("link")
    return link, hazard


def fix_by_link(repository: FixLinkRepository, digest: str, step: SubmitFix, now: datetime) -> Change[Dossier]:
    """Submits the party's fix (整改) and ends the link, so its photos must be present. A repeat gets the same answer.

    Raises Missing, LinkOver, IdConflict, IdTaken, Stale, WrongState, Invalid, PhotosMissing.
    """
    link, hazard = _behind(repository, digest)
    sender = link.sender
    earlier = repository.entry(step.id)
    if earlier is not None and earlier.by == sender.username:
        return Change(again(repository, replace(step, on_behalf_of=earlier.facts["on_behalf_of"]), earlier))
    check_stands(link, hazard, repository.history(hazard.id), now)
    if earlier is not None:
        raise IdTaken
    _check_is_the_party_s(step)
    party = hazard.responsible_party
    named = replace(step, on_behalf_of=party.name if party else sender.name)
    done = taken(repository, sender, hazard, named, now)
    mine = [each for each in done.answer.shown if each.mention.entry == step.id]
    if gone := [each.mention.sha256 for each in mine if not each.present]:
        raise PhotosMissing(gone)
    return replace(done, changed=(*done.changed, (link, replace(link, used_at=now))))


def _check_is_the_party_s(step: SubmitFix) -> None:
    if step.on_behalf_of is not None:
        raise Invalid(("on_behalf_of", "通过链接提交的，整改人即责任主体，不必填写"))
    if any(photo.stage is not Stage.AFTER for photo in step.photos):
        raise Invalid(("photos", "通过链接只能提交整改后照片"))
