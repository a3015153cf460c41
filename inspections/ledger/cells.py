"""Cells of the old spreadsheet: what a merged cell says to each line, and texts, numbers and times in a cell."""

import re
from datetime import UTC, date, datetime, time, timedelta
from math import isfinite
from typing import Any, NamedTuple

import msgspec

from inspections.calendar import SHANGHAI, YEARS, midnight, shanghai_instant
from inspections.places.coordinates import Crs, Point

_DAY, _HALF_SECOND = timedelta(days=1), timedelta(milliseconds=500)
_SPACES = re.compile(r"\s+")
_DATE = re.compile(  # spaces are single
    r"(\d{4}) ?[-/.年] ?(\d{1,2}) ?[-/.月] ?(\d{1,2}) ?日?(?: ?T? ?(\d{1,2})[:：时](\d{1,2})(?:[:：分](\d{1,2}))?)?"
    r" ?[分秒]?"
)
_SERIAL = re.compile(r"[0-9]{5,6}(?:\.[0-9]{1,12})?")
_EPOCH = datetime(1899, 12, 30, tzinfo=SHANGHAI)
"""Day 0 of the serial dates of spreadsheets, as they count from 1900-03-01 on."""
_SERIALS = (25_569, 401_769)
"""The serial dates of YEARS: from 1970-01-01 to before 3000-01-01."""
_EXACT_WHOLE = 10**15
"""Spreadsheets keep fifteen digits of a number: of a longer one the last digits are lost."""
_LETTERS = 26


class MergedCell(NamedTuple):
    """A part of a merged cell: the value of the whole, and its range such as `H2:H4`.

    `below`: the part is not in the first row of the range; `beside`: it is not in its first column. `spans_lines`: the
    range has several rows.
    """

    value: Any
    span: str
    below: bool
    beside: bool
    spans_lines: bool


class UnsavedFormula:
    """A cell with a formula whose result is not in the file: the program that wrote it did not calculate."""


def cell_value(cell: Any) -> Any:
    """The value that a cell shows; a merged cell shows one value over its whole range."""
    return cell.value if isinstance(cell, MergedCell) else cell


def cell_name(column: int, where: str) -> str:
    """The name of a cell as the spreadsheet shows it. `column` counts from 0; `where`: `12`, or `3月!12`."""
    return f"{column_letters(column)}{where.rpartition('!')[2]}"


def column_letters(column: int) -> str:
    """`A` for 0, `Z` for 25, `AA` for 26."""
    letters = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, _LETTERS)
        letters = chr(ord("A") + letter) + letters
    return letters


_POINT = re.compile(r"(-?\d{1,3}(?:\.\d{1,20})?) ?[,，] ?(-?\d{1,3}(?:\.\d{1,20})?) (WGS-84|GCJ-02|BD-09)")
CRS_WORDS: dict[str, Crs] = {"WGS-84": "wgs84", "GCJ-02": "gcj02", "BD-09": "bd09"}


def read_point(text: str | None) -> Point | None:
    """A point from latitude, longitude and coordinate system, as our own ledger writes it; None from anything else."""
    if text is None or not (match := _POINT.fullmatch(text)):
        return None
    try:
        return msgspec.convert({"lat": float(match[1]), "lon": float(match[2]), "crs": CRS_WORDS[match[3]]}, Point)
    except msgspec.ValidationError:
        return None


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_text(value: Any) -> str:
    """The text that the spreadsheet shows: whole numbers without a decimal point."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def find_conversion(value: Any) -> str | None:  # noqa: PLR0911  # one for each type of a cell
    """Says what a spreadsheet has made of a text that it took for a date, a time, a truth value or a long number.

    None for a text, and for a number that still has all its digits. The words continue those that name the cell.
    """
    match value:
        case bool():
            return f"是逻辑值 {str(value).upper()}"
        case datetime():
            return f"是时间 {value:%Y-%m-%d %H:%M}"
        case date():
            month = f" 或 {value.year}-{value.month}" if value.day == 1 else ""
            return f"是日期 {value.isoformat()}，原文可能是 {value.month}-{value.day}{month}"
        case time():
            return f"是时间 {value:%H:%M}，原文可能是 {value.hour}:{value.minute:02}"
        case timedelta():
            minutes = round(value.total_seconds() / 60)
            return f"是时长，原文可能是 {minutes // 60}:{minutes % 60:02}"
        case int() | float():
            whole = isfinite(value) and abs(value) < _EXACT_WHOLE and "e" not in str(value)
            return None if whole else f"是数字 {value:.15g}，原文可能是较长的编号，或含有字母 E"
        case _:
            return None


def read_moment(value: Any, *, ends: bool) -> datetime | None:
    """An instant from a date, a time, a serial date or their text, all in Shanghai; None where it is no date.

    A day alone means its first instant, or its end with `ends`. So does midnight in a date cell, since spreadsheets
    do not tell it from a day.
    """
    match value:
        case datetime():
            return _read_date_cell(value, ends=ends) if value.year in YEARS else None
        case date():
            return _day_boundary(value, ends=ends)
        case bool():
            return None
        case int() | float():
            return _read_serial(value, ends=ends)
        case str():
            text = _SPACES.sub(" ", value)
            return _read_serial(float(text), ends=ends) if _SERIAL.fullmatch(text) else _read_date(text, ends=ends)
        case _:
            return None


def _read_serial(value: float, *, ends: bool) -> datetime | None:
    first, end = _SERIALS
    if not first <= value < end:
        return None
    return _read_date_cell((_EPOCH + timedelta(days=value)).replace(tzinfo=None), ends=ends)


def _read_date_cell(value: datetime, *, ends: bool) -> datetime | None:
    """Rounds to the second: a spreadsheet stores times as fractions of a day."""
    rounded = (value + _HALF_SECOND).replace(microsecond=0, tzinfo=SHANGHAI)
    if rounded.time() == time():
        return _day_boundary(rounded.date(), ends=ends)
    return rounded.astimezone(UTC)


def _read_date(text: str, *, ends: bool) -> datetime | None:
    if not (match := _DATE.fullmatch(text)):
        return None
    year, month, day, hour, minute, second = (int(part) if part else None for part in match.groups())
    try:
        found = date(year or 0, month or 0, day or 0)
        if hour is None or _is_end_of_day(hour, minute, second):
            return _day_boundary(found, ends=ends or hour is not None)
        return shanghai_instant(found, time(hour, minute or 0, second or 0))
    except ValueError:
        return None


def _is_end_of_day(*clock: int | None) -> bool:
    """Tells 24:00, by which notices name the midnight that ends a day."""
    hours, *rest = clock
    return hours == 24 and not any(rest)  # noqa: PLR2004  # the hour that ends a day


def _day_boundary(day: date, *, ends: bool) -> datetime | None:
    if day.year not in YEARS:
        return None
    return midnight(day + _DAY if ends else day)
