"""Finds the formulas of a workbook whose results are not in the file, since its program did not calculate them.

The library that reads workbooks shows such a cell as an empty one.
"""

import io
import re
import zipfile
from posixpath import basename
from xml.sax.saxutils import unescape

_FORMULA = re.compile(
    rb'<c r="([A-Z]{1,3})([0-9]{1,7})"[^<>]{0,200}>\s{0,9}<f(?:/>|[^<>]{0,200}/>|[^<>]{0,200}>[^<>]{0,8192}</f>)'
    rb"\s{0,9}(?:<v\s{0,9}/>|<v></v>)?\s{0,9}</c>"
)
"""ECMA-376, 18.3.1.40: a cell with a formula `f` and no value `v`."""
_SHEET = re.compile(rb"<sheet\b[^<>]{0,2000}>")
_NAME, _RELATION = re.compile(rb'\bname="([^"]{0,500})"'), re.compile(rb'\br:id="([^"]{0,200})"')
_RELATIONSHIP = re.compile(rb"<Relationship\b[^<>]{0,2000}>")
_ID, _TARGET = re.compile(rb'\bId="([^"]{0,200})"'), re.compile(rb'\bTarget="([^"]{0,500})"')
_LETTERS = 26
_MAX_BYTES = 64_000_000
"""The largest sheet that is searched: 10,000 lines of 3 kB are 30 MB."""
_ENTITIES = {"&quot;": '"', "&apos;": "'"}


def find_unsaved_formulas(data: bytes) -> dict[str, set[tuple[int, int]]]:
    """The cells (row, column from 0) by the name of their sheet. A file that is no XLSX has none."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = set(archive.namelist())
        return {
            sheet: {(int(row) - 1, _column_index(column)) for column, row in _FORMULA.findall(archive.read(part))}
            for sheet, part in _sheet_parts(archive, names).items()
            if part in names and archive.getinfo(part).file_size <= _MAX_BYTES
        }


def _sheet_parts(archive: zipfile.ZipFile, names: set[str]) -> dict[str, str]:
    """The file of each sheet within the archive."""
    book, relations = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
    if book not in names or relations not in names:
        return {}
    targets: dict[bytes, bytes] = {}
    for each in _RELATIONSHIP.findall(archive.read(relations)):
        if (key := _ID.search(each)) and (target := _TARGET.search(each)):
            targets[key[1]] = target[1]
    parts: dict[str, str] = {}
    for each in _SHEET.findall(archive.read(book)):
        name, key = _NAME.search(each), _RELATION.search(each)
        if name and key and key[1] in targets:
            part = f"xl/worksheets/{basename(targets[key[1]].decode(errors='replace'))}"
            parts[unescape(name[1].decode(errors="replace"), _ENTITIES)] = part
    return parts


def _column_index(letters: bytes) -> int:
    found = 0
    for letter in letters:
        found = found * _LETTERS + letter - ord("A") + 1
    return found - 1
