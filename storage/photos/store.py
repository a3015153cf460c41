"""Where photo bytes are kept, by their sha-256: a folder, or a bucket of any S3 store.

A photo exists when its row is committed; bytes without a row are an orphan, and a crash can leave no worse.
"""

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from inspections.errors import Missing
from storage.engine.failures import NotInstalled
from storage.photos.folder_store import PhotoFolder
from storage.photos.incoming import Incoming
from storage.photos.names import Stored, original, orphan


class PhotoStore(Protocol):
    """Blocks for the disk or the network. Raises Unavailable, DiskFull where it cannot do what is asked."""

    def receive(self) -> Incoming:
        """A place for a photo's bytes. Raises DiskFull below the floor of free space."""
        ...

    def keep(self, incoming: Incoming, name: str) -> None:
        """Makes the bytes durable under `name`."""
        ...

    def put(self, name: str, picture: bytes) -> None:
        """Keeps a developed picture; it can be made again, so nothing waits for the disk."""
        ...

    def read(self, name: str, first: int = 0, length: int | None = None) -> bytes:
        """`length` bytes from `first` on; None: to the end. Raises Missing."""
        ...

    def stored(self) -> Iterator[Stored]:
        """Everything that is kept here."""
        ...

    def move(self, name: str, to: str) -> None:
        """Its time begins anew. Also fine where it is gone already."""
        ...

    def remove(self, name: str) -> None:
        """Also fine where it is gone already."""
        ...


def read_original(store: PhotoStore, sha256: str, first: int = 0, length: int | None = None) -> bytes:
    """The very bytes that came, as PhotoStore.read."""
    try:
        return store.read(original(sha256), first, length)
    except Missing:  # sent again at the moment when it was swept away (storage/upkeep/orphans.py)
        return store.read(orphan(sha256), first, length)


def join(store: PhotoStore, pieces: Sequence[str], last: Incoming, whole: Incoming) -> None:
    """Writes the pieces and the last one, which is not kept yet, into `whole`. Raises Missing."""
    for name in pieces:
        whole.write(store.read(name))
    last.copy_to(whole)


def remove_pieces(store: PhotoStore, pieces: Sequence[str]) -> None:
    for name in pieces:
        store.remove(name)


def open_photos(place: str, scratch: Path) -> PhotoStore:
    """`place`: a folder, or s3://bucket/prefix with the extra `[s3]`; then photos come in through `scratch`.

    Raises NotInstalled, OSError.
    """
    if not place.startswith("s3://"):
        return PhotoFolder(Path(place))
    if importlib.util.find_spec("obstore") is None:
        raise NotInstalled("photos in S3 need the extra `s3`: pip install 'anxun[s3]'")
    from storage.photos.bucket_store import PhotoBucket  # noqa: PLC0415  # the embedded default does without obstore

    return PhotoBucket(place, scratch)
