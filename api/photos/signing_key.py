"""The secret for signed URLs, the same in every process."""

import secrets
from functools import partial

from inspections.photos.actions.signed_urls import get_or_create_secret
from inspections.photos.signed_urls import SECRET_NAME, Secret
from storage.database import Database


class SigningKey:
    """Loads the secret for signed URLs once, and caches it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._secret: Secret | None = None

    async def secret(self) -> Secret:
        if self._secret is None:
            fresh = Secret(SECRET_NAME, secrets.token_hex(32))
            self._secret = await self._database.transact(partial(get_or_create_secret, fresh=fresh))
        return self._secret
