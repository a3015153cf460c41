"""Thumbnails in a workbook: the first photo before and the first after the fix, beside each line."""

import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from inspections.errors import NotFound
from storage.ledger.row_columns import PHOTO_FIELDS
from storage.photos.images import PREVIEW_SIZES, decode_image
from storage.photos.names import preview_name
from storage.photos.store import PhotoStore

_PIXELS = 120
_ROW_POINTS, _COLUMN_WIDTH = 96, 18
_QUALITY = 75
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Thumbnails:
    """Makes thumbnails in a temporary folder, which xlsxwriter reads when the workbook is closed."""

    titles = ("整改前", "整改后")

    def __init__(self, store: PhotoStore, photo_columns: Mapping[str, int], first: int) -> None:
        """`photo_columns`: the index of each column of links; `first`: of the first column of thumbnails."""
        self._store = store
        self._links = [photo_columns[field] for field in PHOTO_FIELDS]
        self._first = first
        self._folder = tempfile.TemporaryDirectory(prefix="anxun-thumbnails-")
        self._made = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def insert(self, page: Any, at: int, row: list[Any]) -> None:
        """Inserts the thumbnails beside `row`, which is written at row `at` afterwards; missing photos are left out."""
        for column, photos in enumerate(self._links, self._first):
            if at == 1:
                page.set_column(column, column, _COLUMN_WIDTH)
            if (found := _DIGEST.search(row[photos] or "")) and (path := self._make_thumbnail(found.group())):
                page.set_row(at, _ROW_POINTS)
                page.insert_image(at, column, str(path), {"object_position": 1})

    def _make_thumbnail(self, sha256: str) -> Path | None:
        with suppress(NotFound):
            with decode_image(self._store.read(preview_name(sha256, PREVIEW_SIZES[0])), _PIXELS) as picture:
                self._made += 1
                path = Path(self._folder.name) / f"{self._made}.jpg"
                picture.save(path, quality=_QUALITY)
            return path
        return None
