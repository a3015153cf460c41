"""Random tokens, and the digests under which they are stored."""

import hashlib
import secrets

TOKEN_BYTES = 32
KEY_PREFIX = "anxk_"
"""The prefix of API keys; a person's tokens are made in accounts/sign_in/authentication.py."""


def new_token(prefix: str = "") -> str:
    return f"{prefix}{secrets.token_urlsafe(TOKEN_BYTES)}"


def hash_token(token: str) -> str:
    """SHA-256 in hex: a random token needs neither salt nor a slow hash."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
