"""The files that `web/` builds into the folder `built`, which may appear while the server runs."""

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from api.http.responses import Content

FOLDER = Path(__file__).parent / "built"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_BASE = "%BASE%"
"""Stands in a page for the path of the public URL, which only the server knows."""


class BuiltFile(NamedTuple):
    """A file and its ETag. `packed`: the same in gzip, packed once by the build instead of for every request."""

    content: Content
    tag: str
    packed: Content | None


def read_page(name: str, base: str) -> BuiltFile | None:
    """Returns a page with its links below `base`; None while it is not built. An upgrade is seen at once."""
    path = FOLDER / name
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return _read_page(path, base, (found.st_mtime_ns, found.st_ino))


@lru_cache(maxsize=16)
def _read_page(path: Path, base: str, _version: tuple[int, int]) -> BuiltFile:
    page = path.read_text("utf-8").replace(_BASE, base).encode()
    return BuiltFile(Content.from_bytes(page), hashlib.sha256(page).hexdigest()[:32], None)


def read_asset(folder: str, name: str) -> BuiltFile | None:
    """Returns a file of a folder of the build; None if there is none of this name."""
    path = FOLDER / folder / name
    if not _NAME.fullmatch(name) or name.endswith(".gz") or not path.is_file():
        return None
    return _read_asset(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read_asset(path: Path, _version: int) -> BuiltFile:
    content, packed = path.read_bytes(), path.with_name(f"{path.name}.gz")
    tag = hashlib.sha256(content).hexdigest()[:32]
    return BuiltFile(
        Content.from_bytes(content), tag, Content.from_bytes(packed.read_bytes()) if packed.is_file() else None
    )
