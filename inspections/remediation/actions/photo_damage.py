"""Marks damaged photos as missing and notifies their senders; claims photos to process."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from inspections.accounts.people import Role, is_link_username
from inspections.change import Change
from inspections.notices.outbox import Notice
from inspections.notices.recipients import DAMAGED, end_of_quiet_hours
from inspections.photos.records import Photo, PhotoState
from inspections.remediation.repository import RemediationRepository

CLAIM = timedelta(minutes=1)
TRIES = 5


def record_damage(repository: RemediationRepository, sha256: str, now: datetime) -> Change[None]:
    """Marks a photo as damaged, so that it counts as missing again, and notifies its senders."""
    photo = repository.photo(sha256)
    if photo is None or photo.state is not PhotoState.RECEIVED:
        return Change(None)
    return Change(None, _damage_notices(repository, photo, now), ((photo, _damaged_photo(photo)),))


def _damaged_photo(photo: Photo) -> Photo:
    return replace(photo, state=PhotoState.DAMAGED, claimed_until=None)


def _damage_notices(repository: RemediationRepository, photo: Photo, now: datetime) -> tuple[Notice, ...]:
    """Creates a notice for each sender and hazard of the photo, since a phone does not keep its original for ever.

    A party that sent it by a fix link has no inbox, so the officers are notified instead.
    """
    held = end_of_quiet_hours(repository, now)
    return tuple(
        Notice(
            repository.new_id(),
            DAMAGED,
            now,
            each.hazard,
            tells=Role.OFFICER if is_link_username(each.username) else None,
            to=() if is_link_username(each.username) else (each.username,),
            held_until=held,
        )
        for each in repository.photo_senders(photo.sha256)
    )


def claim_unprocessed_photos(repository: RemediationRepository, now: datetime, limit: int) -> Change[tuple[Photo, ...]]:
    """Claims photos for one processor; after CLAIM without a result another processor may claim them.

    A photo that was claimed before may have crashed its processor: it is retried alone, after all new ones, and after
    TRIES attempts it counts as damaged, so that one hostile picture cannot stop processing for good.
    """
    waiting = repository.unprocessed_photos(now, limit)
    lost = [photo for photo in waiting if photo.tries >= TRIES]
    fresh = [photo for photo in waiting if photo.tries == 0]
    suspects = [photo for photo in waiting if 0 < photo.tries < TRIES]
    taken = tuple(fresh or suspects[:1])
    claimed = [(photo, replace(photo, claimed_until=now + CLAIM, tries=photo.tries + 1)) for photo in taken]
    given_up = [(photo, _damaged_photo(photo)) for photo in lost]
    told = tuple(notice for photo in lost for notice in _damage_notices(repository, photo, now))
    return Change(taken, told, (*claimed, *given_up))
