"""Restricts stored files to the account that runs the server: folders 0700, files 0600.

The database holds secrets of second factors and the key of photo links, and the files beside it are treated the same.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def restrict_new_files() -> None:
    """Sets the umask, so that new files of this process and its children are closed to other accounts."""
    os.umask(_OTHERS)


def restrict_folder(folder: Path) -> int:
    """Closes a folder and everything in it to other accounts; returns how many files and folders were open.

    Subfolders are searched only if the folder or a direct entry is open. Raises OSError if another account owns the
    folder.
    """
    if not folder.is_dir() or not any(_exposed_mode(each) for each in (folder, *folder.iterdir())):
        return 0
    return sum(_restrict(each) for each in _walk(folder))


def _restrict(path: Path) -> bool:
    mode = _exposed_mode(path)
    if mode:
        with suppress(FileNotFoundError):
            path.chmod(mode & ~_OTHERS)
    return bool(mode)


def _exposed_mode(path: Path) -> int:
    """The permissions of a file that other accounts can access; 0 for any other file, a symlink or a missing file."""
    with suppress(FileNotFoundError):  # other processes may delete files meanwhile
        found = path.lstat().st_mode
        return stat.S_IMODE(found) if found & _OTHERS and not stat.S_ISLNK(found) else 0
    return 0


def _walk(folder: Path) -> Iterator[Path]:
    yield folder
    for at, folders, files in os.walk(folder):
        yield from (Path(at) / name for name in (*folders, *files))
