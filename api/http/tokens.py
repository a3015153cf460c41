"""Random tokens, and the digests that are kept of them."""

import hashlib
import secrets

TOKEN_BYTES = 32
KEY_PREFIX = "anxk_"
"""Of the keys of programs; of a person's tokens see auth.new_tokens."""


def new_token(prefix: str = "") -> str:
    return f"{prefix}{secrets.token_urlsafe(TOKEN_BYTES)}"


def digest_of(token: str) -> str:
    """SHA-256 in hex: of a random token it needs neither salt nor time."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
