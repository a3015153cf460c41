"""Temporary files for incoming photos: bytes are written and hashed as they arrive."""

import errno
import hashlib
import mmap
import os
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Self
from uuid import uuid4

from inspections.errors import DamagedPhoto, Unavailable
from inspections.photos.records import Photo, PhotoState
from storage.photos.formats import Format, inspect

FREE_FLOOR_BYTES = 256 * 1024 * 1024
"""The free space below which photos and ledgers are refused, so that the disk keeps room for reports."""

_COPY_BYTES = 1024 * 1024
LEFT_OVER_SECONDS = 24 * 3600


class DiskFull(Unavailable):
    code = "store.full"
    title = "存储空间不足，暂不能接收照片或制作文件"


@contextmanager
def translate_disk_errors() -> Generator[None]:
    """Translates errors of the disk into refusals: DiskFull, or Unavailable for anything else."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise DiskFull from error
        raise Unavailable from error


def check_free_space(folder: Path) -> None:
    """Raises DiskFull below the floor of free space."""
    free = shutil.disk_usage(folder).free
    if free < FREE_FLOOR_BYTES:
        raise DiskFull(free=free)


class IncomingFile:
    """The temporary file of one incoming photo, deleted when the block ends unless it was moved into the store."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with translate_disk_errors():
            self._file = path.open("xb+")
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes | bytearray) -> None:
        with translate_disk_errors():
            self._file.write(chunk)
        self._digest.update(chunk)
        self.size += len(chunk)

    def chunks(self) -> Generator[bytes]:
        with translate_disk_errors():
            self._file.seek(0)
        while chunk := self._file.read(_COPY_BYTES):
            yield chunk

    def copy_to(self, other: "IncomingFile") -> None:
        for chunk in self.chunks():
            other.write(chunk)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def inspect_photo(self, now: datetime) -> Photo:
        """The photo that these bytes are. Raises what formats.inspect raises; an empty file is DamagedPhoto."""
        form = self._inspect_format()
        return Photo(self.sha256, self.size, form.kind, form.width, form.height, PhotoState.RECEIVED, now)

    def _inspect_format(self) -> Format:
        self.flush()
        if self.size == 0:
            raise DamagedPhoto("文件为空")
        with mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return inspect(data)

    def flush(self, *, to_disk: bool = False) -> None:
        with translate_disk_errors():
            self._file.flush()
            if to_disk:
                os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the file, and deletes it unless it was moved into the store."""
        with suppress(OSError):  # closing writes again, and fails again on a full disk
            self._file.close()
        self.path.unlink(missing_ok=True)


class IncomingFolder:
    """The folder of temporary files for incoming photos. Several processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._remove_leftovers()

    def open_file(self) -> IncomingFile:
        """Opens a new temporary file. Raises DiskFull below the floor of free space."""
        check_free_space(self._folder)
        return IncomingFile(self._folder / uuid4().hex)

    def _remove_leftovers(self) -> None:
        """Removes files that a crash left behind. Younger files may be uploads of another process."""
        for left_over in self._folder.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - left_over.stat().st_mtime > LEFT_OVER_SECONDS:
                    left_over.unlink()
