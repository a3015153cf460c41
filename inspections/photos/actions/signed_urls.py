"""The secret for signed URLs, created once by the first process that needs it."""

from inspections.change import Change
from inspections.photos.repository import PhotoRepository
from inspections.photos.signed_urls import Secret


def get_or_create_secret(repository: PhotoRepository, fresh: Secret) -> Change[Secret]:
    """Returns the stored secret of this name, or stores `fresh` if there is none yet."""
    kept = repository.secret(fresh.name)
    return Change(kept) if kept else Change(fresh, (fresh,))
