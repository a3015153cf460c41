"""Photos on a local disk: written to a temporary file, flushed and renamed, and the folder flushed too."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from inspections.errors import Missing
from storage.photos.incoming import Aside, Incoming, asking_the_disk
from storage.photos.names import ORPHANS, PIECES, Stored


class PhotoFolder:
    """Implements PhotoStore. Originals and their previews lie in 256 folders, named by the first byte of the digest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._aside = Aside(folder / "incoming")
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

    def receive(self) -> Incoming:
        return self._aside.receive()

    def keep(self, incoming: Incoming, name: str) -> None:
        target = self._folder / name
        incoming.flush(to_disk=True)
        with asking_the_disk():
            incoming.path.replace(target)
            flush_folder(target.parent)

    def put(self, name: str, picture: bytes) -> None:
        with self.receive() as aside:
            aside.write(picture)
            aside.flush()
            with asking_the_disk():
                aside.path.replace(self._folder / name)

    def read(self, name: str, first: int = 0, length: int | None = None) -> bytes:
        with asking_the_disk():
            try:
                file = (self._folder / name).open("rb")
            except FileNotFoundError:
                raise Missing("photo") from None
            with file:
                file.seek(first)
                return file.read(length)

    def stored(self) -> Iterator[Stored]:
        for folder in (*(f"{number:02x}" for number in range(256)), ORPHANS, PIECES):
            with asking_the_disk():
                files = [(entry.name, entry.stat().st_mtime) for entry in os.scandir(self._folder / folder)]
            for name, changed in files:
                yield Stored(f"{folder}/{name}", datetime.fromtimestamp(changed, UTC))

    def move(self, name: str, to: str) -> None:
        with asking_the_disk(), suppress(FileNotFoundError):
            os.utime(self._folder / name)
            (self._folder / name).replace(self._folder / to)

    def remove(self, name: str) -> None:
        with asking_the_disk():
            (self._folder / name).unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
