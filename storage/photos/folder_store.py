"""Photos on a local disk: written to a temporary file, flushed and renamed, and the folder flushed too."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from inspections.errors import NotFound
from storage.photos.incoming import IncomingFile, IncomingFolder, translate_disk_errors
from storage.photos.names import ORPHANS, PIECES, StoredFile


class PhotoFolder:
    """Implements PhotoStore. Originals and their previews lie in 256 folders, named by the first byte of the digest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming_folder = IncomingFolder(folder / "incoming")
        if not (folder / PIECES).is_dir():
            self._make_folders()

    def _make_folders(self) -> None:
        """Creates and flushes all folders before the first photo, so that no photo can precede its folder."""
        for number in range(256):
            (self._folder / f"{number:02x}").mkdir(exist_ok=True)
        for name in (ORPHANS, PIECES):
            (self._folder / name).mkdir(exist_ok=True)
        flush_folder(self._folder)
        flush_folder(self._folder.parent)

    def open_incoming_file(self) -> IncomingFile:
        return self._incoming_folder.open_file()

    def save(self, incoming: IncomingFile, name: str) -> None:
        target = self._folder / name
        incoming.flush(to_disk=True)
        with translate_disk_errors():
            incoming.path.replace(target)
            flush_folder(target.parent)

    def save_preview(self, name: str, picture: bytes) -> None:
        with self.open_incoming_file() as aside:
            aside.write(picture)
            aside.flush()
            with translate_disk_errors():
                aside.path.replace(self._folder / name)

    def read(self, name: str, first: int = 0, length: int | None = None) -> bytes:
        with translate_disk_errors():
            try:
                file = (self._folder / name).open("rb")
            except FileNotFoundError:
                raise NotFound("photo") from None
            with file:
                file.seek(first)
                return file.read(length)

    def list_files(self) -> Iterator[StoredFile]:
        for folder in (*(f"{number:02x}" for number in range(256)), ORPHANS, PIECES):
            with translate_disk_errors():
                files = [(entry.name, entry.stat().st_mtime) for entry in os.scandir(self._folder / folder)]
            for name, changed in files:
                yield StoredFile(f"{folder}/{name}", datetime.fromtimestamp(changed, UTC))

    def move(self, name: str, to: str) -> None:
        with translate_disk_errors(), suppress(FileNotFoundError):
            os.utime(self._folder / name)
            (self._folder / name).replace(self._folder / to)

    def remove(self, name: str) -> None:
        with translate_disk_errors():
            (self._folder / name).unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
