"""Signed URLs of photos, for clients that show pictures without sending a token: <img>, a mini-program's <image>.

A URL is valid for one variant of one photo for five minutes and requires nothing else, so it is given only to a person
who may see that variant.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

URL_LIFETIME = timedelta(minutes=5)
SECRET_NAME = "photo links"  # noqa: S105  # the name of the secret, not its value


class Secret(Struct, frozen=True):
    """A random key in hex that all processes share and that never leaves the server."""

    name: str
    value: str


class Variant(Struct, frozen=True):
    """A photo in one size: 320, 1280 or original. `watermark`: the hazard whose caption is drawn on it."""

    sha256: str
    size: str
    watermark: UUID | None = None


def signature(secret: Secret, variant: Variant, expires: int) -> str:
    """HMAC-SHA256 (RFC 2104) in hex. `expires`: Unix seconds."""
    message = f"{variant.sha256} {variant.size} {variant.watermark or '-'} {expires}"
    return hmac.new(bytes.fromhex(secret.value), message.encode(), hashlib.sha256).hexdigest()


def is_valid_signature(secret: Secret, variant: Variant, expires: int, signed: str, now: datetime) -> bool:
    good = hmac.compare_digest(signature(secret, variant, expires).encode(), signed.encode(errors="replace"))
    return good and now.timestamp() < expires
