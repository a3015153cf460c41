"""What is kept on a disk is for the account that runs the server alone: folders 0700, files 0600.

The database holds secrets of second factors and the key of photo links, so every file beside it is closed the same way.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def create_private_files() -> None:
    """Whatever this process and those that it begins create from now on is closed to other accounts."""
    os.umask(_OTHERS)


def make_private(folder: Path) -> int:
    """Closes a folder and all in it to other accounts; returns how many files and folders had been open.

    A folder that is closed itself, and whose own files are, is not searched further. Raises OSError where the folder
    belongs to another account.
    """
    if not folder.is_dir() or not any(_open_mode(each) for each in (folder, *folder.iterdir())):
        return 0
    return sum(_close(each) for each in _everything(folder))


def _close(path: Path) -> bool:
    mode = _open_mode(path)
    if mode:
        with suppress(FileNotFoundError):
            path.chmod(mode & ~_OTHERS)
    return bool(mode)


def _open_mode(path: Path) -> int:
    """The permissions of what other accounts may use; 0 of what they may not, and of what is gone or a link."""
    with suppress(FileNotFoundError):  # other processes work in the same folder
        found = path.lstat().st_mode
        return stat.S_IMODE(found) if found & _OTHERS and not stat.S_ISLNK(found) else 0
    return 0


def _everything(folder: Path) -> Iterator[Path]:
    yield folder
    for at, folders, files in os.walk(folder):
        yield from (Path(at) / name for name in (*folders, *files))
