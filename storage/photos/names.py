"""What photos are called in a store."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4

ORPHANS = "orphans"
PIECES = "pieces"


def original(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"


def shown(sha256: str, size: int) -> str:
    """The upright picture without metadata that fits `size` × `size` pixels."""
    return f"{original(sha256)}.{size}.jpg"


def orphan(sha256: str) -> str:
    """Where an original without a row waits for its removal."""
    return f"{ORPHANS}/{sha256}"


def piece(upload: UUID) -> str:
    """A new name for a part of a photo that comes in pieces: two senders at once do not overwrite each other's."""
    return f"{PIECES}/{upload}.{uuid4().hex}"


def made(export: UUID, form: str) -> str:
    """A ledger that was made. Without a photo of its name it is swept a day later (orphans.py)."""
    return f"{PIECES}/{export}.{form}"


class Stored(NamedTuple):
    """Something in the store, and when it was put there."""

    name: str
    at: datetime

    @property
    def sha256(self) -> str:
        """Of the original, also for a picture that was developed from it."""
        return self.name.partition("/")[2].partition(".")[0]
