"""What is kept on a disk is for the account that runs the server alone: folders 0700, files 0600.

The database holds secrets of second factors and the key of photo links, so every file beside it is closed the same way.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def create_private_files() -> None:
    """Whatever this process and those that it begins create from now on is closed to other accounts."""
    os.umask(_OTHERS)


def close_to_others(folder: Path) -> int:
    """Takes from a folder what other accounts may do with it and all in it; returns how many files that concerned.

    A folder that is closed itself, and whose own files are, is not searched further. Raises OSError where the folder
    belongs to another account.
    """
    if not folder.is_dir() or not any(_is_open(each) for each in (folder, *folder.iterdir())):
        return 0
    loose = [each for each in _everything(folder) if _is_open(each)]
    for each in loose:
        each.chmod(stat.S_IMODE(each.stat().st_mode) & ~_OTHERS)
    return len(loose)


def _is_open(path: Path) -> bool:
    return not path.is_symlink() and bool(path.stat().st_mode & _OTHERS)


def _everything(folder: Path) -> Iterator[Path]:
    yield folder
    for at, folders, files in os.walk(folder):
        yield from (Path(at) / name for name in (*folders, *files))
