"""The secret for signed URLs, the same in every process."""

import secrets
from functools import partial

from inspections.photos.actions.signed_urls import keep_secret
from inspections.photos.signed_urls import SECRET, Secret
from storage.database import Database


class LinkKey:
    """Loads the secret for signed URLs once, and caches it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: Secret | None = None

    async def secret(self) -> Secret:
        if self._known is None:
            fresh = Secret(SECRET, secrets.token_hex(32))
            self._known = await self._database.transact(partial(keep_secret, fresh=fresh))
        return self._known
