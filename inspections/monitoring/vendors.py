"""Adapters that turn vendors' payloads into canonical messages: one pure function for each known format."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import msgspec

from inspections.calendar import SHANGHAI, YEARS
from inspections.monitoring.alerts import CanonicalMessage, Metric, is_plausible
from inspections.text import clean_line

PAYLOAD_BYTES = 256_000
"""The size limit of one request or publication. docker/mosquitto.conf allows slightly more."""
MAX_DEPTH = 12
RAW_CHARACTERS = 4000
"""The length at which the stored raw message is cut."""
MAX_MESSAGES = 1000
"""The largest number of messages in one payload."""
_MILLISECONDS = 100_000_000_000
"""Numbers from here on are milliseconds: as seconds they would lie in the year 5138."""


class Vendor(StrEnum):
    """The payload formats of vendors, see ADAPTERS."""

    CANONICAL = "canonical"
    THING_MODEL = "thing_model"
    ALARM_LIST = "alarm_list"
    PROPERTY_LIST = "property_list"
    BREAKER = "breaker"


class UnreadablePayload(Exception):
    """A payload that cannot be parsed at all. `reason` is a stable code, used for counting."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnreadableMessage(NamedTuple):
    """One message of a payload that cannot be understood, with the reason code."""

    reason: str


ParsedMessage = CanonicalMessage | UnreadableMessage
Fields = Mapping[str, Any]

_METRIC_WORDS: Mapping[Metric, str] = MappingProxyType(
    {
        Metric.RESIDUAL_CURRENT: "residual_current_ma residual_current residualcurrent leakage leak_current leakcurrent"
        " ld 剩余电流 漏电 漏电流",
        Metric.TEMPERATURE: "temperature_c temperature temp cable_temp wd 温度 线缆温度 线温",
        Metric.ARC: "arc_count arc arcfault arc_fault dh 电弧 故障电弧",
        Metric.VOLTAGE: "voltage_v voltage vol dy 电压 过压",
        Metric.CURRENT: "current_a current cur dl 电流 过流",
        Metric.OFFLINE: "offline 离线 掉线",
    }
)
_METRICS = {word: metric for metric, words in _METRIC_WORDS.items() for word in words.split()}
_TIMES = ("occurred_at", "time", "ts", "timestamp", "alarmtime", "alarm_time", "时间", "发生时间", "报警时间")
_VALUES = ("value", "val", "v", "当前值", "值", "数值")
_LEVELS = ("level", "alarmlevel", "alarm_level", "severity", "级别", "等级")
_IDS = ("id", "message_id", "messageid", "msgid", "seq", "序号", "消息编号")
_STATES = ("status", "state", "状态")
_NAMES = ("metric", "type", "alarmtype", "name", "code", "identifier", "类型", "报警类型", "指标")
_UNITS = ("unit", "单位")
_CLEARED_WORDS = frozenset({"cleared", "recovered", "normal", "restore", "0", "false", "恢复", "已恢复", "正常"})
_DEVICES = ("device", "deviceid", "device_id")
_BLANKS = re.compile(r"\s+")


def read(vendor: Vendor, device: str, payload: bytes) -> list[ParsedMessage]:
    """Parses the messages of a payload that `device` signed or published. Raises UnreadablePayload."""
    if len(payload) > PAYLOAD_BYTES:
        raise UnreadablePayload("too_large")
    try:
        found = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnreadablePayload("not_json") from None
    if _depth(found) > MAX_DEPTH:
        raise UnreadablePayload("too_deep")
    raw = payload[: 4 * RAW_CHARACTERS].decode(errors="replace").replace("\x00", "")[:RAW_CHARACTERS]
    parts = list(ADAPTERS[vendor](found))
    if not parts:
        raise UnreadablePayload("empty")
    if len(parts) > MAX_MESSAGES:
        raise UnreadablePayload("too_many")
    several = len(parts) > 1
    return [_parse_message(device, part, _raw_part(part, raw, several=several)) for part in parts]


def _raw_part(part: Fields, raw: str, *, several: bool) -> str:
    """Returns the raw text to store with a message: its own part, if the payload holds several."""
    return msgspec.json.encode(part).decode().replace("\\u0000", "")[:RAW_CHARACTERS] if several else raw


def _depth(value: Any) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        each, depth = waiting.pop()
        deepest = max(deepest, depth)
        if depth > MAX_DEPTH:
            return depth
        if isinstance(each, dict):
            waiting += [(inner, depth + 1) for inner in cast("Fields", each).values()]
        elif isinstance(each, list):
            waiting += [(inner, depth + 1) for inner in cast("list[Any]", each)]
    return deepest


# shapes -----------------------------------------------------------------------------------------------------


def _adapt_canonical(found: Any) -> Iterable[Fields]:
    """Reads `{"metric", "value", …}`, a list of them, or `{"alerts": […]}`."""
    inner = _normalize_keys(found).get("alerts", found)
    return map(_normalize_keys, cast("list[Any]", inner) if isinstance(inner, list) else [inner])


def _adapt_thing_model(found: Any) -> Iterable[Fields]:
    """Reads `{"id", "method", "params": {"residual_current": 432, "time": …}}`; each known parameter is a message."""
    whole = _normalize_keys(found)
    inner = _normalize_keys(whole.get("params"))
    values = _normalize_keys(inner.get("value")) if isinstance(inner.get("value"), dict) else inner
    shared = {name: value for name, value in {**whole, **inner}.items() if name not in _METRICS}
    shared.pop("value", None)
    return [{**shared, **_wrap_value(value), "metric": name} for name, value in values.items() if name in _METRICS]


