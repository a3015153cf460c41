"""Which photos a step needs, which are still missing, and which fixes on the spot are looked at again."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from inspections.categories import Priority
from inspections.hazards import Hazard, Mention, Photo, PhotoMention, PhotoState, Stage

RECHECK_SAMPLE_PERCENT = 10
"""Share of fixes on the spot that are drawn for a re-check although nothing speaks against them."""


class Shown(NamedTuple):
    """A declared photo and how far it is. `photo` None: who declared it has neither sent its bytes nor seen it."""

    mention: Mention
    photo: Photo | None

    @property
    def present(self) -> bool:
        return self.photo is not None and self.photo.state is not PhotoState.DAMAGED


def missing(shown: Iterable[Shown]) -> list[str]:
    """Digests that were declared and have not arrived whole, by whichever way and whoever declared them."""
    shown = list(shown)
    present = {each.mention.sha256 for each in shown if each.present}
    return list(dict.fromkeys(each.mention.sha256 for each in shown if each.mention.sha256 not in present))


def has(photos: Iterable[PhotoMention], stage: Stage) -> bool:
    return any(photo.stage == stage for photo in photos)


def reasons_to_recheck(hazard: Hazard, *, photos_missing: bool) -> list[str]:
    """Why a fix on the spot does not close by itself: urgent and major always, a sample of the rest, any gap.

    The sample is drawn from facts that the server adds, so that nobody can pick an id that escapes it.
    """
    lot = hashlib.sha256(f"{hazard.id}{hazard.number}{hazard.reported_at.isoformat()}".encode()).digest()
    reasons = {
        "urgent": hazard.priority == Priority.URGENT,
        "major": hazard.major_proposed,
        "partial": hazard.quantity_claimed < hazard.quantity,
        "photos_missing": photos_missing,
        "sample": int.from_bytes(lot[:4], "big") % 100 < RECHECK_SAMPLE_PERCENT,
    }
    return [reason for reason, holds in reasons.items() if holds]
