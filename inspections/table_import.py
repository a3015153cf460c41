"""Reads tables that an office imports: columns are found by title, and errors are reported by line."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from inspections.errors import FieldError, InvalidInput
from inspections.text import clean_line, name_key

T = TypeVar("T")
MAX_LISTED_ERRORS = 1000
"""The most errors that are listed for a file."""
_FIELD_IN_PATH = re.compile(r"\$\.(\w+)")
_REQUIRED_FIELD = re.compile(r"required field `(\w+)`")


class LineError(Struct, frozen=True):
    """An error in a file: the line as the spreadsheet numbers it (`12`, `3月!12`), the column title, and a message."""

    line: str
    column: str
    message: str


class InvalidLines(InvalidInput):
    """A file with errors, of which nothing was imported. `errors`: the first ones; `wrong`: how many there are."""

    code = "file.lines"
    title = "文件有错误，一行也没有导入"

    def __init__(self, errors: Sequence[LineError], wrong: int) -> None:
        super().__init__()
        self.detail = f"共 {wrong} 处错误"
        listed = [FieldError(f"{each.line}.{each.column}", each.message) for each in errors]
        self.facts = {"errors": listed, "wrong": wrong}


class TableRow(NamedTuple):
    """A line of a file: its number, and its cells by field."""

    where: str
    cells: dict[str, str]


class Columns(NamedTuple):
    """The accepted titles of each field, our own first. `needed`: fields that every file must have."""

    titles: Mapping[str, tuple[str, ...]]
    needed: tuple[str, ...]

    @property
    def fields_by_title(self) -> dict[str, str]:
        """The field of each title."""
        return {title: field for field, titles in self.titles.items() for title in titles}

    def parse_rows(self, rows: Iterable[Sequence[str]], most: int) -> Iterator[TableRow]:
        """Yields the non-empty lines. Raises InvalidInput for missing columns, and for more than `most` lines."""
        counted = enumerate(rows, 1)
        first: Sequence[str] = next((row for _, row in counted if any(row)), ())
        named = self.fields_by_title
        head = [named.get(name_key(clean_line(cell)).strip().casefold()) for cell in first]
        if missing := [self.titles[field][0] for field in self.needed if field not in head]:
            raise InvalidInput(("file", f"缺少列：{'、'.join(missing)}"))
        read = 0
        for at, row in counted:
            cells = {field: cell.strip() for field, cell in zip(head, row, strict=False) if field and cell.strip()}
            if not cells:
                continue
            read += 1
            if read > most:
                raise InvalidInput(("file", f"一次最多导入 {most} 行，请分成几个文件"))
            yield TableRow(str(at), cells)

    def error(self, where: str, field: str, words: str) -> LineError:
        return LineError(where, self.titles.get(field, (field,))[0], words)

    def convert_row(self, where: str, kind: type[T], values: Mapping[str, Any]) -> T | LineError:
        """Converts the values of a line to `kind`, or returns what is wrong with them."""
        try:
            return msgspec.convert(values, kind, strict=False)
        except msgspec.ValidationError as error:
            if absent := _REQUIRED_FIELD.search(str(error)):
                return self.error(where, absent[1], "缺少此项")
            field = at[1] if (at := _FIELD_IN_PATH.search(str(error))) else "file"
            return self.error(where, field, "格式不正确")

    def reject_duplicates(
        self, field: str, results: Iterable[tuple[str, T | LineError]]
    ) -> tuple[list[tuple[str, T]], list[LineError]]:
        """Separates valid lines, unique by `field`, from the errors of the others."""
        lines: list[tuple[str, T]] = []
        errors: list[LineError] = []
        first: dict[Any, str] = {}
        for where, each in results:
            if isinstance(each, LineError):
                errors.append(each)
            elif (known := first.setdefault(getattr(each, field), where)) != where:
                errors.append(self.error(where, field, f"与第 {known} 行重复"))
            else:
                lines.append((where, each))
        return lines, errors