def _adapt_alarm_list(found: Any) -> Iterable[Fields]:
    """Reads `{"deviceId", "data": {"alarms": [{"type", "value", "level", "time"}]}}`."""
    whole = _normalize_keys(found)
    data = _normalize_keys(whole.get("data"))
    shared = {name: value for name, value in {**whole, **data}.items() if name not in {"data", "alarms", "id"}}
    return [{**shared, **_normalize_keys(each)} for each in _as_list(data.get("alarms"))]


def _adapt_property_list(found: Any) -> Iterable[Fields]:
    """Reads `{"location_code", "ts", "properties": [{"name", "value"}]}`; unknown properties are skipped."""
    whole = _normalize_keys(found)
    shared = {name: value for name, value in whole.items() if name != "properties"}
    parts = [{**shared, **_normalize_keys(each)} for each in _as_list(whole.get("properties"))]
    return [part for part in parts if _find_metric(part) is not None]


def _adapt_breaker(found: Any) -> Iterable[Fields]:
    """Reads `{"code": "LD", "val": 31, "warn": 24, "trip": 30}`; the level follows from the vendor's own limits."""
    parts = [_normalize_keys(each) for each in (_as_list(found) or [found])]
    return [{"level": _breaker_level(part), **part} for part in parts]


def _breaker_level(part: Fields) -> str | None:
    value = _pick_field(part, _VALUES)
    for name in ("trip", "warn"):
        limit = part.get(name)
        if isinstance(value, int | float) and isinstance(limit, int | float) and value >= limit:
            return name
    return None


ADAPTERS: Mapping[Vendor, Callable[[Any], Iterable[Fields]]] = MappingProxyType(
    {
        Vendor.CANONICAL: _adapt_canonical,
        Vendor.THING_MODEL: _adapt_thing_model,
        Vendor.ALARM_LIST: _adapt_alarm_list,
        Vendor.PROPERTY_LIST: _adapt_property_list,
        Vendor.BREAKER: _adapt_breaker,
    }
)
"""The adapter of each format. A new vendor needs a member of Vendor and an entry here."""


# fields -----------------------------------------------------------------------------------------------------


def _normalize_keys(value: Any) -> dict[str, Any]:
    """Lower-cases the keys of an object and removes their blanks, which some vendors send. {} for any other value."""
    if not isinstance(value, dict):
        return {}
    return {_plain_word(name).lower(): inner for name, inner in cast("dict[str, Any]", value).items()}


def _plain_word(text: str) -> str:
    """The word without blanks and invisible characters."""
    return _BLANKS.sub("", text if text.isascii() else clean_line(text))


def _as_list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _wrap_value(value: Any) -> dict[str, Any]:
    return _normalize_keys(value) if isinstance(value, dict) else {"value": value}


def _pick_field(part: Fields, names: Iterable[str]) -> Any:
    return next((part[name] for name in names if part.get(name) is not None), None)


def _find_metric(part: Fields) -> Metric | None:
    named = _pick_field(part, _NAMES)
    return _METRICS.get(_plain_word(named).lower()) if isinstance(named, str) else None


def _parse_message(device: str, part: Fields, raw: str) -> ParsedMessage:
    metric, named = _find_metric(part), _pick_field(part, _DEVICES)
    if named is not None and named != device:
        return UnreadableMessage("foreign_device")
    if metric is None:
        return UnreadableMessage("unknown_metric")
    cleared = _plain_word(str(_pick_field(part, _STATES))).lower() in _CLEARED_WORDS
    try:
        value = _parse_number(_pick_field(part, _VALUES))
        occurred_at = _parse_instant(_pick_field(part, _TIMES))
    except InvalidField as error:
        return UnreadableMessage(str(error))
    if value is None and not cleared:
        return UnreadableMessage("no_value")
    if value is not None and metric is Metric.RESIDUAL_CURRENT and _plain_word(str(_pick_field(part, _UNITS))) == "A":
        value *= 1000
    if not is_plausible(value):
        return UnreadableMessage("wrong_value")
    level, message_id = (_short_text(_pick_field(part, names)) for names in (_LEVELS, _IDS))
    level = clean_line(level or "").strip() or None  # the id decides what is a repetition, so it stays as it is
    return CanonicalMessage(device, metric, value, cleared, occurred_at, message_id, level, raw)


class InvalidField(Exception):
    """A value or time that cannot be parsed. Its text is the reason code."""


def _short_text(value: Any) -> str | None:
    return str(value).replace("\x00", "").strip()[:64] or None if isinstance(value, str | int | float) else None


def _parse_number(value: Any) -> float | None:
    if value is None:
        return None
    try:
        return float(value)  # numbers as text too: half of the vendors send them
    except (TypeError, ValueError, OverflowError):
        raise InvalidField("wrong_value") from None


def _parse_instant(value: Any) -> datetime | None:
    """Parses Unix seconds or milliseconds, or an ISO date (Shanghai time without a zone). None if beyond `YEARS`."""
    if value is None:
        return None
    text = str(value).strip()
    try:
        if re.fullmatch(r"\d{1,15}(\.\d*)?", text):
            number = float(text)
            found = datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS else number, UTC)
        else:
            found = datetime.fromisoformat(text.replace("/", "-"))
    except (ValueError, OverflowError, OSError):
        raise InvalidField("wrong_time") from None
    if found.year not in YEARS:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=SHANGHAI)).astimezone(UTC)
