"""Reads single fields of device messages. What cannot be read is noted if the message can do without it."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from inspections.calendar import SHANGHAI, YEARS
from inspections.monitoring.alerts import Metric

RAW_CHARACTERS = 4000
"""The length at which the stored raw message is cut."""
_NOTE_CHARACTERS = 64
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NUMBER = re.compile(r"([+-]?\d{1,18}(?:\.\d{0,18})?(?:e[+-]?\d{1,3})?) ?([^\d ][^\d]{0,7})?", re.IGNORECASE)
_HEXADECIMAL = re.compile(r"0x[0-9a-f]{1,8}", re.IGNORECASE)
_STAMP = re.compile(r"-?\d{1,19}(\.\d{0,9})?")
_COMPACT_DATE = re.compile(r"20\d{12}")
_DATE = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[T ]{0,2}(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2}))?(?:\.\d{1,9})?秒?"
)
_STAMP_UNITS = ((100_000_000_000_000_000, 1e9), (100_000_000_000_000, 1e6), (100_000_000_000, 1e3))
"""From this number on a Unix time is in nano-, micro- or milliseconds: as seconds it would lie in the year 5138."""

CLEARED_WORDS = frozenset({"cleared", "recovered", "normal", "restore", "0", "false", "恢复", "已恢复", "正常"})
_CALM_WORDS = CLEARED_WORDS | {"", "0.0", "none", "null", "ok", "no", "off", "info", "无", "否"}
_ALARM_WORDS = re.compile(
    r"alarm|warning|critical|danger|emergency|smoke|(?<![a-z])fire(?![a-z])|(?<![a-z])trip|报警|告警|预警|火警|着火|起火|危险|超限|跳闸",
    re.IGNORECASE,
)
_LEVEL_KEYS = frozenset({"level", "severity", "级别", "等级"})

_SCALES: Mapping[Metric, Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        Metric.RESIDUAL_CURRENT: {"ma": (1, 0), "毫安": (1, 0), "a": (1000, 0), "安": (1000, 0), "μa": (0.001, 0)},
        Metric.TEMPERATURE: {"c": (1, 0), "°c": (1, 0), "度": (1, 0), "摄氏度": (1, 0), "°f": (5 / 9, -160 / 9)},
        Metric.ARC: {"次": (1, 0), "个": (1, 0)},
        Metric.VOLTAGE: {"v": (1, 0), "伏": (1, 0), "kv": (1000, 0), "mv": (0.001, 0)},
        Metric.CURRENT: {"a": (1, 0), "安": (1, 0), "ma": (0.001, 0), "ka": (1000, 0)},
        Metric.EBIKE: {"辆": (1, 0), "次": (1, 0)},
    }
)
"""What one of a unit is in the unit of the metric: a factor, and what is added. Letters in lower case."""


class InvalidField(Exception):
    """A value that cannot be read. Its text is the reason code."""


class Number(NamedTuple):
    """A value in the unit of its metric, and the unit if it is not known."""

    value: float | None
    unknown_unit: str | None = None


def decode_payload(payload: bytes) -> str:
    """Decodes UTF-8 or, as some devices send it, GBK; without a byte order mark in front and zeros behind."""
    trimmed = payload.removeprefix(_BYTE_ORDER_MARK).rstrip(b"\0\r\n\t ")
    try:
        return trimmed.decode()
    except UnicodeDecodeError:
        return trimmed.decode("gb18030", errors="replace")


def parse_number(metric: Metric, value: Any, unit: str) -> Number:
    """Parses a number, which half of the vendors send as text, some with its unit behind it.

    A unit in the text goes before the field of the unit. The number is not a finite one if the device says so (NaN).
    Raises InvalidField.
    """
    if value is None or value == "":
        return Number(None)
    try:
        number, suffix = _split_number(value) if isinstance(value, str) else (float(value), "")
    except (TypeError, ValueError, OverflowError):
        raise InvalidField("wrong_value") from None
    name = suffix or _plain_text(unit)
    scale = _SCALES.get(metric, {}).get(name.lower().replace(" ", ""))
    if scale is None:
        return Number(number, name or None)
    return Number(number * scale[0] + scale[1])


def _split_number(value: str) -> tuple[float, str]:
    text = _plain_text(value)
    if _HEXADECIMAL.fullmatch(text):
        return float(int(text, 16)), ""
    found = _NUMBER.fullmatch(text)
    return (float(found[1]), found[2] or "") if found else (float(text), "")


def _plain_text(text: str) -> str:
    """The text with one form for each character: full-width digits are digits, ℃ is °C (Unicode's NFKC)."""
    return " ".join(unicodedata.normalize("NFKC", text[:_NOTE_CHARACTERS]).split())


def parse_instant(value: Any) -> datetime | None:
    """Parses Unix time in any unit, or a date (Shanghai time without a zone). None for what is no time in `YEARS`."""
    text = _plain_text(str(value))
    try:
        found = _parse_stamp(text) if _STAMP.fullmatch(text) else _parse_date(text)
    except (ValueError, OverflowError, OSError):
        return None
    if found is None or found.year not in YEARS:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=SHANGHAI)).astimezone(UTC)


def _parse_stamp(text: str) -> datetime | None:
    """Parses a number. Zero and less are no times: so a device without a clock says it."""
    if _COMPACT_DATE.fullmatch(text):
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI)
    number = float(text)
    unit = next((unit for least, unit in _STAMP_UNITS if number >= least), 1)
    return datetime.fromtimestamp(number / unit, UTC) if number > 0 else None


def _parse_date(text: str) -> datetime:
    found = _DATE.fullmatch(text)
    if found is None:
        return datetime.fromisoformat(text.replace("/", "-"))
    return datetime(*(int(part or 0) for part in found.groups()), tzinfo=SHANGHAI)


def note_text(value: Any) -> str:
    """The text of a field that could not be read, to be stored."""
    return storable_text(str(value), _NOTE_CHARACTERS)


def storable_text(text: str, most: int) -> str:
    """The first characters of a text, without those that a database cannot store."""
    return text[:most].encode(errors="replace").decode().replace("\0", "\ufffd")


def says_alarm(found: Any) -> bool:
    """Tells whether a decoded message says alarm in any of its fields, so that people should see it."""
    waiting = [("", found)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(name.lower().strip(), inner) for name, inner in cast("dict[str, Any]", value).items()]
        elif isinstance(value, list):
            waiting += [(key if isinstance(each, str) else "", each) for each in cast("list[Any]", value)]
        elif str(value).strip().lower() not in _CALM_WORDS and _speaks_of_alarm(key, value):
            return True
    return False


def _speaks_of_alarm(key: str, value: Any) -> bool:
    named = key in _LEVEL_KEYS or _ALARM_WORDS.search(key[:_NOTE_CHARACTERS])
    return bool(named or (isinstance(value, str) and text_says_alarm(value)))


def text_says_alarm(text: str) -> bool:
    """Tells whether text that could not be decoded says alarm."""
    return _ALARM_WORDS.search(text[:RAW_CHARACTERS]) is not None
