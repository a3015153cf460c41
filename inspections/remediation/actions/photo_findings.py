"""Examines processed photos: compares them with each other, and with the time and place of the hazard."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.change import Change
from inspections.hazards.records import Hazard, HazardSummary, State
from inspections.notices.recipients import build_notices
from inspections.photos.evidence import Flag, find_flags
from inspections.remediation.actions.second_look import draw_for_recheck
from inspections.remediation.repository import RemediationRepository


def examine_photos(repository: RemediationRepository, now: datetime, limit: int) -> Change[int]:
    """Claims at most `limit` unexamined photos and records the flags of each.

    Of two similar photos, the one examined last finds the other, in whichever order they were declared or processed.
    A fix on the spot that was closed automatically is selected for a re-check if one of its photos gets a flag.
    """
    new: list[Struct] = []
    changed: list[tuple[Struct, Struct]] = []
    claimed = repository.unexamined_photos(limit)
    hazards = repository.hazard_summaries(mention.hazard for mention in claimed)
    photos = repository.photos(list({mention.sha256 for mention in claimed}))
    found = [each for each in claimed if each.hazard in hazards and each.sha256 in photos]
    pictures = [(mention, photos[mention.sha256].hash) for mention in found]
    flagged: dict[UUID, list[Flag]] = {}
    for mention, matches in zip(found, repository.photo_matches(pictures), strict=True):
        flags = find_flags(mention, photos[mention.sha256], hazards[mention.hazard], matches)
        changed.append((mention, replace(mention, examined=True, flags=flags)))
        flagged.setdefault(mention.hazard, []).extend(flags)
    for hazard_id, flags in flagged.items():
        if not flags or not _is_closed_by_itself(hazards[hazard_id]):
            continue
        if (hazard := repository.hazard(hazard_id)) and _is_closed_by_itself(hazard):  # locked, and still so
            kinds = sorted({flag.kind for flag in flags})
            drawn, line = draw_for_recheck(repository, hazard, now, 0, {"flags": kinds})
            changed.append((hazard, drawn))
            new += [line, *build_notices(repository, hazard, drawn, (line,), now)]
    return Change(len(claimed), tuple(new), tuple(changed))


def _is_closed_by_itself(hazard: Hazard | HazardSummary) -> bool:
    """Tells whether the hazard was closed automatically and no person has taken a step since its report."""
    return hazard.fixed_on_spot and hazard.state is State.CLOSED and hazard.version == 1
