"""Adapters that turn vendors' payloads into canonical messages: one pure function for each known format."""

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import msgspec

from inspections.monitoring.alerts import CanonicalMessage, Metric
from inspections.monitoring.message_fields import (
    CLEARED_WORDS,
    RAW_CHARACTERS,
    InvalidField,
    decode_payload,
    note_text,
    parse_instant,
    parse_number,
    says_alarm,
    text_says_alarm,
)
from inspections.text import clean_line

PAYLOAD_BYTES = 256_000
"""The size limit of one request or publication. docker/mosquitto.conf allows slightly more."""
MAX_DEPTH = 12
MAX_MESSAGES = 1000
"""The largest number of messages in one payload."""


class Vendor(StrEnum):
    """The payload formats of vendors, see ADAPTERS."""

    CANONICAL = "canonical"
    THING_MODEL = "thing_model"
    ALARM_LIST = "alarm_list"
    PROPERTY_LIST = "property_list"
    BREAKER = "breaker"


class UnreadablePayload(Exception):
    """A payload that cannot be parsed at all. `reason` is a stable code, used for counting.

    `says_alarm`: the text says alarm all the same, so people should see it.
    """

    def __init__(self, reason: str, *, says_alarm: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.says_alarm = says_alarm


class UnreadableMessage(NamedTuple):
    """One message of a payload that cannot be understood: the reason code, and whether it says alarm all the same."""

    reason: str
    says_alarm: bool = False


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
        Metric.EBIKE: "ebike_detected ebikedetected ebike e-bike electric_bike 电动车 电动自行车 电瓶车 电动车入梯"
        " 电动车进楼 电动车识别 电动车检测",
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
_PHOTOS = ("photo", "photos", "picture", "image", "图片", "照片")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_DEVICES = ("device", "deviceid", "device_id")
_BLANKS = re.compile(r"\s+")


def read(vendor: Vendor, device: str, payload: bytes) -> list[ParsedMessage]:
    """Parses the messages of a payload that `device` signed or published. Raises UnreadablePayload."""
    text = decode_payload(payload[: PAYLOAD_BYTES + 1])
    raw = text[:RAW_CHARACTERS].replace("\x00", "")
    if len(payload) > PAYLOAD_BYTES:
        raise UnreadablePayload("too_large", says_alarm=text_says_alarm(raw))
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise UnreadablePayload("not_json", says_alarm=text_says_alarm(raw)) from None
    if _depth(found) > MAX_DEPTH:
        raise UnreadablePayload("too_deep", says_alarm=text_says_alarm(raw))
    parts = list(ADAPTERS[vendor](found))
    if not parts:
        raise UnreadablePayload("empty", says_alarm=says_alarm(found))
    if len(parts) > MAX_MESSAGES:
        raise UnreadablePayload("too_many", says_alarm=says_alarm(found))
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


def _find_unit(part: Fields) -> str:
    unit = _pick_field(part, _UNITS)
    return _plain_word(unit) if isinstance(unit, str) else ""


def _parse_message(device: str, part: Fields, raw: str) -> ParsedMessage:
    metric, named = _find_metric(part), _pick_field(part, _DEVICES)
    if named is not None and named != device:
        return UnreadableMessage("foreign_device", says_alarm(part))
    if metric is None:
        return UnreadableMessage("unknown_metric", says_alarm(part))
    cleared = _plain_word(str(_pick_field(part, _STATES))).lower() in CLEARED_WORDS
    try:
        number = parse_number(metric, _pick_field(part, _VALUES), _find_unit(part))
    except InvalidField as error:
        return UnreadableMessage(str(error), not cleared and says_alarm(part))
    value = 1.0 if number.value is None and metric is Metric.EBIKE and not cleared else number.value
    if value is None and not cleared:
        return UnreadableMessage("no_value", says_alarm(part))
    level, message_id = (_short_text(_pick_field(part, names)) for names in (_LEVELS, _IDS))
    level = clean_line(level or "").strip() or None  # the id decides what is a repetition, so it stays as it is
    time, photo = _pick_field(part, _TIMES), _pick_field(part, _PHOTOS)
    occurred_at, digest = None if time is None else parse_instant(time), _parse_digest(photo)
    unread = {
        "time": None if occurred_at else time, "unit": number.unknown_unit, "photo": None if digest else photo,
    }  # fmt: skip
    notes = {name: note_text(field) for name, field in unread.items() if field is not None}
    return CanonicalMessage(
        device, metric, value, cleared, occurred_at, message_id, level, raw, photo=digest, notes=notes
    )


def _short_text(value: Any) -> str | None:
    return str(value).replace("\x00", "").strip()[:64] or None if isinstance(value, str | int | float) else None


def _parse_digest(value: Any) -> str | None:
    """The SHA-256 of the picture that a camera has sent before its alert: the first one if there are several."""
    first = cast("list[Any]", value)[0] if isinstance(value, list) and value else cast("Any", value)
    return first.lower() if isinstance(first, str) and _DIGEST.fullmatch(first) else None
