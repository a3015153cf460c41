"""Stores of photo bytes, by their sha-256: a folder, or a bucket of any S3 store.

A photo exists once its row is committed. The worst that a crash can leave is an orphan: bytes without a row.
"""

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from inspections.errors import NotFound
from storage.engine.failures import MissingDependency
from storage.photos.folder_store import PhotoFolder
from storage.photos.incoming import IncomingFile
from storage.photos.names import StoredFile, original_name, orphan_name


class PhotoStore(Protocol):
    """A store of photo bytes. Its methods block; they raise Unavailable or DiskFull where the store cannot serve."""

    def open_incoming_file(self) -> IncomingFile:
        """Opens a temporary file for incoming bytes. Raises DiskFull below the floor of free space."""
        ...

    def save(self, incoming: IncomingFile, name: str) -> None:
        """Stores the bytes durably under `name`."""
        ...

    def save_preview(self, name: str, picture: bytes) -> None:
        """Stores a preview without waiting for the disk, since it can be made again."""
        ...

    def read(self, name: str, first: int = 0, length: int | None = None) -> bytes:
        """Reads `length` bytes from `first` on; None: to the end. Raises NotFound."""
        ...

    def list_files(self) -> Iterator[StoredFile]:
        """Lists every file in the store."""
        ...

    def move(self, name: str, to: str) -> None:
        """Renames a file and renews its time; does nothing where it is gone already."""
        ...

    def remove(self, name: str) -> None:
        """Deletes a file; does nothing where it is gone already."""
        ...


def read_original(store: PhotoStore, sha256: str, first: int = 0, length: int | None = None) -> bytes:
    """Reads the original bytes of a photo, as PhotoStore.read."""
    try:
        return store.read(original_name(sha256), first, length)
    except NotFound:  # sent again just as the sweep moved it (storage/upkeep/orphans.py)
        return store.read(orphan_name(sha256), first, length)


def join_pieces(store: PhotoStore, pieces: Sequence[str], last: IncomingFile, whole: IncomingFile) -> None:
    """Writes the pieces and `last`, which is not stored yet, into `whole`. Raises NotFound."""
    for name in pieces:
        whole.write(store.read(name))
    last.copy_to(whole)


def remove_pieces(store: PhotoStore, pieces: Sequence[str]) -> None:
    for name in pieces:
        store.remove(name)


def open_photo_store(place: str, scratch: Path) -> PhotoStore:
    """Opens the store at `place`: a folder, or s3://bucket/prefix (extra `[s3]`) with the local folder `scratch`.

    Raises MissingDependency, OSError.
    """
    if not place.startswith("s3://"):
        return PhotoFolder(Path(place))
    if importlib.util.find_spec("obstore") is None:
        raise MissingDependency("photos in S3 need the extra `s3`: pip install 'anxun[s3]'")
    from storage.photos.bucket_store import PhotoBucket  # noqa: PLC0415  # the default store does not need obstore

    return PhotoBucket(place, scratch)
