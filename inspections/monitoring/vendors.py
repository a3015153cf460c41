"""Adapters that turn vendors' payloads into canonical messages: one pure function for each known format."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import msgspec

from inspections.calendar import SHANGHAI, YEARS
from inspections.monitoring.alerts import Message, Metric, plausible

PAYLOAD_BYTES = 256_000
"""The size limit of one request or publication. docker/mosquitto.conf allows slightly more."""
DEPTH = 12
RAW_CHARACTERS = 4000
"""The length at which the stored raw message is cut."""
MESSAGES = 1000
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


class Garbage(Exception):
    """A payload that cannot be parsed at all. `reason` is a stable code, used for counting."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unclear(NamedTuple):
    """One message of a payload that cannot be understood, with the reason code."""

    reason: str


Read = Message | Unclear
Fields = Mapping[str, Any]

_WORDS: Mapping[Metric, str] = MappingProxyType(
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
_METRICS = {word: metric for metric, words in _WORDS.items() for word in words.split()}
_TIMES = ("occurred_at", "time", "ts", "timestamp", "alarmtime", "alarm_time", "时间", "发生时间", "报警时间")
_VALUES = ("value", "val", "v", "当前值", "值", "数值")
_LEVELS = ("level", "alarmlevel", "alarm_level", "severity", "级别", "等级")
_IDS = ("id", "message_id", "messageid", "msgid", "seq", "序号", "消息编号")
_STATES = ("status", "state", "状态")
_NAMES = ("metric", "type", "alarmtype", "name", "code", "identifier", "类型", "报警类型", "指标")
_UNITS = ("unit", "单位")
_GONE = frozenset({"cleared", "recovered", "normal", "restore", "0", "false", "恢复", "已恢复", "正常"})
_DEVICES = ("device", "deviceid", "device_id")
_BLANKS = re.compile(r"\s+")


def read(vendor: Vendor, device: str, payload: bytes) -> list[Read]:
    """Parses the messages of a payload that `device` signed or published. Raises UnreadablePayload."""
    if len(payload) > PAYLOAD_BYTES:
        raise Garbage("too_large")
    try:
        found = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Garbage("not_json") from None
    if _depth(found) > DEPTH:
        raise Garbage("too_deep")
    raw = payload[: 4 * RAW_CHARACTERS].decode(errors="replace").replace("\x00", "")[:RAW_CHARACTERS]
    parts = list(ADAPTERS[vendor](found))
    if not parts:
        raise Garbage("empty")
    if len(parts) > MESSAGES:
        raise Garbage("too_many")
    several = len(parts) > 1
    return [_message(device, part, _one_raw(part, raw, several=several)) for part in parts]


def _one_raw(part: Fields, raw: str, *, several: bool) -> str:
    """Returns the raw text to store with a message: its own part, if the payload holds several."""
    return msgspec.json.encode(part).decode().replace("\\u0000", "")[:RAW_CHARACTERS] if several else raw


def _depth(value: Any) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        each, depth = waiting.pop()
        deepest = max(deepest, depth)
        if depth > DEPTH:
            return depth
        if isinstance(each, dict):
            waiting += [(inner, depth + 1) for inner in cast("Fields", each).values()]
        elif isinstance(each, list):
            waiting += [(inner, depth + 1) for inner in cast("list[Any]", each)]
    return deepest


# shapes -----------------------------------------------------------------------------------------------------


def _canonical(found: Any) -> Iterable[Fields]:
    """Reads `{"metric", "value", …}`, a list of them, or `{"alerts": […]}`."""
    inner = _trimmed(found).get("alerts", found)
    return map(_trimmed, cast("list[Any]", inner) if isinstance(inner, list) else [inner])


def _thing_model(found: Any) -> Iterable[Fields]:
    """Reads `{"id", "method", "params": {"residual_current": 432, "time": …}}`; each known parameter is a message."""
    whole = _trimmed(found)
    inner = _trimmed(whole.get("params"))
    values = _trimmed(inner.get("value")) if isinstance(inner.get("value"), dict) else inner
    shared = {name: value for name, value in {**whole, **inner}.items() if name not in _METRICS}
    shared.pop("value", None)
    return [{**shared, **_value_of(value), "metric": name} for name, value in values.items() if name in _METRICS]


def _alarm_list(found: Any) -> Iterable[Fields]:
    """Reads `{"deviceId", "data": {"alarms": [{"type", "value", "level", "time"}]}}`."""
    whole = _trimmed(found)
    data = _trimmed(whole.get("data"))
    shared = {name: value for name, value in {**whole, **data}.items() if name not in {"data", "alarms", "id"}}
    return [{**shared, **_trimmed(each)} for each in _list(data.get("alarms"))]


def _property_list(found: Any) -> Iterable[Fields]:
    """Reads `{"location_code", "ts", "properties": [{"name", "value"}]}`; unknown properties are skipped."""
    whole = _trimmed(found)
    shared = {name: value for name, value in whole.items() if name != "properties"}
    parts = [{**shared, **_trimmed(each)} for each in _list(whole.get("properties"))]
    return [part for part in parts if _metric(part) is not None]


def _breaker(found: Any) -> Iterable[Fields]:
    """Reads `{"code": "LD", "val": 31, "warn": 24, "trip": 30}`; the level follows from the vendor's own limits."""
    parts = [_trimmed(each) for each in (_list(found) or [found])]
    return [{"level": _breaker_level(part), **part} for part in parts]


def _breaker_level(part: Fields) -> str | None:
    value = _first(part, _VALUES)
    for name in ("trip", "warn"):
        limit = part.get(name)
        if isinstance(value, int | float) and isinstance(limit, int | float) and value >= limit:
            return name
    return None


ADAPTERS: Mapping[Vendor, Callable[[Any], Iterable[Fields]]] = MappingProxyType(
    {
        Vendor.CANONICAL: _canonical,
        Vendor.THING_MODEL: _thing_model,
        Vendor.ALARM_LIST: _alarm_list,
        Vendor.PROPERTY_LIST: _property_list,
        Vendor.BREAKER: _breaker,
    }
)
"""The adapter of each format. A new vendor needs a member of Vendor and an entry here."""


# fields -----------------------------------------------------------------------------------------------------


def _trimmed(value: Any) -> dict[str, Any]:
    """Lower-cases the keys of an object and removes their blanks, which some vendors send. {} for any other value."""
    if not isinstance(value, dict):
        return {}
    return {_BLANKS.sub("", name).lower(): inner for name, inner in cast("dict[str, Any]", value).items()}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _value_of(value: Any) -> dict[str, Any]:
    return _trimmed(value) if isinstance(value, dict) else {"value": value}


def _first(part: Fields, names: Iterable[str]) -> Any:
    return next((part[name] for name in names if part.get(name) is not None), None)


def _metric(part: Fields) -> Metric | None:
    named = _first(part, _NAMES)
    return _METRICS.get(_BLANKS.sub("", named).lower()) if isinstance(named, str) else None


def _message(device: str, part: Fields, raw: str) -> Read:
    metric, named = _metric(part), _first(part, _DEVICES)
    if named is not None and named != device:
        return Unclear("foreign_device")
    if metric is None:
        return Unclear("unknown_metric")
    cleared = str(_first(part, _STATES)).strip().lower() in _GONE
    try:
        value = _number(_first(part, _VALUES))
        occurred_at = _instant(_first(part, _TIMES))
    except Unreadable as error:
        return Unclear(str(error))
    if value is None and not cleared:
        return Unclear("no_value")
    if value is not None and metric is Metric.RESIDUAL_CURRENT and str(_first(part, _UNITS)).strip() == "A":
        value *= 1000
    if not plausible(value):
        return Unclear("wrong_value")
    level, message_id = (_word(_first(part, names)) for names in (_LEVELS, _IDS))
    return Message(device, metric, value, cleared, occurred_at, message_id, level, raw)


class Unreadable(Exception):
    """A value or time that cannot be parsed. Its text is the reason code."""


def _word(value: Any) -> str | None:
    return str(value).replace("\x00", "").strip()[:64] or None if isinstance(value, str | int | float) else None


def _number(value: Any) -> float | None:
    if value is None:
        return None
    try:
        return float(value)  # numbers as text too: half of the vendors send them
    except (TypeError, ValueError, OverflowError):
        raise Unreadable("wrong_value") from None


def _instant(value: Any) -> datetime | None:
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
        raise Unreadable("wrong_time") from None
    if found.year not in YEARS:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=SHANGHAI)).astimezone(UTC)
