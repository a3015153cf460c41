"""The names of photos and other files in a store."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4

ORPHANS = "orphans"
PIECES = "pieces"


def original_name(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"


def preview_name(sha256: str, size: int) -> str:
    """The name of the upright preview without metadata that fits `size` × `size` pixels."""
    return f"{original_name(sha256)}.{size}.jpg"


def orphan_name(sha256: str) -> str:
    """The name under which an original without a row waits for its removal."""
    return f"{ORPHANS}/{sha256}"


def piece_name(upload: UUID) -> str:
    """A new name for a piece of an upload, unique so that two concurrent senders do not overwrite each other's."""
    return f"{PIECES}/{upload}.{uuid4().hex}"


def export_name(export: UUID, form: str) -> str:
    """The name of a finished ledger export. The orphan sweep deletes the file after a day (orphans.py)."""
    return f"{PIECES}/{export}.{form}"


class StoredFile(NamedTuple):
    """A file in the store, and when it was stored."""

    name: str
    at: datetime

    @property
    def sha256(self) -> str:
        """The digest of the original, also for a preview made from it."""
        return self.name.partition("/")[2].partition(".")[0]
