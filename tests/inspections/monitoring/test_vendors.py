"""Vendor adapters: the payload of each vendor is parsed into canonical messages or rejected with a reason."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspections.monitoring.alerts import CanonicalMessage, Metric
from inspections.monitoring.vendors import (
    ADAPTERS,
    MAX_DEPTH,
    MAX_MESSAGES,
    PAYLOAD_BYTES,
    UnreadableMessage,
    UnreadablePayload,
    Vendor,
    read,
)

CURRENT = Metric.RESIDUAL_CURRENT
AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SECONDS = 1795395600


def parse_payload(payload, vendor="canonical"):
    return read(vendor, "A-1", json.dumps(payload, ensure_ascii=False).encode())


def parse_one(payload, vendor="canonical"):
    (found,) = parse_payload(payload, vendor)
    assert isinstance(found, CanonicalMessage), found
    return found


def test_the_canonical_shape_is_parsed():
    found = parse_one(
        {
            "id": "m1",
            "device": "A-1",
            "metric": "residual_current_ma",
            "value": 452,
            "level": "alarm",
            "occurred_at": "2026-11-23T09:00:00+08:00",
        }
    )
    assert (found.metric, found.value, found.message_id, found.level, found.occurred_at) == (
        CURRENT,
        452,
        "m1",
        "alarm",
        AT,
    )
    assert "452" in found.raw
    several = parse_payload([{"metric": "temperature_c", "value": 71}, {"metric": "arc_count", "value": "15"}])
    assert [(each.metric, each.value) for each in several] == [(Metric.TEMPERATURE, 71), (Metric.ARC, 15)]
    assert several[0].raw != several[1].raw
    assert parse_one({"alerts": [{"metric": "voltage_v", "value": 270}]}).metric is Metric.VOLTAGE


@pytest.mark.parametrize(
    "time",
    [SECONDS, SECONDS * 1000, str(SECONDS), f"{SECONDS}000", "2026-11-23T09:00:00+08:00", "2026-11-23 09:00:00",
     "2026/11/23 09:00:00", " 2026-11-23T01:00:00Z ", "2026年11月23日 09:00:00", "2026年11月23日9时0分0秒",
     "2026-11-23 9:00", "2026.11.23 09:00:00.0", "20261123090000", 20261123090000, SECONDS * 10**6, SECONDS * 10**9],
)  # fmt: skip
def test_seconds_milliseconds_and_dates_are_distinguished(time):
    assert parse_one({"metric": "current_a", "value": 1, "time": time}).occurred_at == AT


def test_a_thing_model_message_yields_one_reading_per_parameter():
    found = parse_payload(
        {
            "id": "7",
            "method": "thing.event.property.post",
            "params": {"residual_current ": 432, "Temp": {"value": 71.5}, "time": SECONDS * 1000, "rssi": -70},
        },
        "thing_model",
    )
    assert [(each.metric, each.value, each.occurred_at, each.message_id) for each in found] == [
        (CURRENT, 432, AT, "7"), (Metric.TEMPERATURE, 71.5, AT, "7"),
    ]  # fmt: skip
    inner = {"id": "8", "method": "thing.event.post", "params": {"value": {"leakage": 33}, "time": SECONDS}}
    assert parse_one(inner, "thing_model").value == 33


def test_a_list_of_alarms_may_have_chinese_keys_and_blanks():
    alarms = [
        {"类型": "剩余电流", "当前值 ": "0.452", "单位": "A", "级别": 2, "时间": SECONDS, "状态": "报警"},
        {"type": "温度", "value": 20, "status": "恢复"},
    ]
    first, second = parse_payload({"deviceId": "A-1", "id": "x", "data": {"alarms": alarms}}, "alarm_list")
    assert (first.metric, first.value, first.level, first.occurred_at, first.cleared) == (CURRENT, 452, "2", AT, False)
    assert (second.metric, second.cleared, second.message_id) == (Metric.TEMPERATURE, True, None)


def test_unknown_properties_of_a_list_are_left_out():
    properties = [{"name": "温度", "value": 72}, {"name": "信号强度", "value": 9}]
    found = parse_one({"location_code": "33", "ts": SECONDS * 1000, "properties": properties}, "property_list")
    assert (found.metric, found.value, found.occurred_at) == (Metric.TEMPERATURE, 72, AT)


@pytest.mark.parametrize(("value", "level"), [(31, "trip"), (25, "warn"), (3, None)])
def test_a_breaker_has_limits_of_its_own(value, level):
    found = parse_one({"code": "LD", "val": value, "warn": 24, "trip": 30}, "breaker")
    assert (found.metric, found.value, found.level) == (CURRENT, value, level)
    assert len(parse_payload([{"code": "WD", "val": 1}, {"code": "DL", "val": 1, "level": "x"}], "breaker")) == 2


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"metric": "humidity", "value": 1}, "unknown_metric"),
        ({"value": 1}, "unknown_metric"),
        ({"metric": 7, "value": 1}, "unknown_metric"),
        ({"metric": "current_a"}, "no_value"),
        ({"metric": "current_a", "value": "much"}, "wrong_value"),
        ({"metric": "current_a", "value": [1]}, "wrong_value"),
        ({"metric": "current_a", "value": "4.5 4.6"}, "wrong_value"),
        ({"metric": "current_a", "value": "4.5 unknown unit"}, "wrong_value"),
        ({"metric": "current_a", "value": ""}, "no_value"),
        ({"metric": "current_a", "value": 1, "device": "B-2"}, "foreign_device"),
        ("text", "unknown_metric"),
    ],
)
def test_an_unclear_message_is_rejected_with_a_reason(payload, reason):
    assert parse_payload(payload) == [UnreadableMessage(reason)]


@pytest.mark.parametrize(
    "time",
    ["", " ", -1, "-1", 0, True, "yesterday", "0001-01-01T00:00:00", "2026-13-45 99:99:99", "20261399000000",
     10**19 * 9, "4026-11-23T09:00:00", ["2026-11-23"], {"seconds": 1}, "\0" * 99],
)  # fmt: skip
def test_a_time_that_cannot_be_read_is_noted_and_costs_no_alarm(time):
    found = parse_one({"metric": "residual_current_ma", "value": 652, "time": time})
    assert (found.value, found.occurred_at) == (652, None)
    assert list(found.notes) == ["time"]
    assert len(found.notes["time"]) <= 64
    assert "\0" not in found.notes["time"]


@pytest.mark.parametrize(
    ("metric", "value", "unit", "number"),
    [
        ("residual_current_ma", "652mA", None, 652),
        ("residual_current_ma", "652 MA", None, 652),
        ("residual_current_ma", "６５２ｍＡ", None, 652),
        ("residual_current_ma", "0.652A", None, 652),
        ("residual_current_ma", "652毫安", None, 652),
        ("residual_current_ma", 0.652, "a", 652),
        ("residual_current_ma", "652mA", "A", 652),
        ("residual_current_ma", "+6.52E2", "Ma", 652),
        ("residual_current_ma", "0x28C", None, 652),
        ("residual_current_ma", 652000, "μA", 652),
        ("temperature_c", "91.5℃", None, 91.5),
        ("temperature_c", "91.5 °C", None, 91.5),
        ("temperature_c", "91.5度", None, 91.5),
        ("temperature_c", 196.7, "℉", 91.5),
        ("temperature_c", "-5.0C", None, -5),
        ("voltage_v", "0.23kV", None, 230),
        ("current_a", 4500, "mA", 4.5),
        ("arc_count", "14次", None, 14),
    ],
)
def test_a_unit_behind_the_value_is_read_in_any_case(metric, value, unit, number):
    found = parse_one({"metric": metric, "value": value, "unit": unit})
    assert (round(found.value, 6), dict(found.notes)) == (number, {})


def test_an_unknown_unit_is_noted_and_the_number_counts():
    for body in ({"value": "652 lumens"}, {"value": 652, "unit": "lumens"}):
        found = parse_one({"metric": "residual_current_ma", **body})
        assert (found.value, dict(found.notes)) == (652, {"unit": "lumens"})


def test_a_message_in_another_encoding_is_read():
    body = {"类型": "剩余电流", "当前值": 652, "级别": "报警"}
    text = json.dumps(body, ensure_ascii=False)
    for payload in (text.encode("utf-8-sig"), text.encode("gbk"), text.encode() + b"\r\n\0\0"):
        (found,) = read("canonical", "A-1", payload)
        assert (found.metric, found.value, found.level) == (CURRENT, 652, "报警")


@pytest.mark.parametrize(
    "body",
    [
        {"metric": "residual_current_ma", "value": "high", "level": "alarm"},
        {"metric": "residual_current_ma", "level": "alarm"},
        {"type": "烟感报警", "value": 1},
        {"smoke_alarm": True},
        {"metric": "humidity", "value": 9, "level": 2},
        {"metric": "residual_current_ma", "value": [652], "state": "trip"},
        {"device": "B-2", "metric": "residual_current_ma", "value": 652, "level": "alarm"},
    ],
)
def test_what_cannot_be_read_but_says_alarm_is_known(body):
    (found,) = parse_payload(body)
    assert isinstance(found, UnreadableMessage)
    assert found.says_alarm
    with pytest.raises(UnreadablePayload) as garbage:
        read("canonical", "A-1", json.dumps(body, ensure_ascii=False).encode() + b"} ALARM")
    assert garbage.value.says_alarm


@pytest.mark.parametrize(
    "body",
    [
        {"metric": "humidity", "value": 9},
        {"metric": "humidity", "value": 9, "level": "normal"},
        {"smoke_alarm": 0, "fire": False, "firmware": "2.1"},
        {"metric": "humidity", "value": 9, "报警": "无"},
    ],
)
def test_what_says_no_alarm_is_only_counted(body):
    assert parse_payload(body) == [UnreadableMessage("unknown_metric")]


def test_an_empty_list_of_alarms_is_no_alarm():
    with pytest.raises(UnreadablePayload) as garbage:
        parse_payload({"deviceId": "A-1", "data": {"alarms": []}}, "alarm_list")
    assert (garbage.value.reason, garbage.value.says_alarm) == ("empty", False)


def test_an_e_bike_that_a_camera_sees_is_one_unless_it_says_how_many():
    seen = parse_one({"metric": "ebike_detected", "photo": "AB" * 32, "level": "alarm"})
    assert (seen.metric, seen.value, seen.photo, dict(seen.notes)) == (Metric.EBIKE, 1, "ab" * 32, {})
    assert parse_one({"metric": "ebike_detected", "value": True}).value == 1
    assert parse_one({"类型": "电动车", "值": "2辆", "照片": ["cd" * 32, "ef" * 32]}).photo == "cd" * 32
    assert parse_one({"metric": "ebike_detected", "status": "cleared"}).value is None
    lost = parse_one({"metric": "ebike_detected", "photo": "http://camera/1.jpg"})
    assert (lost.photo, dict(lost.notes)) == (None, {"photo": "http://camera/1.jpg"})


def test_a_message_may_say_that_the_signal_is_over():
    assert parse_one({"metric": "current_a", "value": 1, "status": "cleared"}).cleared
    assert parse_one({"metric": "current_a", "value": "", "status": "恢复"}).cleared


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"{'a': 1}", "not_json"),
        (b'{"value": NaN}', "not_json"),
        (b"[" * 200_000, "not_json"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "too_deep"),
        (b"[]", "empty"),
        (b" " * (PAYLOAD_BYTES + 1), "too_large"),
        (json.dumps([{}] * (MAX_MESSAGES + 1)).encode(), "too_many"),
    ],
)
def test_an_unreadable_payload_is_rejected_with_a_reason(payload, reason):
    with pytest.raises(UnreadablePayload) as garbage:
        read("canonical", "A-1", payload)
    assert garbage.value.reason == reason


@pytest.mark.parametrize("vendor", [*ADAPTERS])
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "params",
                        "data",
                        "alarms",
                        "properties",
                        "value",
                        "val",
                        "time",
                        "metric",
                        "code",
                        "temp",
                        "level",
                        "id",
                    ]
                )
                | st.text(max_size=5),
                inner,
                max_size=6,
            )
        ),
        max_leaves=25,
    )
)
def test_any_payload_is_parsed_or_rejected_with_a_reason(vendor, payload):
    reasons = []
    try:
        found = read(vendor, "A-1", json.dumps(payload).encode())
    except UnreadablePayload as garbage:
        found, reasons = [], [garbage.reason]
    assert set(reasons) <= {"not_json", "too_deep", "empty", "too_many"}
    assert all("\x00" not in each.raw for each in found if isinstance(each, CanonicalMessage))


def test_every_vendor_has_its_adapter():
    assert ADAPTERS.keys() == set(Vendor)
