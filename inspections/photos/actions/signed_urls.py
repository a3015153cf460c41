"""The key behind signed addresses is made once, by whichever process needs it first."""

from inspections.change import Change
from inspections.photos.repository import PhotoRepository
from inspections.photos.signed_urls import Secret


def keep_secret(repository: PhotoRepository, fresh: Secret) -> Change[Secret]:
    """The secret of this name; `fresh` becomes it where there is none yet."""
    kept = repository.secret(fresh.name)
    return Change(kept) if kept else Change(fresh, (fresh,))
